/* SPDX-License-Identifier: Apache-2.0
 *
 * A guess at where everything stands in a record. Producers write one record like the other: what
 * is between the values of one that was plain is, byte by byte, what is between the values of the
 * next. So names, their order and brackets need not be read again, only compared:
 *
 *   {"type":"view","ts":1795454594000,"page":"/offer/list"}
 *   .........    .......             .........           ..     parts, which must be the same
 *            view       1795454594000         /offer/list       values, which are read
 *
 * A layout is taken from a record that was read name by name (decode_fast.c) and holds for its
 * schema. Same parts around values of the same kinds are the same names in the same objects: none
 * is there twice, nothing is nested too deeply, and each value is for the same fields. Values are
 * judged by the same functions, by the topic type of their own record. (An object in the place of
 * the type is fine where the topic says the type; where it does not, the type is missing.) What
 * does not fit is read name by name.
 */
#ifndef LIVECTR_SERVICE_DECODE_LAYOUT_H
#define LIVECTR_SERVICE_DECODE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader; /* service/decode_reader.h */

enum {
    LAYOUTS = 4,            /* of views and clicks, and of producers that differ */
    LAYOUT_VALUES_MAX = 16, /* a record with more is read name by name each time */
    LAYOUT_BYTES_MAX = 512, /* likewise one with more around its values */
    LAYOUT_LEARN_EVERY = 16 /* records that fit none: each so manyeth is learned */
};

enum layout_value { LAYOUT_STRING, LAYOUT_NUMBER, LAYOUT_WORD };

/* What stands before a value; after the last one, what ends the record. */
struct layout_part {
    uint64_t head, tail; /* its first eight bytes, and its last ones if it has as many */
    uint16_t begin, length;
    uint8_t fields; /* FIELD_BITs of the value behind it */
    uint8_t value;  /* enum layout_value */
};

struct layout {
    size_t values; /* 0: nothing is known */
    size_t bytes_count;
    struct layout_part parts[LAYOUT_VALUES_MAX + 1];
    char bytes[LAYOUT_BYTES_MAX]; /* of all parts */
};

/* Thread: one at a time. Zeros and `learn_every` make an empty one. */
struct layouts {
    struct layout known[LAYOUTS];
    struct layout draft;  /* being learned */
    size_t guess;         /* the one that the record before had */
    size_t next;          /* the place of the one that is learned next */
    unsigned learn_every; /* at least 1 */
    unsigned misses;
};

/* Reads all values of a record, which ends at reader->last, if it fits one of the layouts. False:
 * it does not; nothing is in the event then. */
bool layouts_read(struct reader *reader, const char *bytes, const uint64_t *stops);

/* A record that fits none begins: whether it is to be learned. */
void layouts_begin(struct reader *reader, const char *bytes);

/* The value of a record that is learned; a string without its quotes. */
void layouts_note(struct reader *reader, const char *begin, const char *end, unsigned fields,
                  enum layout_value value);

/* The record that was learned has ended, and was plain. */
void layouts_end(struct reader *reader);

#endif
