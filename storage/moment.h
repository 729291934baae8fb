/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in time and spans as text. One scale everywhere below service/: milliseconds since the
 * Unix epoch, signed 64 bit, named *_ms. No function here reads a clock. Thread: any.
 */
#ifndef LIVECTR_STORAGE_MOMENT_H
#define LIVECTR_STORAGE_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOMENT_TEXT_BYTES = 64 };

#define MOMENT_MIN_MS INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z */
#define MOMENT_NONE   INT64_MIN /* "no such moment (yet)"; compares below every real one */

/* Largest multiple of grain_ms at or below time_ms. grain_ms > 0. */
static inline int64_t moment_floor(int64_t time_ms, int64_t grain_ms)
{
    int64_t rest = time_ms % grain_ms; /* a multiplication where the grain is a constant */

    return time_ms - (rest < 0 ? rest + grain_ms : rest);
}

/* Writes RFC 3339 in UTC with three fraction digits, "2026-11-23T17:30:14.000Z", NUL-terminated.
 * time_ms from MOMENT_MIN_MS (a window's `from` may lie before the epoch) to EVENT_TS_MS_MAX. */
void moment_format(int64_t time_ms, char ret_text[MOMENT_TEXT_BYTES]);

/* Reads RFC 3339 with capital T and Z (or an offset), seconds 00-59, up to nine fraction digits
 * cut to ms; result within 0 to EVENT_TS_MS_MAX. False: not such a text; *ret_ms untouched. */
bool moment_parse(const char *bytes, size_t length, int64_t *ret_ms);

/* Reads a span: digits and one of ms, s, m, h, d ("500ms", "10m"). False when it is not one or
 * is beyond 10,000 days. */
bool moment_parse_span(const char *bytes, size_t length, int64_t *ret_ms);

#endif
