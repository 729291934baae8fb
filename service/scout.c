/* SPDX-License-Identifier: Apache-2.0 */
#include "service/scout.h"

#include <malloc.h>
#include <stdlib.h>

#include "service/clock.h"
#include "service/log.h"
#include "service/scout_internal.h"
#include "storage/cond.h"
#include "storage/moment.h"

enum { ROUND_MS = 50 };

bool scout_is_stopping(struct scout *scout)
{
    bool stopping = false;

    (void)pthread_mutex_lock(&scout->lock);
    stopping = scout->stopping;
    (void)pthread_mutex_unlock(&scout->lock);
    return stopping;
}

/* ---- the watch ----------------------------------------------------------------------------- */

/* Waits for the next round; false: stop. */
static bool wait_round(struct scout *scout)
{
    struct timespec until = clock_after_ms(ROUND_MS);
    bool stopping = false;

    (void)pthread_mutex_lock(&scout->lock);
    if (!scout->stopping) {
        (void)pthread_cond_timedwait(&scout->changed, &scout->lock, &until);
    }
    stopping = scout->stopping;
    (void)pthread_mutex_unlock(&scout->lock);
    return !stopping;
}

static void *watch(void *argument)
{
    struct scout *scout = argument;

    do {
        atomic_store(&scout->heartbeat_ms, scout->options.mono_ms());
        scout_look(scout);
    } while (wait_round(scout));
    return NULL;
}

/* ---- closing ------------------------------------------------------------------------------- */

struct closing {
    struct scout *scout;
    struct engine *engine;
};

static void *close_engine(void *argument)
{
    struct closing closing = *(struct closing *)argument;

    free(argument);
    engine_free(closing.engine, SCOUT_CLOSE_MS);
    (void)malloc_trim(0); /* what both have read ahead of the gap is not needed again */
    (void)pthread_mutex_lock(&closing.scout->lock);
    closing.scout->closing--;
    (void)pthread_cond_broadcast(&closing.scout->changed);
    (void)pthread_mutex_unlock(&closing.scout->lock);
    return NULL;
}

/* librdkafka may take seconds to close, and the watch has a main to look after. */
void scout_close_engine(struct scout *scout)
{
    struct closing *closing = malloc(sizeof *closing);
    struct engine *engine = scout->engine;
    pthread_t thread;

    scout->engine = NULL;
    atomic_store(&scout->engine_silent_ms, 0);
    (void)engine_stop(engine);
    desk_retire(scout->options.desk, engine_store(engine));
    (void)pthread_mutex_lock(&scout->lock);
    scout->closing++;
    (void)pthread_mutex_unlock(&scout->lock);
    if (closing != NULL) {
        *closing = (struct closing){.scout = scout, .engine = engine};
        if (pthread_create(&thread, NULL, close_engine, closing) == 0) {
            (void)pthread_detach(thread);
            return;
        }
    }
    free(closing);
    engine_free(engine, SCOUT_CLOSE_MS);
    (void)pthread_mutex_lock(&scout->lock);
    scout->closing--;
    (void)pthread_mutex_unlock(&scout->lock);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void free_scout(struct scout *scout)
{
    (void)pthread_cond_destroy(&scout->changed);
    (void)pthread_mutex_destroy(&scout->lock);
    free(scout);
}

enum ctr_status scout_start(const struct scout_options *options, struct scout **ret_scout,
                            struct ctr_error *reterr)
{
    struct scout *scout = NULL;

    *ret_scout = NULL;
    if (options->config->clock != CLOCK_WALL || options->config->scout_after_ms == INT64_MAX) {
        return CTR_OK;
    }
    scout = calloc(1, sizeof *scout);
    if (scout == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the scout");
    }
    scout->options = *options;
    scout->behind_since_ms = MOMENT_NONE;
    scout->handovers.at_ms = MOMENT_NONE;
    atomic_store(&scout->engine_silent_ms, 0);
    atomic_store(&scout->heartbeat_ms, options->mono_ms());
    (void)pthread_mutex_init(&scout->lock, NULL);
    cond_init_monotonic(&scout->changed);
    if (pthread_create(&scout->thread, NULL, watch, scout) != 0) {
        free_scout(scout);
        return ctr_fail(reterr, CTR_IO, "no thread for the scout");
    }
    *ret_scout = scout;
    return CTR_OK;
}

void scout_stop(struct scout *scout)
{
    if (scout == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&scout->lock);
    scout->stopping = true;
    (void)pthread_cond_broadcast(&scout->changed);
    (void)pthread_mutex_unlock(&scout->lock);
    (void)pthread_join(scout->thread, NULL);
    atomic_store(&scout->yield, SCOUT_YIELD_NONE);
    if (scout->engine != NULL) {
        desk_serve(scout->options.desk, engine_store(scout->options.main));
        scout_close_engine(scout);
    }
}

void scout_free(struct scout *scout)
{
    if (scout == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&scout->lock);
    while (scout->closing > 0) {
        (void)pthread_cond_wait(&scout->changed, &scout->lock);
    }
    (void)pthread_mutex_unlock(&scout->lock);
    free_scout(scout);
}

/* ---- what others ask ----------------------------------------------------------------------- */

bool scout_wants_the_machine(void *owner)
{
    struct scout *scout = owner;

    if (scout == NULL) {
        return false;
    }
    if (scout->yielded >= atomic_load(&scout->yield)) {
        scout->yielded = 0;
        return false;
    }
    scout->yielded++;
    return true;
}

bool scout_answers(const struct scout *scout)
{
    return scout != NULL && atomic_load(&scout->answers);
}

int64_t scout_silent_ms(struct scout *scout, int64_t mono_ms)
{
    return mono_ms - atomic_load(&scout->heartbeat_ms);
}

int64_t scout_ingest_silent_ms(struct scout *scout)
{
    return atomic_load(&scout->engine_silent_ms);
}

void scout_facts(struct scout *scout, struct backfill_facts *ret_backfill,
                 struct handover_facts *ret_handovers)
{
    *ret_backfill = (struct backfill_facts){.running = false};
    *ret_handovers = (struct handover_facts){.at_ms = MOMENT_NONE};
    if (scout == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&scout->lock);
    *ret_backfill = scout->backfill;
    *ret_handovers = scout->handovers;
    (void)pthread_mutex_unlock(&scout->lock);
}
