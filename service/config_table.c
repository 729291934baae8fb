/* SPDX-License-Identifier: Apache-2.0 */
#include "service/config_table.h"

#include <string.h>

#include "service/config.h"
#include "storage/minutes.h"

#define AT(member) offsetof(struct config, member)
#define SECOND_MS  INT64_C(1000)
#define HOUR_MS    (60 * MINUTE_MS)
#define DAY_MS     (24 * HOUR_MS)

/* A table reads by columns. */
/* clang-format off */
const struct option config_options[] = {
    {"brokers", OPTION_TEXT, AT(brokers), "", 0, CONFIG_TEXT_BYTES - 1, false, {0}, "Kafka",
     "where Kafka is: host:port, more with commas"},
    {"topics", OPTION_TOPICS, 0, NULL, 0, 0, false, {0}, "Kafka",
     "topics to read, with commas; NAME:view or NAME:click where the topic says the type"},
    {"start", OPTION_START, 0, "horizon", 0, 0, false, {0}, "Kafka",
     "without a snapshot: horizon (the widest window back), earliest, latest, or an RFC 3339 time; earliest if clock = event"},
    {"discover_interval", OPTION_SPAN, AT(discover_interval_ms), "30s", 100, HOUR_MS, false, {0}, "Kafka",
     "how often new partitions are looked for"},
    {"probe_interval", OPTION_SPAN, AT(probe_interval_ms), "200ms", 10, 10 * SECOND_MS, false, {0}, "Kafka",
     "how often the brokers are asked whether a partition's end is still its end"},
    {"gap", OPTION_CHOICE, AT(gap), "continue", 0, 0, false, {"continue", "stop"}, "Kafka",
     "records deleted or damaged before they were read: continue counts them as lost and goes on, stop waits for a decision"},
    {"log_changed", OPTION_CHOICE, AT(log_changed), "stop", 0, 0, false, {"stop", "restart"}, "Kafka",
     "a partition is another log than before, or shorter than was read: stop waits, restart reads it from its beginning"},
    {"stall_after", OPTION_SPAN, AT(stall_after_ms), "30s", SECOND_MS, HOUR_MS, false, {0}, "Kafka",
     "how long a partition may have a backlog from which nothing comes, before it is assigned anew"},

    {"field_type", OPTION_TEXT, AT(fields.type), "type", 1, 127, false, {0}, "Events",
     "field of the type: a name, or a JSON pointer such as /context/kind"},
    {"field_ts", OPTION_TEXT, AT(fields.ts), "ts", 1, 127, false, {0}, "Events",
     "field of the event time: epoch milliseconds or RFC 3339"},
    {"field_page", OPTION_TEXT, AT(fields.page), "page", 1, 127, false, {0}, "Events",
     "field of the page id"},
    {"field_box", OPTION_TEXT, AT(fields.box), "box", 1, 127, false, {0}, "Events",
     "field of the box id (optional in an event)"},
    {"field_visitor", OPTION_TEXT, AT(fields.visitor), "visitor", 1, 127, false, {0}, "Events",
     "field of the visitor id (optional in an event)"},
    {"field_id", OPTION_TEXT, AT(fields.id), "id", 1, 127, false, {0}, "Events",
     "field of the event id (optional in an event)"},
    {"view_types", OPTION_TEXT, AT(view_types), "view", 1, CONFIG_TEXT_BYTES - 1, false, {0}, "Events",
     "words that mean a view, with commas"},
    {"click_types", OPTION_TEXT, AT(click_types), "click", 1, CONFIG_TEXT_BYTES - 1, false, {0}, "Events",
     "words that mean a click, with commas"},
    {"max_record_bytes", OPTION_NUMBER, AT(record_bytes_max), "16384", 64, 1048576, false, {0}, "Events",
     "longer records are malformed"},

    {"windows", OPTION_WINDOWS, AT(windows), "1m,10m,1h,24h", 0, 0, false, {0}, "Numbers",
     "rolling windows that are answered, up to 8"},
    {"clock", OPTION_CHOICE, AT(clock), "wall", 0, 0, false, {"wall", "event"}, "Numbers",
     "what moves the windows: wall, or event for replaying the past"},
    {"settle", OPTION_SPAN, AT(settle_ms), "500ms", 0, 10 * MINUTE_MS, false, {0}, "Numbers",
     "how long a producer may take to deliver; answers lag by as much"},
    {"late", OPTION_SPAN, AT(late_ms), "48h", 0, 400 * DAY_MS, true, {0}, "Numbers",
     "a record this much after its event is late and not counted; off: never"},
    {"future", OPTION_SPAN, AT(future_ms), "60s", 0, 400 * DAY_MS, true, {0}, "Numbers",
     "an event this much after its record is from the future and not counted; off: never"},
    {"page_impressions", OPTION_CHOICE, AT(page_impressions), "page_views", 0, 0, false,
     {"page_views", "box_views"}, "Numbers",
     "whether a view of a box is an impression of its page and the site, too"},
    {"people_horizon", OPTION_SPAN, AT(people_horizon_ms), "10m", SECOND_MS, DAY_MS, false, {0}, "Numbers",
     "longest window that has viewers and clickers"},
    {"dedup_horizon", OPTION_SPAN, AT(dedup_horizon_ms), "10m", SECOND_MS, DAY_MS, false, {0}, "Numbers",
     "how long after its event a copy is recognised by its id"},
    {"lateness", OPTION_SPAN, AT(lateness_ms), "2m", 0, HOUR_MS, false, {0}, "Numbers",
     "how long after its end a minute is final; later events still correct it"},
    {"click_gap", OPTION_SPAN, AT(click_gap_ms), "off", 1, HOUR_MS, true, {0}, "Numbers",
     "clicks of one visitor in one place less than this apart count once; off: every click counts"},
    {"filter", OPTION_FILTER, 0, "", 0, 0, false, {0}, "Numbers",
     "FIELD=VALUE: events with that value are counted apart, e.g. bot=true"},
    {"scout_after", OPTION_SPAN, AT(scout_after_ms), "60s", SECOND_MS, 400 * DAY_MS, true, {0}, "Numbers",
     "this far behind now, newest windows are answered first, while the gap is worked through; off: in order only"},
    {"scout_window", OPTION_SPAN, AT(scout_window_ms), "10m", SECOND_MS, 2 * DAY_MS, false, {0}, "Numbers",
     "windows up to this long are answered whole meanwhile"},
    {"max_memory", OPTION_BYTES, AT(memory_max_bytes), "off", INT64_C(128) << 20, INT64_C(1) << 44, true, {0}, "Limits",
     "bytes (512m, 3g) that the process is held below: the limits that are not given are derived from it"},
    {"max_keys", OPTION_NUMBER, AT(keys_max), "1000000", 1, 100000000, false, {0}, "Limits",
     "pages, boxes and placements with a row of their own; the rest is counted in `other`"},
    {"max_held", OPTION_NUMBER, AT(held_max), "2000000", 1000, 1000000000, false, {0}, "Limits",
     "records read but not counted; partitions that run ahead wait beyond it"},
    {"max_visitors", OPTION_NUMBER, AT(visitors_max), "20000000", 1, 2000000000, false, {0}, "Limits",
     "pairs of a visitor and a page or box that are remembered (15 to 20 bytes each, 37 of who sees no box); beyond it people are null"},
    {"max_ids", OPTION_NUMBER, AT(ids_max), "20000000", 1, 2000000000, false, {0}, "Limits",
     "events that are remembered to find copies; beyond it they are counted unchecked"},
    {"max_minutes", OPTION_NUMBER, AT(minutes_max), "4000000", 1000, 1000000000, false, {0}, "Limits",
     "rows of finished minutes that wait for the disk"},
    {"max_connections", OPTION_NUMBER, AT(connections_max), "4096", 1, 1000000, false, {0}, "Limits",
     "open connections on listen; who comes then is told 503, or closed"},
    {"connections_per_address", OPTION_NUMBER, AT(connections_per_address), "3072", 0, 1000000, false, {0}, "Limits",
     "of one address; who comes then is told 429; 0: only max_connections counts"},
    {"shed_after", OPTION_SPAN, AT(shed_after_ms), "1s", 10, HOUR_MS, true, {0}, "Limits",
     "requests on listen that had to wait this long, one after the other, are told 503; off: never"},
    {"max_exports", OPTION_NUMBER, AT(exports_max), "2", 0, 1000, false, {0}, "Limits",
     "exports at once; each takes some 60 bytes a key in data_dir until it was read"},
    {"max_streams", OPTION_NUMBER, AT(streams_max), "1000", 0, 1000000, false, {0}, "Limits",
     "streams at once; they are among max_connections"},

    {"listen", OPTION_ADDRESS, AT(listen), "127.0.0.1:8080", 0, 0, false, {0}, "HTTP",
     "address of the API; port 0 takes any"},
    {"admin_listen", OPTION_ADDRESS, AT(admin_listen), "127.0.0.1:8081", 0, 0, false, {0}, "HTTP",
     "address of health and metrics alone"},
    {"http_threads", OPTION_NUMBER, AT(http_threads), "2", 1, 64, false, {0}, "HTTP",
     "threads that answer"},
    {"ready_lag", OPTION_SPAN, AT(ready_lag_ms), "60s", SECOND_MS, DAY_MS, false, {0}, "HTTP",
     "/readyz is 200 once the answers are this close to now"},
    {"ready_timeout", OPTION_SPAN, AT(ready_timeout_ms), "30s", 0, DAY_MS, false, {0}, "HTTP",
     "or this long after the start, with what there is"},
    {"drain", OPTION_SPAN, AT(drain_ms), "5s", 0, 20 * SECOND_MS, false, {0}, "HTTP",
     "how long /readyz is 503 before the end, after SIGTERM"},

    {"access_log", OPTION_CHOICE, AT(access_log), "sampled", 0, 0, false, {"off", "sampled", "all"}, "HTTP",
     "which requests are a line of the log: sampled are one of access_log_sample and every one refused or failed"},
    {"access_log_sample", OPTION_NUMBER, AT(access_sample), "1000", 1, 1000000000, false, {0}, "HTTP",
     "with access_log = sampled, one request of so many"},
    {"access_log_format", OPTION_CHOICE, AT(access_format), "logfmt", 0, 0, false, {"logfmt", "json"}, "HTTP",
     "how such a line is written"},
    {"access_log_query", OPTION_CHOICE, AT(access_query), "no", 0, 0, false, {"no", "yes"}, "HTTP",
     "yes: with the request's raw target, which names pages and boxes"},

    {"tokens", OPTION_TEXT, AT(tokens), "", 0, CONFIG_TEXT_BYTES - 1, false, {"FILE"}, "Who may ask",
     "file of bearer tokens, of which livectr token makes lines; without it everybody may ask; read again when it changes"},
    {"open", OPTION_CHOICE, AT(open), "no", 0, 0, false, {"no", "yes"}, "Who may ask",
     "yes: that other machines may ask without a token is meant, and not warned of"},
    {"tls_cert", OPTION_TEXT, AT(tls_cert), "", 0, CONFIG_TEXT_BYTES - 1, false, {"FILE"}, "Who may ask",
     "PEM file of the certificate and those above it: listen speaks HTTPS; read again when it changes"},
    {"tls_key", OPTION_TEXT, AT(tls_key), "", 0, CONFIG_TEXT_BYTES - 1, false, {"FILE"}, "Who may ask",
     "PEM file of its key"},
    {"admin_tls", OPTION_CHOICE, AT(admin_tls), "no", 0, 0, false, {"no", "yes"}, "Who may ask",
     "yes: admin_listen speaks HTTPS, too"},
    {"cors_origins", OPTION_TEXT, AT(cors_origins), "", 0, CONFIG_TEXT_BYTES - 1, false, {0}, "Who may ask",
     "web pages whose scripts may read answers: https://a.example, more with commas; * for all, only without tokens"},

    {"data_dir", OPTION_TEXT, AT(data_dir), "livectr-data", 1, CONFIG_TEXT_BYTES - 64, false, {"DIR"}, "State",
     "folder of the snapshot; made if missing"},
    {"hash_key", OPTION_TEXT, AT(hash_key), "", 0, CONFIG_TEXT_BYTES - 1, false, {"FILE"}, "State",
     "file of the secret that visitor ids are hashed with; made as hash.key in data_dir if not named"},
    {"keep_minutes", OPTION_SPAN, AT(keep_minutes_ms), "8d", HOUR_MS, 400 * DAY_MS, false, {0}, "State",
     "how long finished minutes are kept before they become hours"},
    {"keep_hours", OPTION_SPAN, AT(keep_hours_ms), "400d", DAY_MS, 4000 * DAY_MS, false, {0}, "State",
     "how long hours are kept"},
    {"snapshot_interval", OPTION_SPAN, AT(snapshot_interval_ms), "10s", 10, DAY_MS, false, {0}, "State",
     "how often counts and positions are saved"},
    {"snapshot_copies", OPTION_NUMBER, AT(snapshot_copies), "2", 1, 2, false, {0}, "State",
     "files that each hold all of it, so that a damaged one costs nothing"},
    {"log_level", OPTION_CHOICE, AT(log_level), "info", 0, 0, false,
     {"error", "warn", "info", "debug"}, "State", "how much is logged"},
};
/* clang-format on */

const size_t config_options_count = sizeof config_options / sizeof config_options[0];

/* Read each time they are needed, by config_live_ms() where that is another thread. */
bool config_option_live(const struct option *option)
{
    static const char *const names[] = {"drain", "log_level", "ready_lag", "ready_timeout",
                                        "snapshot_interval"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(option->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

const struct option *config_option(const char *name)
{
    for (size_t i = 0; i < config_options_count; i++) {
        if (strcmp(config_options[i].name, name) == 0) {
            return &config_options[i];
        }
    }
    return NULL;
}
