/* SPDX-License-Identifier: Apache-2.0
 *
 * The escapes of JSON's strings (RFC 8259, section 7). Pure. Thread: any.
 */
#ifndef LIVECTR_SERVICE_DECODE_ESCAPES_H
#define LIVECTR_SERVICE_DECODE_ESCAPES_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/event.h"

enum { ESCAPES_BYTES = 4096, ESCAPE_UNIT_BYTES = 6 /* \uXXXX */ };

/* Texts that had escapes, written out one after the other. Whoever owns it sets used to 0 when
 * nobody needs them any more. */
struct escapes {
    size_t used;
    char bytes[ESCAPES_BYTES];
};

/* Bytes of the escape that begins with the backslash at `at`, both halves of a surrogate pair
 * together. 0: none that jansson takes (half a pair, U+0000), or it ends beyond `end`. */
size_t escape_length(const char *at, const char *end);

/* Writes out the text, whose escapes all have a length by escape_length(), and borrows it from
 * `escapes`. False: no room, or an escape stands for a control character, which no field may have;
 * nothing is kept then. */
bool escapes_write(struct escapes *escapes, struct text text, struct text *ret_text);

#endif
