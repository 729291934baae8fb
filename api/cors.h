/* SPDX-License-Identifier: Apache-2.0
 *
 * Which web pages' scripts may read answers (the CORS protocol of the Fetch standard): an
 * allow-list of origins, compared byte for byte. Pure. Thread: any.
 */
#ifndef LIVECTR_API_CORS_H
#define LIVECTR_API_CORS_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/status.h"

enum { CORS_ORIGINS_MAX = 16, CORS_ORIGIN_BYTES = 256 };

struct cors {
    bool any; /* every origin */
    size_t count;
    char origins[CORS_ORIGINS_MAX][CORS_ORIGIN_BYTES];
};

/* Reads "https://a.example, https://b.example:8443", "*" or "" (nobody). An origin is scheme, host
 * and perhaps a port, in lower case and with no slash at its end, as browsers send it. Errors:
 * CTR_INVALID with the sentence. */
CTR_MUST_USE enum ctr_status cors_parse(const char *list, struct cors *ret_cors,
                                        struct ctr_error *reterr);

/* What Access-Control-Allow-Origin says to this Origin; NULL: there is no such header. Borrowed
 * from `cors`. Either may be NULL. */
const char *cors_judge(const struct cors *cors, const char *origin);

/* Whether answers differ by Origin, so that caches must be told. */
bool cors_varies(const struct cors *cors);

#endif
