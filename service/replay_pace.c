/* SPDX-License-Identifier: Apache-2.0 */
#include "service/replay_pace.h"

int64_t replay_due_us(const struct replay_pace *pace, int64_t ts_ms, uint64_t index)
{
    double us = 0;

    if (pace->rate > 0) {
        us = (double)index / pace->rate * 1e6;
    } else if (pace->speed > 0) {
        us = (double)(ts_ms - pace->first_ts_ms) / pace->speed * 1e3;
    }
    if (us >= 9e18) { /* 285,000 years */
        return INT64_MAX;
    }
    return us > 0 ? (int64_t)us : 0;
}
