/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/picture.h"

#include "storage/store_internal.h"

struct picture picture_of(const struct store *store, const struct progress *progress)
{
    return (struct picture){.store = store->identity,
                            .revision = progress->revision,
                            .covered_from_ms = progress->covered_from_ms};
}

bool picture_same(const struct picture *left, const struct picture *right)
{
    return left->store == right->store && left->revision == right->revision &&
           left->covered_from_ms == right->covered_from_ms;
}

struct reading store_reading(const struct store *store, size_t window)
{
    struct reading reading;

    CTR_ASSERT(window < store->options.windows.count);
    store_lock(store);
    reading = (struct reading){.from_ms = store->published.from_ms[window],
                               .progress = store->published.progress};
    store_unlock(store);
    return reading;
}
