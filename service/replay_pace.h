/* SPDX-License-Identifier: Apache-2.0
 *
 * When the next event of a replay is due. Pure. Thread: any.
 */
#ifndef LIVECTR_SERVICE_REPLAY_PACE_H
#define LIVECTR_SERVICE_REPLAY_PACE_H

#include <stdint.h>

/* At most one of the first two is set; neither: everything is due at once. */
struct replay_pace {
    double speed;        /* times event time; 0: no */
    double rate;         /* events/s; 0: no */
    int64_t first_ts_ms; /* event time of the first event */
};

/* Microseconds after the start at which the event at ts_ms, the index-th from 0, is due. */
int64_t replay_due_us(const struct replay_pace *pace, int64_t ts_ms, uint64_t index);

#endif
