/* SPDX-License-Identifier: Apache-2.0
 *
 * What `livectr replay` can be told. A new flag is one row here and a setter in replay_flags.c.
 */
#include "service/replay.h"
#include "service/verb.h"

/* A table reads by columns. */
/* clang-format off */
static const struct verb_row rows[] = {
    {.group = "Where to"},
    {.name = "--brokers", .value = "LIST", .help = "bootstrap servers"},
    {.name = "--topic", .value = "TOPIC", .help = "for all events"},
    {.name = "--split-topics", .value = "V,C", .help = "views to topic V, clicks to topic C instead"},
    {.name = "--create", .value = "N",
     .help = "create a missing topic with N partitions that keeps its records for ever (old records are "
             "else deleted by age)"},
    {.name = "--partition-by", .value = "WHAT", .preset = "visitor", .choices = "visitor,page,none",
     .help = "the record key: visitor, page or none"},
    {.name = "--config", .value = "FILE",
     .help = "settings as for livectr serve (brokers, kafka.*, field names)"},
    {.help = "Any librdkafka property goes with it as --kafka.NAME VALUE."},
    {.name = "--dry-run", .help = "print the events as NDJSON to stdout, produce nothing"},
    {.group = "What"},
    {.help = "Without --csv the files are NDJSON: one event per line, produced byte for byte."},
    {.name = "--map", .value = "FIELD=NAME",
     .help = "the event's FIELD (type, ts, page, box, visitor, id) is called NAME: a JSON field, or with "
             "--csv a column"},
    {.name = "--set", .value = "FIELD=VALUE",
     .help = "type=view or type=click: the type of every event; with --csv also the same page, box or "
             "visitor for every row"},
    {.name = "--from", .value = "TIME", .help = "only events with from <= ts (RFC 3339)"},
    {.name = "--until", .value = "TIME",
     .help = "only events with ts < until; a click goes by its own time, so that a replay can be stopped "
             "and continued at any moment"},
    {.group = "CSV (RFC 4180, the first row names the columns)"},
    {.name = "--csv", .help = "the files are CSV; map at least ts and page"},
    {.name = "--separator", .value = "C", .preset = ",", .help = "one byte, or the word tab"},
    {.name = "--click-if", .value = "COLUMN=VALUE",
     .help = "rows are views, and such a row means a click as well ..."},
    {.name = "--click-after", .value = "SPAN", .preset = "2s", .help = "... so much later"},
    {.help = "A ts is epoch milliseconds or RFC 3339. Without a mapped id, events are called FILE:LINE:v "
             "and FILE:LINE:c; with one, the click of a row is called ID:c."},
    {.group = "How fast"},
    {.name = "--speed", .value = "max|N", .preset = "max",
     .help = "as fast as it goes, or N times event time: 1 is real time, 100 an hour in 36 s"},
    {.name = "--rate", .value = "N", .help = "N events per second, whatever their times"},
    {.group = "Offline: count instead of producing; needs no server and, but for topics, no Kafka"},
    {.name = "--offline",
     .help = "write the minutes of every page and box as the service would have counted them"},
    {.name = "--dump", .value = "FILE",
     .help = "count a dump of topics: lines {\"topic\": , \"partition\": , \"offset\": , \"time\": MS, "
             "\"value_b64\": } by offset"},
    {.name = "--format", .value = "FORMAT", .preset = "ndjson", .choices = "ndjson,csv",
     .help = "ndjson or csv: one line per key and minute"},
    {.name = "--output", .value = "FILE", .help = "appears when it is complete; stdout by default"},
    {.help = "With FILEs it counts their events, each record dated with its event time; with --brokers and "
             "--topics those topics, from the earliest record to their ends. Any setting of livectr serve "
             "goes with it."},
    {.group = "Else"},
    {.name = "--help", .help = "this text"},
    {0},
};
/* clang-format on */

static const char *const usage[] = {"--brokers HOST:PORT --topic TOPIC [options] FILE...",
                                    "--offline [options] FILE...", NULL};
static const char *const intro[] = {
    "Produces the events of files to a Kafka topic, in the order of their event time across all "
    "files, each record dated with its event time. A FILE of - is stdin.",
    NULL};
static const char *const notes[] = {
    "Files are taken to be ordered by time within; events of the same time keep the order of the "
    "files. A line that is no event is reported as FILE:LINE: reason, skipped, and makes the exit "
    "code 1.",
    "The example loads the Open Bandit data, a click 2 s after its view.", NULL};
static const char *const examples[] = {
    "livectr replay --brokers localhost:9092 --topic bandit --create 4 --csv \\",
    "    --map ts=timestamp --map page=campaign --map box=item_id \\",
    "    --map visitor=user_features --click-if click=1 --click-after 2s *.csv", NULL};
static const struct verb_code codes[] = {{0, "all done"},
                                         {1, "something was not"},
                                         {2, "wrong options or a missing file, column or topic"},
                                         {130, "stopped by a signal"},
                                         {0}};

const struct verb verb_replay = {
    .name = "replay",
    .summary = "produce events from NDJSON or CSV files to a topic, or count them offline",
    .usage = usage,
    .intro = intro,
    .rows = rows,
    .notes = notes,
    .examples = examples,
    .codes = codes,
    .files = true,
    .run = replay_main,
};
