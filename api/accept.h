/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client says it can take (RFC 9110, 12.5). What cannot be understood is read as if it had
 * not been sent: an answer helps more than a refusal. Pure. Thread: any.
 */
#ifndef LIVECTR_API_ACCEPT_H
#define LIVECTR_API_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

/* Which of `types` (NULL-terminated, "text/csv" without parameters) an Accept header likes best:
 * the most specific range that covers a type gives its q, and of equals the first one is taken.
 * NULL, and a header without any range: the first. The number of types where none is taken. */
size_t accept_choose(const char *header, const char *const *types);

/* Whether an Accept header (NULL: absent) allows the one media type that there is. */
bool accept_media(const char *header, const char *media);

/* True where an Accept header asks for OpenMetrics (1.0.0, or no version) by name and does not
 * prefer plain text, which everybody takes. */
bool accept_openmetrics(const char *header);

/* Whether an Accept-Encoding header (NULL: absent) asks for gzip: it, or *, with a q above 0. */
bool accept_gzip(const char *header);

#endif
