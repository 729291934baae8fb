/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/event.h"

#include <string.h>

#include "storage/status.h"

static const char *const reason_names[MALFORMED_COUNT] = {
#define MALFORMED_NAME(symbol, name) [MALFORMED_##symbol] = name,
    MALFORMED_REASONS(MALFORMED_NAME)
#undef MALFORMED_NAME
};

const char *malformed_reason_name(enum malformed_reason reason)
{
    CTR_ASSERT(reason < MALFORMED_COUNT);
    return reason_names[reason];
}

int text_compare(struct text left, struct text right)
{
    size_t shorter = left.length < right.length ? left.length : right.length;
    int order = shorter == 0 ? 0 : memcmp(left.bytes, right.bytes, shorter);

    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}
