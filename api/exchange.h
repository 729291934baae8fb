/* SPDX-License-Identifier: Apache-2.0
 *
 * One request while it arrives piece by piece. Owned by the connection's thread.
 */
#ifndef LIVECTR_API_EXCHANGE_H
#define LIVECTR_API_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/status.h"

struct exchange {
    bool begun;     /* its headers were looked at */
    bool overflown; /* the body is longer than BODY_BYTES_MAX; none of it will be used */
    char *body;
    size_t length, capacity;
    char target[]; /* raw, NUL-terminated */
};

/* Copies the target. NULL on no memory. */
struct exchange *exchange_new(const char *target);
void exchange_free(struct exchange *exchange); /* NULL is fine */

/* Keeps a piece of the body. A body that grows too long is read on without being kept, so that its
 * client gets to see the 413, but not beyond BODY_BYTES_READ_MAX.
 * Errors: CTR_NO_MEMORY, CTR_LIMIT: the connection must be closed. */
CTR_MUST_USE enum ctr_status exchange_take(struct exchange *exchange, const char *piece,
                                           size_t length);

#endif
