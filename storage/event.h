/* SPDX-License-Identifier: Apache-2.0
 *
 * One decoded event as a plain value, and the reasons a record may not become one.
 * Texts are borrowed from whoever decoded them and live as long as that says. Thread: any.
 */
#ifndef LIVECTR_STORAGE_EVENT_H
#define LIVECTR_STORAGE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EVENT_ID_BYTES_MAX = 512,              /* page, box, visitor and event ids */
    EVENT_RECORD_BYTES_MAX_DEFAULT = 16384 /* longer records are malformed before parsing */
};
#define EVENT_TS_MS_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* Bytes that are not NUL-terminated. length 0 means absent. */
struct text {
    const char *bytes;
    size_t length;
};

/* Below, at or above 0 as `left` comes before, is, or comes after `right`: by bytes, then length.
 */
int text_compare(struct text left, struct text right);

enum event_type { EVENT_VIEW, EVENT_CLICK };

struct event {
    enum event_type type;
    int64_t ts_ms; /* event time, 0 to EVENT_TS_MS_MAX, epoch ms */
    struct text page;
    struct text box;     /* absent: the page itself was viewed or clicked */
    struct text visitor; /* absent: no person counts */
    struct text id;      /* absent: no duplicate can be found */
    bool filtered;       /* counted apart (docs/definitions.md), e.g. because it names a robot */
};

/* Why a record is malformed, in the order in which a decoder looks (CONTRACT, Events 5). */
#define MALFORMED_REASONS(row)                                                                     \
    row(EMPTY, "empty")           /* null (tombstone) or zero bytes */                             \
        row(TOO_LONG, "too_long") /* the record, or one id in it */                                \
        row(NOT_UTF8, "not_utf8") row(NOT_JSON, "not_json") row(KEY_TWICE, "key_twice")            \
            row(MISSING, "missing") row(WRONG_TYPE, "wrong_type") row(BAD_VALUE, "bad_value")

enum malformed_reason {
#define MALFORMED_ENUM(symbol, name) MALFORMED_##symbol,
    MALFORMED_REASONS(MALFORMED_ENUM)
#undef MALFORMED_ENUM
        MALFORMED_COUNT
};

/* The reason as it stands in /v1/status and /metrics. */
const char *malformed_reason_name(enum malformed_reason reason);

#endif
