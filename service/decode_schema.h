/* SPDX-License-Identifier: Apache-2.0
 *
 * What the settings say about events, made ready for decoders: where each field stands, what the
 * types are called, which events are filtered. Immutable once read. Thread: any.
 */
#ifndef LIVECTR_SERVICE_DECODE_SCHEMA_H
#define LIVECTR_SERVICE_DECODE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/config.h"
#include "storage/event.h"
#include "storage/status.h"

enum field {
    FIELD_TYPE,
    FIELD_TS,
    FIELD_PAGE,
    FIELD_BOX,
    FIELD_VISITOR,
    FIELD_ID,
    FIELD_FILTER, /* no part of an event: what `filter` looks at */
    FIELD_COUNT
};

#define FIELD_BIT(field) (1U << (field))

enum {
    PATH_STEPS_MAX = 8,
    FIELD_BYTES = 128,
    NODES_MAX = 1 + FIELD_COUNT * PATH_STEPS_MAX, /* below 64: a word of bits has one for each */
    WORDS_MAX = CONFIG_TEXT_BYTES                 /* two lists, each word with its comma */
};

/* Where a field stands: one name, or the steps of an RFC 6901 pointer. */
struct path {
    char name[FIELD_BYTES]; /* as configured, for messages */
    char steps[PATH_STEPS_MAX][FIELD_BYTES];
    size_t count; /* 0: there is none (only of the filter) */
};

/* All paths as one tree: a node is a name in the object of the node above it. The children of a
 * node stand side by side. nodes[0] is the record itself. */
struct name_node {
    const char *name; /* of one of the paths */
    uint64_t head;    /* its first eight bytes, see service/bytes.h */
    uint8_t length;
    uint8_t fields; /* FIELD_BITs of what stands here */
    uint8_t children, children_count;
};

/* One of the names of a type. */
struct type_word {
    const char *word; /* into the lists below */
    uint64_t head;
    size_t length;
};

struct schema {
    struct path paths[FIELD_COUNT];
    struct name_node nodes[NODES_MAX];
    char view_types[CONFIG_TEXT_BYTES], click_types[CONFIG_TEXT_BYTES];
    struct type_word words[WORDS_MAX]; /* those of views first */
    size_t words_count, views_count;
    char filter_value[FIELD_BYTES];
    size_t filter_length;
};

/* Fills *ret_schema, which is large and must stay where it is.
 * Errors: CTR_INVALID (a field path that is none). */
CTR_MUST_USE enum ctr_status schema_read(const struct config *config, struct schema *ret_schema,
                                         struct ctr_error *reterr);

/* Which type the word names; of a word in both lists, a view. False: neither. */
bool schema_type(const struct schema *schema, struct text word, enum event_type *ret_type);

/* Whether `value` is the one that is filtered. */
bool schema_filters(const struct schema *schema, struct text value);

#endif
