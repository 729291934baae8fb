/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/event.h"

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
