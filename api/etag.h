/* SPDX-License-Identifier: Apache-2.0
 *
 * Entity tags (docs/definitions.md "Caching"). A tag is strong: it ends in a hash of the bytes
 * and their number, so the same tag means the same bytes (and a 304 can say the length). It begins
 * with what the numbers depend on: (the process, the request, `to`, revision, state, coverage).
 * lag_ms and as_of grow while those stand still, so there are many representations of the same
 * numbers; a caller that holds one of them made less than ETAG_AGE_MAX_MS ago is told that it still
 * holds (304). Pure. Thread: any.
 */
#ifndef LIVECTR_API_ETAG_H
#define LIVECTR_API_ETAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/call.h"

enum { ETAG_AGE_MAX_MS = 10000 };

/* The request in the one form that all its spellings have: defaults filled in, arguments in a fixed
 * order. Start with etag_begin(). */
struct etag {
    uint64_t request;
    uint64_t numbers; /* after etag_of() */
    bool lasting;     /* of a document: it holds however old the copy is, in every process */
};

void etag_begin(struct etag *etag, const char *route);
void etag_add_text(struct etag *etag, struct text text);
void etag_add_number(struct etag *etag, uint64_t number);

/* Joins the request with the picture that answers it. */
void etag_of(struct etag *etag, const struct api_call *call, const struct progress *progress);

/* The tag of what never changes while the program runs: of its bytes and nothing else. */
void etag_of_bytes(struct etag *etag, const char *bytes, size_t length);

/* Whether If-None-Match names a copy that still holds; *ret_response is then the 304. */
bool etag_holds(const struct etag *etag, const struct api_call *call, const char *cache_control,
                struct api_response *ret_response);

/* Gives a 200 its tag. If-None-Match: * makes it a 304. */
void etag_sign(const struct etag *etag, const struct api_call *call, struct api_response *response);

/* Makes the tag that of the same numbers in another content coding, `length` bytes long. */
void etag_mark_gzip(char tag[API_ETAG_BYTES], size_t length);

#endif
