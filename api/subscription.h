/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stream tells about: keys, a list of the first ones of a level, or both. Streams that want
 * the same share what is written for them.
 */
#ifndef LIVECTR_API_SUBSCRIPTION_H
#define LIVECTR_API_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "api/call.h"
#include "api/fresh.h"
#include "api/state.h"
#include "api/writer.h"
#include "storage/listing.h"

enum { SUBSCRIPTION_KEYS_MAX = 100, SUBSCRIPTION_TOP_DEFAULT = 10, SUBSCRIPTION_TOP_MAX = 100 };

struct subscription {
    size_t window;
    bool has_top;
    struct list_query top; /* LEVEL_PAGE or LEVEL_BOX */
    size_t count;          /* keys; none only where there is a list */
    struct key_name *names;
    char *bytes; /* what the names point into */
};

/* Reads the arguments of a stream; the demand is on what it begins with. Errors: CTR_INVALID with
 * the problem; CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status subscription_read(const struct api_call *call,
                                               struct subscription **ret_subscription,
                                               struct fresh_demand *ret_demand,
                                               struct problem *ret_problem);
void subscription_free(struct subscription *subscription); /* NULL is fine */

bool subscription_equals(const struct subscription *left, const struct subscription *right);

/* Writes the document as it is now, and says of which moment it is. Errors: CTR_NO_MEMORY;
 * CTR_INVALID: there is no `to` yet; CTR_RETRY: counts change too fast for keys and list to be of
 * one moment. Thread: any. */
struct subscription_moment {
    int64_t to_ms;
    enum api_state state;
};
CTR_MUST_USE enum ctr_status subscription_write(const struct subscription *subscription,
                                                const struct store *store, int64_t now_ms,
                                                struct writer *writer,
                                                struct subscription_moment *ret_moment);

#endif
