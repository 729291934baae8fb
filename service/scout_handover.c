/* SPDX-License-Identifier: Apache-2.0
 *
 * The hand-over: both to the same `to`, compared, main answers.
 */
#include <poll.h>
#include <stdio.h>

#include "service/log.h"
#include "service/scout_internal.h"
#include "storage/fault_point.h"
#include "storage/moment.h"
#include "storage/store_compare.h"

enum {
    REACH_MS = 3000, /* how long both may take to come to the limit */
    STEP_MS = 5,     /* how often it is looked whether they have */
    COMPARE_TRIES =
        10, /* with this long in between: a straggler that one of them has not read yet */
    COMPARE_WAIT_MS = 100,
    FAILURES_MAX = 20, /* so often both did not come together: main answers without the proof */
    SHOWN_BYTES = 120  /* of an id in the log */
};

static int64_t later_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
}

static void limit_both(struct scout *scout, int64_t to_ms)
{
    pipeline_limit(engine_pipeline(scout->options.main), to_ms);
    pipeline_limit(engine_pipeline(scout->engine), to_ms);
}

/* One that was past the limit when it was told gets a later one, as `to` never goes back. */
static bool come_together(struct scout *scout)
{
    int64_t until_ms = scout->options.mono_ms() + REACH_MS;
    int64_t limit_ms = MOMENT_NONE;

    while (scout->options.mono_ms() < until_ms && !scout_is_stopping(scout)) {
        int64_t main_ms = store_progress(engine_store(scout->options.main)).to_ms;
        int64_t own_ms = store_progress(engine_store(scout->engine)).to_ms;

        if (main_ms == limit_ms && own_ms == limit_ms) {
            return true;
        }
        if (later_of(main_ms, own_ms) > limit_ms) {
            limit_ms = later_of(main_ms, own_ms) + SLICE_BASE_MS;
            limit_both(scout, limit_ms);
            FAULT_POINT("handover_limited");
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    return false;
}

/* Stands still but for stragglers, which enter at the current `to` as soon as each has read them.
 */
static enum ctr_status compare(struct scout *scout, struct comparison *ret_comparison)
{
    enum ctr_status status = CTR_RETRY;

    for (int i = 0; i < COMPARE_TRIES && !scout_is_stopping(scout); i++) {
        status = store_compare(engine_store(scout->options.main), engine_store(scout->engine),
                               ret_comparison);
        if (status == CTR_NO_MEMORY || (status == CTR_OK && ret_comparison->equal)) {
            return status;
        }
        (void)poll(NULL, 0, COMPARE_WAIT_MS);
    }
    return status;
}

static void print_figures(const struct compared_figures *figures, char *ret_text, size_t size)
{
    (void)snprintf(
        ret_text, size, "%llu/%llu/%u/%u/%u%s", (unsigned long long)figures->totals.impressions,
        (unsigned long long)figures->totals.clicks, figures->crowd.viewers, figures->crowd.clickers,
        figures->crowd.clicking, figures->people_known ? "" : "/unknown");
}

static int shown(size_t length)
{
    return length < SHOWN_BYTES ? (int)length : (int)SHOWN_BYTES;
}

static void tell_difference(const struct scout *scout, const struct comparison *found)
{
    const struct store_options *options = store_options(engine_store(scout->options.main));
    char ours[96], theirs[96], to[MOMENT_TEXT_BYTES];

    print_figures(&found->left, ours, sizeof ours);
    print_figures(&found->right, theirs, sizeof theirs);
    moment_format(found->to_ms, to);
    log_line(found->over_limit ? LOG_WARN : LOG_ERROR,
             found->over_limit ? "handover_limited" : "handover_differs",
             "to=%s rows=%llu level=%s page=\"%.*s\" box=\"%.*s\" window=%s main=%s scout=%s "
             "figures=impressions/clicks/viewers/clickers/clicking",
             to, (unsigned long long)found->rows, level_name(found->level),
             shown(found->page_length), found->page, shown(found->box_length), found->box,
             options->windows.items[found->window].name, ours, theirs);
}

static void tell(struct scout *scout, enum ctr_status status, const struct comparison *found,
                 int64_t took_ms)
{
    bool differs = status == CTR_OK && !found->equal && !found->over_limit;
    char to[MOMENT_TEXT_BYTES];

    if (status != CTR_OK) {
        log_line(LOG_WARN, "handover_unproven", "reason=%s",
                 status == CTR_NO_MEMORY ? "no_memory" : "no_common_moment");
    } else if (!found->equal) {
        tell_difference(scout, found);
    } else {
        moment_format(found->to_ms, to);
        log_line(LOG_INFO, "handover", "to=%s rows=%llu windows=%zu equal=1 took_ms=%lld", to,
                 (unsigned long long)found->rows, found->windows, (long long)took_ms);
    }
    (void)pthread_mutex_lock(&scout->lock);
    scout->handovers.made++;
    scout->handovers.unproven += status != CTR_OK || (!found->equal && !differs) ? 1 : 0;
    scout->handovers.differs += differs ? 1 : 0;
    scout->handovers.rows = status == CTR_OK ? found->rows : 0;
    scout->handovers.at_ms = scout->options.wall_ms();
    (void)pthread_mutex_unlock(&scout->lock);
}

bool scout_hand_over(struct scout *scout)
{
    struct comparison found = {.equal = false};
    int64_t begun_ms = scout->options.mono_ms();
    bool together = come_together(scout);
    enum ctr_status status = CTR_RETRY;

    FAULT_POINT("handover_reached");
    if (together) {
        status = compare(scout, &found);
    } else if (++scout->failed_handovers < FAILURES_MAX ||
               store_progress(engine_store(scout->options.main)).to_ms <
                   store_progress(engine_store(scout->engine)).to_ms) {
        limit_both(scout, INT64_MAX);
        return false;
    }
    FAULT_POINT("handover_compared");
    if (scout_is_stopping(scout)) {
        limit_both(scout, INT64_MAX);
        return false;
    }
    tell(scout, status, &found, scout->options.mono_ms() - begun_ms);
    desk_serve(scout->options.desk, engine_store(scout->options.main));
    atomic_store(&scout->answers, false);
    pipeline_limit(engine_pipeline(scout->options.main), INT64_MAX);
    FAULT_POINT("handover_served");
    return true;
}
