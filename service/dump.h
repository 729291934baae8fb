/* SPDX-License-Identifier: Apache-2.0
 *
 * A dump of topics: one JSON line per record, as `kafka-dump` tools and the tests' oracle share it.
 * The file stays where it is; only where each record stands is kept.
 */
#ifndef LIVECTR_SERVICE_DUMP_H
#define LIVECTR_SERVICE_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "service/config.h"
#include "storage/partitions.h"
#include "storage/status.h"

struct dump_record {
    int64_t offset, time_ms;
    const char *value; /* base64 in the file, NULL: a tombstone */
    size_t length;     /* of the base64 */
};

struct dump_part {
    char topic[PARTITION_TOPIC_BYTES];
    int32_t number;
    size_t count, capacity;
    struct dump_record *records;
};

struct dump {
    const char *bytes; /* the file, mapped */
    size_t length;
    size_t parts_count;
    struct dump_part parts[PARTITIONS_MAX];
};

/* Errors: CTR_NOT_FOUND, CTR_IO, CTR_NO_MEMORY, CTR_INVALID naming the line. Thread: main. */
CTR_MUST_USE enum ctr_status dump_open(const char *path, struct dump **ret_dump,
                                       struct ctr_error *reterr);
void dump_close(struct dump *dump); /* NULL is fine */

/* A topic of the dump that is not among those configured, NULL: all are. */
const char *dump_stray_topic(const struct dump *dump, const struct config *config);

/* Bytes of a record's value at most; and the value itself, returning its length, -1: not base64. */
size_t dump_value_room(const struct dump_record *record);
int64_t dump_value(const struct dump_record *record, char *ret_bytes);

#endif
