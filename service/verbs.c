/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs and what each can be told. A new flag is one row here (replay_help.c has those of
 * replay) and the place that reads it; `./dev docs` writes the manual page and the completions.
 */
#include "service/demo.h"
#include "service/get_verb.h"
#include "service/replay.h"
#include "service/serve.h"
#include "service/snapshot_verb.h"
#include "service/token_verb.h"
#include "service/top_verb.h"
#include "service/verb.h"

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define HELP_ROW                                                                                   \
    {                                                                                              \
        .name = "--help", .help = "this text"                                                      \
    }

/* A table reads by columns. */
/* clang-format off */

/* ---- serve, demo ------------------------------------------------------------------------------- */

const struct verb verb_serve = {
    .name = "serve", .summary = "run the service", .run = serve_main, .settings = true,
    .usage = LIST("[--config FILE] [--KEY VALUE ...]"),
    .intro = LIST(
        "Reads view and click events from Kafka and serves their live click-through rates. Every "
        "setting has three doors, later ones winning: \"key = value\" lines of the file (# begins a "
        "comment), LIVECTR_KEY in the environment, --key VALUE here."),
    .rows = (const struct verb_row[]){
        {.name = "--config", .value = "FILE", .help = "settings, one \"key = value\" a line"},
        HELP_ROW, {0}},
    .notes = LIST(
        "Durations: 500ms, 10s, 10m, 48h, 8d. SIGHUP reads the settings again, and those marked with "
        "it change at once; so are the files of tokens and certificates, which are looked at each "
        "second, too. On SIGTERM or SIGINT it drains, saves and exits within 25 s; a second signal "
        "skips the draining."),
    .examples = LIST(
        "livectr serve --brokers kafka-1:9092 --topics page_views:view,box_clicks:click"),
    .codes = (const struct verb_code[]){
        {0, "all was saved"}, {1, "it could not start"},
        {3, "the last snapshot failed, and the next start reads more"}, {0}},
};

const struct verb verb_demo = {
    .name = "demo", .summary = "the service with a Kafka stand-in and traffic of known CTR, to look at",
    .run = demo_main,
    .usage = LIST("[options]"),
    .intro = LIST(
        "Runs the whole service on made-up traffic whose true click-through rates are known, through a "
        "stand-in for Kafka inside the process, and shows a live table of measured against true. Needs "
        "nothing, leaves nothing behind. Ctrl-C ends it."),
    .rows = (const struct verb_row[]){
        {.name = "--seconds", .value = "N", .help = "end by itself after N seconds"},
        {.name = "--rate", .value = "N", .preset = "200", .help = "events per second"},
        {.name = "--seed", .value = "N", .preset = "1",
         .help = "of the traffic: the same seed makes the same visits"},
        {.name = "--window", .value = "NAME", .preset = "10m", .choices = "1m,10m,20m,1h,24h",
         .help = "the window shown: 1m, 10m, 20m, 1h or 24h"},
        {.name = "--kafka", .value = "BROKERS",
         .help = "a real Kafka instead: makes the topic livectr-demo, which stays there, with records "
                 "kept for a day"},
        HELP_ROW, {0}},
    .notes = LIST(
        "The API listens on 127.0.0.1:8080 and the admin listener on 127.0.0.1:8081, or on free ports "
        "where those are taken. A listed CTR is clicks / impressions in the window; 19 of 20 true "
        "values lie in their 95 % interval, after the first seconds (a click comes up to 3 s after its "
        "view)."),
    .codes = (const struct verb_code[]){
        {0, "it ended, and a CTR was seen"}, {1, "it could not start, or no CTR was seen"}, {0}},
};

/* ---- asking a service -------------------------------------------------------------------------- */

#define ASKING_ROWS                                                                                \
    {.name = "--url", .value = "URL", .preset = "http://127.0.0.1:8080",                           \
     .help = "where the service listens; LIVECTR_URL in the environment"},                         \
    {.name = "--token-file", .value = "FILE",                                                      \
     .help = "file whose first line is the bearer token; or the token itself in LIVECTR_BEARER"},   \
    {.name = "--ca-file", .value = "FILE",                                                         \
     .help = "PEM file of who may sign the service's certificate, instead of the system's"}

const struct verb verb_get = {
    .name = "get", .summary = "one CTR of a running service, for people and scripts",
    .run = get_main,
    .usage = LIST("[--page PAGE] [--box BOX] [--window NAME] [--json] [options]"),
    .intro = LIST(
        "Asks a running service for one click-through rate: of a placement (--page and --box), a page, "
        "a box across pages, or the site where neither is named. Prints one line: the CTR with its 95 % "
        "interval, what it was counted from, and how fresh it is."),
    .rows = (const struct verb_row[]){
        {.group = "What"},
        {.name = "--page", .value = "PAGE", .help = "id of the page"},
        {.name = "--box", .value = "BOX", .help = "id of the box"},
        {.name = "--window", .value = "NAME", .choices = "1m,10m,1h,24h",
         .help = "one of the setting windows; 10m where there is one"},
        {.name = "--json", .help = "print the answer of GET /v1/ctr as it came"},
        {.group = "Where"},
        ASKING_ROWS,
        {.name = "--timeout", .value = "SPAN", .preset = "5s", .help = "how long to wait for the answer"},
        HELP_ROW, {0}},
    .examples = LIST(
        "livectr get --page /offer/list --box opbox.carousel.1 --window 1h",
        "livectr get --page /offer/list --json | jq .ctr"),
    .codes = (const struct verb_code[]){
        {0, "printed, and the numbers are live"},
        {1, "no answer: not reached, too slow, refused or unable; stderr says why"},
        {2, "wrong arguments, or what the service does not know (such as a window)"},
        {3, "printed, but the numbers are not live (stale, catching_up or backfilling)"},
        {4, "printed, but nobody saw it in this window, so that there is no CTR"}, {0}},
};

const struct verb verb_top = {
    .name = "top", .summary = "a live table of what leads, rises or falls",
    .run = top_main,
    .usage = LIST("[--level LEVEL] [--by ORDER] [--window NAME] [options]"),
    .intro = LIST(
        "Shows the first rows of GET /v1/top of a running service, as many as the terminal has lines, "
        "anew every second. q or Ctrl-C ends it. When the service is stale or away it says so and goes "
        "on by itself. Where the output is no terminal, one table is printed."),
    .rows = (const struct verb_row[]){
        {.group = "What"},
        {.name = "--level", .value = "LEVEL", .preset = "placement", .choices = "page,box,placement",
         .help = "page, box or placement"},
        {.name = "--by", .value = "ORDER", .preset = "ctr_low",
         .choices = "ctr_low,ctr,clicks,impressions,unique_ctr,smoothed_ctr,rise,fall",
         .help = "ctr_low, ctr, clicks, impressions, unique_ctr, smoothed_ctr; rise and fall: what moved "
                 "beyond noise"},
        {.name = "--window", .value = "NAME", .choices = "1m,10m,1h,24h",
         .help = "one of the setting windows; 10m where there is one"},
        {.name = "--page", .value = "PAGE", .help = "only boxes of this page"},
        {.name = "--min-impressions", .value = "N", .help = "leave out what was seen less often"},
        {.group = "Where"},
        ASKING_ROWS,
        {.group = "How"},
        {.name = "--interval", .value = "SPAN", .preset = "1s", .help = "between two questions"},
        {.name = "--once", .help = "print one table and end, as where the output is no terminal"},
        HELP_ROW, {0}},
    .notes = LIST("Colours only on a terminal, and not where NO_COLOR is set or TERM is dumb."),
    .examples = LIST("livectr top --level page --by rise --window 10m",
                     "livectr top --page /offer/list --once"),
    .codes = (const struct verb_code[]){
        {0, "ended by q, Ctrl-C or SIGTERM, or the table was printed"},
        {1, "the one table could not be had, or the terminal went away"}, {2, "wrong arguments"}, {0}},
};

/* ---- files ------------------------------------------------------------------------------------- */

const struct verb verb_snapshot = {
    .name = "snapshot", .summary = "what a snapshot's file holds, and whether it is undamaged",
    .run = snapshot_main, .files = true, .words = LIST("info", "verify", "export"),
    .usage = LIST("info|verify|export FILE"),
    .intro = LIST(
        "What a file of a stopped service holds (DATA_DIR/livectr.db, DATA_DIR/livectr.2.db, or one "
        "that was put aside). It is never written to.",
        "info: the schema version, the newest cut and its times, positions, rows and bytes.",
        "verify: looks at every page and the checksum of every row, the history's as well, and names "
        "what is damaged.",
        "export: all of it but people and held records as NDJSON to stdout: lines whose \"what\" is "
        "snapshot, partition, key or minute; the history is in the minutes."),
    .rows = (const struct verb_row[]){HELP_ROW, {0}},
    .examples = LIST("livectr snapshot verify /var/lib/livectr/livectr.db"),
    .codes = (const struct verb_code[]){
        {0, "all is well"}, {1, "it is damaged, in use or cannot be read"}, {2, "wrong arguments"}, {0}},
};

const struct verb verb_token = {
    .name = "token", .summary = "makes a bearer token, for the setting tokens", .run = token_main,
    .usage = LIST("--name NAME [--scope SCOPES] [--expires TIME]"),
    .intro = LIST(
        "Makes a bearer token. The token itself goes to stdout, once: it is kept nowhere. The line for "
        "the file that the setting tokens names, which holds only its hash, goes to stderr."),
    .rows = (const struct verb_row[]){
        {.name = "--name", .value = "NAME", .help = "of whoever will use it: letters, digits and - _ ."},
        {.name = "--scope", .value = "SCOPES", .preset = "read", .choices = "read,stream,export,admin",
         .help = "read (numbers), stream, export, admin (/metrics); with commas"},
        {.name = "--expires", .value = "TIME", .help = "when it ends, as 2027-06-30T00:00:00Z; never where not given"},
        HELP_ROW, {0}},
    .notes = LIST(
        "A running service takes the line up within two seconds. To take a token away, delete its line."),
    .examples = LIST("livectr token --name dashboard --scope read,stream 2>>/etc/livectr/tokens"),
    .codes = (const struct verb_code[]){
        {0, "made"}, {1, "the system would not give random bytes or a hash"}, {2, "wrong arguments"}, {0}},
};

/* clang-format on */

const struct verb *const verbs[] = {&verb_serve,  &verb_demo,     &verb_get,  &verb_top,
                                    &verb_replay, &verb_snapshot, &verb_token};
const size_t verbs_count = sizeof verbs / sizeof verbs[0];
