/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `livectr replay` as one value.
 */
#ifndef LIVECTR_SERVICE_REPLAY_OPTIONS_H
#define LIVECTR_SERVICE_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/config.h"
#include "service/replay_map.h"
#include "storage/status.h"

enum { REPLAY_FILES_MAX = 1024 };

/* What files are called where a topic is named. */
#define REPLAY_FILES_TOPIC "files"

enum replay_format { REPLAY_NDJSON, REPLAY_CSV };

enum replay_key { REPLAY_KEY_VISITOR, REPLAY_KEY_PAGE, REPLAY_KEY_NONE };

/* Texts are borrowed from argv. */
struct replay_options {
    struct config config;  /* brokers, kafka.*, and how NDJSON names its fields */
    const char *topics[2]; /* by enum event_type; the same one twice unless split; NULL: dry run */
    bool csv;
    char separator;
    struct replay_map map;
    double speed;              /* times event time; 0: as fast as it goes */
    double rate;               /* events/s; 0: no such limit */
    int64_t from_ms, until_ms; /* only events with from <= ts < until */
    uint32_t partitions;       /* of a topic to create; 0: it must exist */
    enum replay_key key;
    bool dry_run, help;
    bool offline;              /* count instead of produce; then config is all of the settings */
    const char *dump;          /* a dump of topics instead of files, or NULL */
    bool from_kafka;           /* the configured topics instead of files */
    enum replay_format format; /* of the result */
    const char *output;        /* NULL: stdout */
    bool any_topic;            /* the dump may hold any: none was configured */
    const char *files[REPLAY_FILES_MAX];
    size_t files_count;
};

/* Reads the flags; argv[0] is the first. Errors: CTR_INVALID with the way out; CTR_IO for a
 * --config that cannot be read. With --help only `help` is meaningful. Thread: main. */
CTR_MUST_USE enum ctr_status replay_options_parse(int argc, char **argv, char **environment,
                                                  struct replay_options *ret_options,
                                                  struct ctr_error *reterr);

#endif
