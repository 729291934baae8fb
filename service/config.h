/* SPDX-License-Identifier: Apache-2.0
 *
 * Every setting: one name, three doors (file, environment, command line; later doors win), one row
 * in the table of config_table.c. Read at the start, and again on SIGHUP (reload.h): what can
 * change then is read with config_live_ms(), all else is const.
 */
#ifndef LIVECTR_SERVICE_CONFIG_H
#define LIVECTR_SERVICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/cors.h"
#include "service/access_log.h"
#include "service/log.h"
#include "service/source.h"
#include "storage/status.h"
#include "storage/store.h"

enum {
    CONFIG_OPTIONS_MAX = 128,
    CONFIG_TEXT_BYTES = 1024,
    CONFIG_TOPICS_MAX = 32,
    CONFIG_KAFKA_MAX = 64
};

/* What to do where records are gone unread, and where a log is not the one that was read. */
enum gap_policy { GAP_CONTINUE, GAP_STOP };
enum log_policy { LOG_CHANGED_STOP, LOG_CHANGED_RESTART };

/* In the order of the settings' choices. */
enum open_choice { OPEN_NO, OPEN_YES };
enum admin_tls { ADMIN_TLS_NO, ADMIN_TLS_YES };

enum topic_type { TOPIC_TYPE_FROM_EVENT, TOPIC_TYPE_VIEW, TOPIC_TYPE_CLICK };

struct config_topic {
    char name[PARTITION_TOPIC_BYTES];
    enum topic_type type;
};

struct config_pair {
    char name[128], value[512];
};

struct config_address {
    char host[256];
    uint16_t port; /* 0: the system chooses; serve prints which */
};

struct config_fields {
    char type[128], ts[128], page[128], box[128], visitor[128], id[128];
};

struct config {
    char brokers[CONFIG_TEXT_BYTES];
    struct config_topic topics[CONFIG_TOPICS_MAX];
    size_t topics_count;
    struct config_pair kafka[CONFIG_KAFKA_MAX]; /* kafka.* without the prefix */
    size_t kafka_count;
    struct config_fields fields;
    char view_types[CONFIG_TEXT_BYTES], click_types[CONFIG_TEXT_BYTES]; /* comma separated */

    struct config_address listen, admin_listen;
    uint32_t http_threads, connections_max;
    uint32_t connections_per_address; /* 0: no limit of its own */
    int64_t shed_after_ms;            /* INT64_MAX: off */
    uint32_t exports_max, streams_max;

    char tokens[CONFIG_TEXT_BYTES]; /* files, "" none */
    char tls_cert[CONFIG_TEXT_BYTES], tls_key[CONFIG_TEXT_BYTES];
    enum admin_tls admin_tls;
    enum open_choice open; /* everybody may ask, and that is meant */
    char cors_origins[CONFIG_TEXT_BYTES];

    char data_dir[CONFIG_TEXT_BYTES];
    int64_t snapshot_interval_ms;
    uint32_t snapshot_copies;

    struct window_set windows;
    enum clock_mode clock;
    enum page_impressions page_impressions;
    int64_t settle_ms, late_ms, future_ms, people_horizon_ms, dedup_horizon_ms, lateness_ms;
    int64_t click_gap_ms;                      /* INT64_MAX: off */
    char filter_field[128], filter_value[128]; /* "" where nothing is filtered */
    int64_t keep_minutes_ms, keep_hours_ms;
    char hash_key[CONFIG_TEXT_BYTES]; /* a file; "": hash.key in data_dir */
    bool start_given;                 /* else horizon, or earliest in event mode */
    bool start_horizon;
    struct source_start start;

    int64_t scout_after_ms, scout_window_ms; /* after INT64_MAX: off */
    int64_t ready_lag_ms, ready_timeout_ms, drain_ms, discover_interval_ms, probe_interval_ms;
    int64_t stall_after_ms;
    enum gap_policy gap;
    enum log_policy log_changed;
    enum access_mode access_log;
    enum access_format access_format;
    enum access_query access_query;
    uint32_t access_sample;
    int64_t memory_max_bytes; /* 0: off */
    uint32_t keys_max, held_max, record_bytes_max, visitors_max, ids_max, minutes_max;
    enum log_level log_level;

    bool given[CONFIG_OPTIONS_MAX]; /* by row of the table: by a door, not by default */
    /* Derived from memory_max_bytes (ceiling.h); 0: no limit. */
    uint64_t key_text_max_bytes, held_max_bytes;
    uint32_t kafka_queue_kbytes;
    struct cors cors; /* what cors_origins says */
};

/* A span that SIGHUP may change: &config->drain_ms. Thread: any. */
static inline int64_t config_live_ms(const int64_t *member)
{
    return __atomic_load_n(member, __ATOMIC_RELAXED);
}

/* The defaults of every setting. */
void config_defaults(struct config *ret_config);

/* Sets one by name (underscores; "kafka.x" too), as if by a line of a file. `where` names the
 * place in errors ("livectr.conf:12", "--windows", "LIVECTR_WINDOWS").
 * Errors: CTR_INVALID with where, the reason and the nearest valid name. */
CTR_MUST_USE enum ctr_status config_set(struct config *config, const char *name, const char *value,
                                        const char *where, struct ctr_error *reterr);

/* Whether the setting was given, by whichever door. */
bool config_given(const struct config *config, const char *name);

/* Defaults, then --config FILE, then the environment, then the command line. argv[0] is the first
 * flag. Errors: CTR_INVALID, CTR_IO. */
CTR_MUST_USE enum ctr_status config_read(int argc, char **argv, char **environment,
                                         struct config *ret_config, struct ctr_error *reterr);

/* config_read(), then config_check(). */
CTR_MUST_USE enum ctr_status config_load(int argc, char **argv, char **environment,
                                         struct config *ret_config, struct ctr_error *reterr);

/* The checks that need more than one setting (topics present, late in event mode, ...). */
CTR_MUST_USE enum ctr_status config_check(struct config *config, struct ctr_error *reterr);

/* The settings as --help shows them: name, default, one sentence. Returns malloc'ed text or NULL.
 */
char *config_help(void);

#endif
