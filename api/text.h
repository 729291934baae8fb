/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that came from outside: which may be an id (CONTRACT, Events 2) and which may not.
 * Pure. Thread: any.
 */
#ifndef LIVECTR_API_TEXT_H
#define LIVECTR_API_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/event.h"

enum text_fault { TEXT_FINE, TEXT_EMPTY, TEXT_TOO_LONG, TEXT_NOT_UTF8, TEXT_CONTROL };

/* The NUL-terminated string as a text that borrows it. */
struct text text_of(const char *string);

bool text_equals(struct text text, const char *string);

/* What stands against the bytes being an id: 1 to EVENT_ID_BYTES_MAX bytes of UTF-8 without
 * control characters (U+0000-U+001F, U+007F). */
enum text_fault text_check_id(struct text text);

/* The fault as the end of a sentence that begins with the name of the thing: "is empty". */
const char *text_fault_words(enum text_fault fault);

/* Whether the bytes are UTF-8 as RFC 3629 has it: no overlong forms, surrogates or code points
 * beyond U+10FFFF. The same as jansson accepts, so that both doors have one opinion. */
bool text_is_utf8(struct text text);

/* Bytes of the well-formed character at the start, 0 where there is none. text.length > 0. */
size_t text_character_length(struct text text);

enum { TEXT_QUOTE_BYTES = 100 };

/* The text for an error message: in double quotes, cut after about 70 bytes, and percent-encoded
 * where it is not printable ASCII, so that the message is readable and can be cut anywhere. */
void text_quote(struct text text, char ret_quoted[TEXT_QUOTE_BYTES]);

/* Adds words to the NUL-terminated text in `list` of `size` bytes; what does not fit is cut. */
void text_append(char *list, size_t size, const char *words);

#endif
