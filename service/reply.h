/* SPDX-License-Identifier: Apache-2.0
 *
 * What a service answered, as values: GET /v1/ctr (one row), GET /v1/top, and problems. Lenient
 * about what is more than it knows, so that an older program can look at a newer service. Thread:
 * any.
 */
#ifndef LIVECTR_SERVICE_REPLY_H
#define LIVECTR_SERVICE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

/* Texts are borrowed from the reply; "" where there is none. */
struct reply_row {
    const char *page, *box;
    int64_t impressions, clicks;
    int64_t viewers; /* -1: not known */
    bool has_ctr;    /* with its interval; ratios, 0 to 1 */
    double ctr, low, high;
    bool has_difference; /* only of rise and fall */
    double difference;   /* of ratios, -1 to 1 */
};

struct reply {
    void *json; /* owned */
    const char *window, *to, *state;
    int64_t lag_ms;
    double coverage;        /* 0 to 1 */
    int64_t total;          /* of a list: how many rows match */
    struct reply_row *rows; /* owned */
    size_t rows_count;
};

/* Reads the answer of /v1/ctr or /v1/top; release with reply_done(). Errors: CTR_INVALID where it
 * is none, CTR_NO_MEMORY; nothing is to be released then. */
CTR_MUST_USE enum ctr_status reply_read(const char *body, size_t length, struct reply *ret_reply,
                                        struct ctr_error *reterr);

void reply_done(struct reply *reply);

/* What a problem says, as one line: its detail, or title; else "HTTP 502". */
void reply_problem(int status, const char *body, size_t length, char *ret_text, size_t text_bytes);

#endif
