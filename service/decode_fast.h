/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain records to events, without a tree and without memory: what nearly all records are. It
 * takes a record only if it is sure of it, and then says what the judge (decode_judge.h) would.
 * Not plain, so that the judge has to look: whatever is malformed, and of what is not
 *   - an escape in a name, a character written as one that no id may have;
 *   - integers of more than 18 digits, a time or a filter that is "-0", large exponents;
 *   - 0x7f anywhere;
 *   - more than FAST_DEPTH_MAX levels, or FAST_NAMES_MAX names of no field at once;
 *   - escaped texts of more than ESCAPES_BYTES together.
 */
#ifndef LIVECTR_SERVICE_DECODE_FAST_H
#define LIVECTR_SERVICE_DECODE_FAST_H

#include <stdbool.h>
#include <stddef.h>

#include "service/decode_escapes.h"
#include "service/decode_layout.h"
#include "service/decode_schema.h"
#include "service/scan.h"

enum { FAST_DEPTH_MAX = 32, FAST_NAMES_MAX = 128 };

/* What decoding works in. Whoever owns it sets escapes.used to 0 when nobody needs texts any more.
 * Thread: one at a time. */
struct fast_room {
    struct marks marks;           /* with room for the longest record */
    uint8_t followers[NODES_MAX]; /* a guess: the node that comes after each one; 0 at first */
    struct layouts layouts;       /* another one, looked at first: all of a record */
    struct escapes escapes;       /* of events that were decoded */
};

/* Room for records of up to record_bytes_max. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status fast_room_new(size_t record_bytes_max, struct fast_room **ret_room);
void fast_room_free(struct fast_room *room); /* NULL is fine */

/* Decodes one record of at least one byte; `type` is what the topic says. Texts of the event are
 * borrowed from the record, or from the room's escapes where they had to be written out.
 * False: not plain; *ret_event says nothing then. Thread: any, with a room of its own. */
bool fast_decode(const struct schema *schema, scan_function *scan, struct fast_room *room,
                 struct text record, enum topic_type type, struct event *ret_event);

#endif
