/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON document as growing bytes with a limit. Commas are the writer's business; that opens and
 * closes match, and that an object's values have keys, is the caller's.
 *
 * A failure (no memory, the limit) sticks: later calls do nothing, and writer_take() reports it,
 * so that nobody has to look in between. The writer owns its bytes until then. Thread: one.
 */
#ifndef LIVECTR_API_WRITER_H
#define LIVECTR_API_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/status.h"

struct writer {
    char *bytes;
    size_t length, capacity, limit;
    bool comma_due;         /* something stands before the next value */
    enum ctr_status status; /* CTR_OK, or the first failure */
};

/* A writer that will hold at most bytes_max bytes. Nothing is allocated yet. */
void writer_init(struct writer *writer, size_t bytes_max);

/* Frees what was not taken. Fine after writer_take(). */
void writer_done(struct writer *writer);

/* Gives the bytes (malloc'ed, not NUL-terminated) to the caller and leaves the writer empty.
 * Errors: CTR_NO_MEMORY, CTR_LIMIT; nothing is given then. */
CTR_MUST_USE enum ctr_status writer_take(struct writer *writer, char **ret_bytes,
                                         size_t *ret_length);

void writer_open(struct writer *writer, char bracket);  /* '{' or '[' */
void writer_close(struct writer *writer, char bracket); /* '}' or ']' */

/* The next member's name: one of ours, written as it is. */
void writer_key(struct writer *writer, const char *name);

/* A string: quotes, backslashes and control characters escaped, all else byte for byte.
 * The bytes must be UTF-8. */
void writer_text(struct writer *writer, struct text text);
void writer_string(struct writer *writer, const char *string);

/* A string of which nobody knows what it holds (a piece of a broken record, a library's complaint):
 * what is not UTF-8 becomes U+FFFD, so that the document stays JSON. */
void writer_repaired(struct writer *writer, const char *string);

/* A value that is JSON already. */
void writer_value(struct writer *writer, const char *json, size_t length);

/* Makes room for that many bytes more at once, where they are known before. */
void writer_expect(struct writer *writer, size_t bytes);

void writer_u64(struct writer *writer, uint64_t value);
void writer_i64(struct writer *writer, int64_t value);
void writer_bool(struct writer *writer, bool value);
void writer_null(struct writer *writer);

/* The shortest decimal that reads back as the same double, whatever the locale; null when it is
 * not finite. */
void writer_real(struct writer *writer, double value);

/* RFC 3339, UTC, three fraction digits; null for MOMENT_NONE. Times beyond the years 1-9999 are
 * written as the nearest end: no event lies there, so a window's edge means the same. */
void writer_time(struct writer *writer, int64_t time_ms);

/* Bytes that are not JSON (the metrics page), as they are. */
void writer_plain(struct writer *writer, const char *bytes, size_t length);
void writer_format(struct writer *writer, const char *format, ...) CTR_PRINTF(2, 3);

#endif
