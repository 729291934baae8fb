/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of decode_fast.h: a record on its way to an event, and what is read byte by byte. What
 * is not plain ends it: false, or NULL.
 */
#ifndef LIVECTR_SERVICE_DECODE_READER_H
#define LIVECTR_SERVICE_DECODE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/decode_escapes.h"
#include "service/decode_fast.h"
#include "service/decode_schema.h"
#include "service/scan.h"

/* A name without a field: two of them in one object are what the judge refuses. */
struct stray {
    uint64_t head;
    struct text name;
};

/* An object or array that has begun. */
struct open {
    const struct name_node *node; /* NULL: nothing below is a field */
    size_t strays;                /* the first of its own */
    char closing;                 /* '}' or ']' */
};

/* A record on its way. Where the reading is, and the stops before it, are passed by value or kept
 * in a function's own variables: in here they would go through memory at each step. */
struct reader {
    const struct schema *schema;
    struct fast_room *room;
    enum topic_type type;
    struct event *event;
    const char *last;     /* the brace that must end the record */
    struct layout *draft; /* what is learned of it, NULL: nothing */
    const char *part;     /* then: where the value before ended */
    uint64_t seen;        /* nodes whose name has come, a bit each */
    unsigned found;       /* FIELD_BITs */
    size_t previous;      /* the node whose name came last, 0 at first */
    bool ended;           /* whole, with nothing after it */
    size_t depth, strays_count;
    struct open opens[1 + FAST_DEPTH_MAX]; /* from 1 on */
    struct stray strays[FAST_NAMES_MAX];
};

/* Nothing is known of the event but what the topic says. */
static inline void reader_begin(struct reader *reader)
{
    *reader->event = (struct event){0};
    if (reader->type != TOPIC_TYPE_FROM_EVENT)
        reader->event->type = reader->type == TOPIC_TYPE_VIEW ? EVENT_VIEW : EVENT_CLICK;
    reader->found = 0;
}

/* ---- values (decode_values.c) -------------------------------------------------------------- */

/* What jansson would make an event of all the same: a value that no field of the event looks at. */
static inline bool is_free(const struct reader *reader, unsigned fields)
{
    unsigned ignored = FIELD_BIT(FIELD_FILTER);

    if (reader->type != TOPIC_TYPE_FROM_EVENT)
        ignored |= FIELD_BIT(FIELD_TYPE);
    return (fields & ~ignored) == 0;
}

/* The text of a string, as it is written, for the fields that stand there (FIELD_BITs, at least
 * one). False: not plain. */
bool give_text(struct reader *reader, unsigned fields, struct text text, bool escaped);

/* The number, or true, false or null, that begins at `at`. Returns its end; NULL: not plain. */
const char *read_number(struct reader *reader, unsigned fields, const char *at);
const char *read_word(struct reader *reader, unsigned fields, const char *at);

#endif
