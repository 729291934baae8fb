/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip for answers that are large enough to gain from it. coding.c is the one file that knows zlib.
 */
#ifndef LIVECTR_API_CODING_H
#define LIVECTR_API_CODING_H

#include "api/request.h"

/* From this size on a body is compressed: below it the answer fits into one packet, or nearly.
 * Setting zlib up and compressing this much costs 15 us. */
enum { CODING_BYTES_MIN = 2048 };

/* Compresses the body of a 200 (one that was made, or a static one of that size) where the request
 * allows it and it gets smaller, and marks the entity tag; says in Vary that it depends on the
 * request. What cannot be compressed (no memory) stays as it is. Thread: any. */
void coding_apply(const struct api_request *request, struct api_response *response);

#endif
