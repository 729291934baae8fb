/* SPDX-License-Identifier: Apache-2.0
 *
 * A running service that is asked over HTTP, for the verbs that look at one. One request at a time
 * over a connection that is kept; the caller may wait for other files meanwhile. The only user of
 * libcurl. Thread: one.
 */
#ifndef LIVECTR_SERVICE_REST_H
#define LIVECTR_SERVICE_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum { REST_TARGET_BYTES = 32768, REST_ANSWER_BYTES_MAX = 16 << 20 };

struct rest;

/* Texts are borrowed until rest_open() returns. */
struct rest_options {
    const char *url;        /* NULL: LIVECTR_URL, else http://127.0.0.1:8080 */
    const char *token_file; /* NULL: the token is in LIVECTR_BEARER, or there is none */
    const char *ca_file;    /* NULL: the system's */
    int64_t timeout_ms;     /* of a whole request */
};

/* A path with its arguments. */
struct rest_target {
    char text[REST_TARGET_BYTES];
    size_t length;
    bool failed; /* it did not fit */
};

struct rest_answer {
    bool reached;     /* else `trouble` says why not, and the rest is 0 */
    int status;       /* of HTTP */
    const char *body; /* ends with a 0 beyond `length`; borrowed until the next rest_begin() */
    size_t length;
    const char *trouble; /* borrowed likewise */
};

/* Errors: CTR_INVALID (a URL, a file), CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status rest_open(const struct rest_options *options, struct rest **ret_rest,
                                       struct ctr_error *reterr);

/* Ends what is under way. NULL is allowed. */
void rest_close(struct rest *rest);

/* Where it asks, as it was told. Borrowed. */
const char *rest_url(const struct rest *rest);

void rest_target_begin(struct rest_target *target, const char *path);

/* Adds name=value, escaped; a NULL value is left out. */
void rest_target_add(struct rest *rest, struct rest_target *target, const char *name,
                     const char *value);

/* Sends GET of a target; what was under way is given up. Errors: CTR_INVALID where it did not fit,
 * CTR_IO. */
CTR_MUST_USE enum ctr_status rest_begin(struct rest *rest, const struct rest_target *target,
                                        struct ctr_error *reterr);

/* Waits until the answer is there, one of `files` (up to 4) can be read, or wait_ms are over;
 * without a request under way for the last two only. True: it is there, rest_answer() has it. */
bool rest_wait(struct rest *rest, const int *files, size_t files_count, int64_t wait_ms);

/* The newest answer. */
struct rest_answer rest_answer(const struct rest *rest);

#endif
