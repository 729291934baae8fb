/* SPDX-License-Identifier: Apache-2.0
 *
 * How much an answer can be trusted, in one word and one number. Pure. Thread: any.
 */
#ifndef LIVECTR_API_STATE_H
#define LIVECTR_API_STATE_H

#include <stdint.h>

#include "storage/store.h"

enum api_state {
    STATE_STARTING,    /* there is no `to` yet: no answer can be given */
    STATE_CATCHING_UP, /* right for its own edges, which lie behind */
    STATE_LIVE,
    STATE_BACKFILLING, /* right for what it covers, while the whole is still being read */
    STATE_STALE,       /* a partition has shown no sign of life: edges stand still until it does */
    STATE_COUNT
};

/* Silence, and distance from now, beyond which an answer is not called live (DESIGN "The clock").
 */
enum { STATE_PATIENCE_MS = 10000 };

/* *progress is what `saved` said a moment before; becomes how far the answers are. They are one
 * store, but while a scout answers; and when that has just handed over, the saved one is ahead of
 * it already, and what was read of it belongs to its own `to`. So it is the later of the two. */
void state_take_answering(const struct store *saved, const struct store *answering,
                          struct progress *progress);

enum api_state state_of(const struct progress *progress, int64_t now_ms);

const char *state_name(enum api_state state);

/* How far as_of is behind now, ms, never negative; 0 in event mode. Needs an as_of. */
int64_t state_lag_ms(const struct progress *progress, int64_t now_ms);

/* The part of [from_ms, to_ms) that has been read, 0 to 1. from_ms < to_ms. */
double state_coverage(const struct progress *progress, int64_t from_ms);

#endif
