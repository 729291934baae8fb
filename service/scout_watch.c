/* SPDX-License-Identifier: Apache-2.0
 *
 * The decisions: when a scout begins, when it answers, how much main yields, when it goes.
 */
#include "api/partition.h"
#include "api/state.h"
#include "service/log.h"
#include "service/scout_internal.h"
#include "service/settings.h"
#include "storage/fault_point.h"
#include "storage/moment.h"
#include "storage/store_status.h"

enum {
    HELD_MS = 1000,        /* main is behind for so long before a scout begins ... */
    BACKLOG_LARGE = 20000, /* ... or has so many records to read, a fraction of a second's work */
    CONTACT_MS = 10000,    /* a scout without contact to the brokers for so long goes */
    ALONE_MS = 60000,      /* how long at most main waits for the scout to get live at first ... */
    STUCK_MS = 5000,       /* ... and how long for one that does not get on */
    GIVE_UP_MS = 600000,   /* a scout that is not live by then never will be */
    AGAIN_MS = 300000,     /* and for so long no other one is tried */
    LAG_MS = 1500,         /* a live scout further behind than this gets main's share, too */
    NEAR_MS = 2000,        /* so close to the scout main can be brought to the same `to` */
    MARGIN_MS = 20000      /* `to` may be so old, less settle, when the scout answers first */
};

/* now - then, INT64_MAX where there is no then. */
static int64_t since(int64_t now_ms, int64_t then_ms)
{
    return then_ms == MOMENT_NONE ? INT64_MAX : now_ms - then_ms;
}

/* How much of the log a scout has to read. */
static int64_t span_ms(const struct config *config)
{
    return config->scout_window_ms + window_grain_ms(config->scout_window_ms) + MARGIN_MS +
           config->settle_ms;
}

bool scout_backlog(const struct scout *scout, uint64_t *ret_left, uint64_t *ret_read)
{
    struct store_status status;
    bool known = true;

    *ret_left = 0;
    *ret_read = 0;
    if (store_status_read(engine_store(scout->options.main), &status) != CTR_OK) {
        return false;
    }
    for (size_t i = 0; i < status.partitions_count; i++) {
        int64_t lag = partition_lag(&status.partitions[i]);

        known = known && lag >= 0;
        *ret_left += lag > 0 ? (uint64_t)lag : 0;
        *ret_read += status.partitions[i].counts.read;
    }
    store_status_done(&status);
    return known;
}

/* ---- beginning ----------------------------------------------------------------------------- */

/* Farther behind than a scout helps with: main has more to read than the scout would have. */
static bool far_behind(const struct scout *scout, const struct progress *progress)
{
    const struct config *config = scout->options.config;
    int64_t after_ms =
        config->scout_after_ms > span_ms(config) ? config->scout_after_ms : span_ms(config);

    return progress->as_of_ms != MOMENT_NONE &&
           since(scout->options.wall_ms(), progress->as_of_ms) > after_ms;
}

/* Brokers answer main: all of its topics were found and every partition shows signs of life. */
static bool has_contact(const struct scout *scout, struct engine *engine,
                        const struct progress *progress)
{
    const struct pipeline *pipeline = engine_pipeline(engine);

    return pipeline != NULL && pipeline_complete(pipeline) &&
           since(scout->options.wall_ms(), progress->alive_ms) <= STATE_PATIENCE_MS;
}

static bool is_due(struct scout *scout, const struct progress *progress)
{
    int64_t now_ms = scout->options.mono_ms();
    bool first_look = !scout->looked;
    uint64_t left = 0;
    uint64_t read = 0;

    scout->looked = true;
    if (!far_behind(scout, progress)) {
        scout->behind_since_ms = MOMENT_NONE;
        return false;
    }
    if (first_look && scout->options.restored) {
        return true; /* contact is made by two at the same time */
    }
    if (now_ms < scout->next_begin_ms || !has_contact(scout, scout->options.main, progress)) {
        scout->behind_since_ms = MOMENT_NONE;
        return false;
    }
    if (scout->behind_since_ms == MOMENT_NONE) {
        scout->behind_since_ms = now_ms;
    }
    return now_ms - scout->behind_since_ms >= HELD_MS ||
           (scout_backlog(scout, &left, &read) && left >= BACKLOG_LARGE);
}

static enum ctr_status begin(struct scout *scout, struct ctr_error *reterr)
{
    const struct config *config = scout->options.config;
    const struct pipeline_options pipeline = {
        .name = "scout",
        .config = config,
        .wall_ms = scout->options.wall_ms,
        .mono_ms = scout->options.mono_ms,
        .begin_given = true,
        .begin_ms = scout->options.wall_ms() - span_ms(config),
    };
    struct store_options options = *store_options(engine_store(scout->options.main));
    struct store *store = NULL;
    enum ctr_status status = CTR_OK;

    options.provisional = true;
    status = store_new(&options, &store, reterr);
    if (status == CTR_OK) {
        status = engine_new(&store, &scout->engine, reterr);
    }
    store_free(store);
    if (status == CTR_OK) {
        status = engine_start(scout->engine, scout->options.open, &pipeline, reterr);
    }
    return status;
}

static void begin_or_wait(struct scout *scout, const struct progress *progress)
{
    int64_t now_ms = scout->options.mono_ms();
    struct ctr_error error = {.text = ""};

    FAULT_POINT("scout_begin");
    scout->begun_ms = scout->contact_ms = scout->moved_ms = now_ms;
    scout->own_to_ms = MOMENT_NONE;
    scout->behind_since_ms = MOMENT_NONE;
    scout->failed_handovers = 0;
    if (begin(scout, &error) != CTR_OK) {
        log_line(LOG_WARN, "scout_failed", "error=\"%s\" retry_ms=%d", error.text, (int)AGAIN_MS);
        scout->next_begin_ms = now_ms + AGAIN_MS;
        if (scout->engine != NULL) {
            scout_close_engine(scout);
        }
        return;
    }
    atomic_store(&scout->yield, SCOUT_YIELD_ALL);
    (void)pthread_mutex_lock(&scout->lock);
    scout->handovers.scouts++;
    (void)pthread_mutex_unlock(&scout->lock);
    scout_progress_reset(scout, progress->to_ms);
    log_line(LOG_INFO, "scout_started", "behind_ms=%lld window_ms=%lld",
             (long long)since(scout->options.wall_ms(), progress->as_of_ms),
             (long long)scout->options.config->scout_window_ms);
    FAULT_POINT("scout_started");
}

/* ---- meanwhile ----------------------------------------------------------------------------- */

static void drop(struct scout *scout, const char *reason, int64_t again_ms)
{
    log_line(LOG_INFO, "scout_dropped", "reason=%s after_ms=%lld", reason,
             (long long)(scout->options.mono_ms() - scout->begun_ms));
    FAULT_POINT("scout_drop");
    scout->next_begin_ms = scout->options.mono_ms() + again_ms;
    atomic_store(&scout->yield, SCOUT_YIELD_NONE);
    scout_close_engine(scout);
    scout_progress_end(scout);
}

static void answer(struct scout *scout, const struct progress *own)
{
    log_line(LOG_INFO, "scout_answers", "after_ms=%lld lag_ms=%lld",
             (long long)(scout->options.mono_ms() - scout->begun_ms),
             (long long)since(scout->options.wall_ms(), own->as_of_ms));
    desk_serve(scout->options.desk, engine_store(scout->engine));
    atomic_store(&scout->answers, true);
    FAULT_POINT("scout_answers");
}

/* Its `to` has moved not long ago. */
static bool gets_on(struct scout *scout, const struct progress *own)
{
    int64_t now_ms = scout->options.mono_ms();

    if (own->to_ms != scout->own_to_ms) {
        scout->own_to_ms = own->to_ms;
        scout->moved_ms = now_ms;
    }
    return now_ms - scout->moved_ms < STUCK_MS;
}

static void look_before(struct scout *scout, const struct progress *main,
                        const struct progress *own)
{
    int64_t wall_ms = scout->options.wall_ms();
    int64_t age_ms = scout->options.mono_ms() - scout->begun_ms;

    if (has_contact(scout, scout->engine, own)) {
        scout->contact_ms = scout->options.mono_ms();
    }
    if (since(wall_ms, main->as_of_ms) <= STATE_PATIENCE_MS ||
        (own->to_ms != MOMENT_NONE && main->to_ms >= own->to_ms)) {
        drop(scout, "main_is_back", 0);
    } else if (own->to_ms != MOMENT_NONE && since(wall_ms, own->as_of_ms) <= STATE_PATIENCE_MS) {
        answer(scout, own);
    } else if (scout->options.mono_ms() - scout->contact_ms > CONTACT_MS) {
        drop(scout, "no_contact", 0);
    } else if (age_ms > GIVE_UP_MS) {
        drop(scout, "never_live", AGAIN_MS);
    } else {
        atomic_store(&scout->yield,
                     age_ms < ALONE_MS && gets_on(scout, own) ? SCOUT_YIELD_ALL : SCOUT_YIELD_SOME);
    }
}

static void look_after(struct scout *scout, const struct progress *main, const struct progress *own)
{
    bool starved = since(scout->options.wall_ms(), own->as_of_ms) > LAG_MS;

    if (main->to_ms == MOMENT_NONE || own->to_ms - main->to_ms > NEAR_MS) {
        atomic_store(&scout->yield, starved ? SCOUT_YIELD_MOST : SCOUT_YIELD_NONE);
        return;
    }
    atomic_store(&scout->yield, SCOUT_YIELD_NONE);
    if (scout_hand_over(scout)) {
        scout_close_engine(scout);
        scout_progress_end(scout);
    }
}

void scout_look(struct scout *scout)
{
    struct progress main = store_progress(engine_store(scout->options.main));
    struct progress own;

    if (scout->engine == NULL) {
        if (is_due(scout, &main)) {
            begin_or_wait(scout, &main);
        }
        return;
    }
    own = store_progress(engine_store(scout->engine));
    atomic_store(&scout->engine_silent_ms,
                 engine_silent_ms(scout->engine, scout->options.mono_ms()));
    scout_progress_note(scout, &main, &own);
    if (atomic_load(&scout->answers)) {
        look_after(scout, &main, &own);
    } else {
        look_before(scout, &main, &own);
    }
}
