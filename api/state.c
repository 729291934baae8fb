/* SPDX-License-Identifier: Apache-2.0 */
#include "api/state.h"

#include "storage/moment.h"

/* now - then; then may be MOMENT_NONE, which is longer ago than anything. */
static int64_t elapsed_ms(int64_t now_ms, int64_t then_ms)
{
    int64_t elapsed;

    return __builtin_sub_overflow(now_ms, then_ms, &elapsed) ? INT64_MAX : elapsed;
}

void state_take_answering(const struct store *saved, const struct store *answering,
                          struct progress *progress)
{
    struct progress other;

    if (answering == saved)
        return;
    other = store_progress(answering);
    if (other.to_ms >= progress->to_ms)
        *progress = other;
}

enum api_state state_of(const struct progress *progress, int64_t now_ms)
{
    if (progress->to_ms == MOMENT_NONE)
        return STATE_STARTING;
    if (progress->clock == CLOCK_EVENT)
        return progress->at_end ? STATE_LIVE : STATE_CATCHING_UP;
    /* Stale first: a cut-off broker is the reason for the lag, and the one to be told about. */
    if (elapsed_ms(now_ms, progress->alive_ms) > STATE_PATIENCE_MS)
        return STATE_STALE;
    if (progress->provisional)
        return STATE_BACKFILLING;
    return elapsed_ms(now_ms, progress->as_of_ms) > STATE_PATIENCE_MS ? STATE_CATCHING_UP
                                                                      : STATE_LIVE;
}

const char *state_name(enum api_state state)
{
    static const char *const names[STATE_COUNT] = {"starting", "catching_up", "live", "backfilling",
                                                   "stale"};

    return names[state];
}

int64_t state_lag_ms(const struct progress *progress, int64_t now_ms)
{
    int64_t lag = elapsed_ms(now_ms, progress->as_of_ms);

    return progress->clock == CLOCK_EVENT || lag < 0 ? 0 : lag;
}

double state_coverage(const struct progress *progress, int64_t from_ms)
{
    int64_t covered_from_ms = progress->covered_from_ms;

    if (covered_from_ms <= from_ms)
        return 1;
    if (covered_from_ms >= progress->to_ms)
        return 0;
    return (double)(progress->to_ms - covered_from_ms) / (double)(progress->to_ms - from_ms);
}
