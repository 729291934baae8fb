/* SPDX-License-Identifier: Apache-2.0 */
#include "service/ending.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/log.h"
#include "storage/cond.h"

struct ending {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;                     /* ended in time */
    _Atomic int64_t until_mono_ms; /* INT64_MAX: not begun */
    _Atomic bool saved;
};

int ending_code(const struct ending *ending)
{
    return atomic_load(&ending->saved) ? 0 : ENDING_NOT_SAVED;
}

static void leave(const struct ending *ending)
{
    int code = ending_code(ending);

    log_line(code == 0 ? LOG_WARN : LOG_ERROR, "stop_forced", "saved=%d exit=%d", code == 0, code);
    _exit(code);
}

static void *run(void *argument)
{
    struct ending *ending = argument;

    (void)pthread_mutex_lock(&ending->lock);
    while (!ending->over) {
        int64_t left_ms = atomic_load(&ending->until_mono_ms);

        if (left_ms == INT64_MAX) {
            (void)pthread_cond_wait(&ending->changed, &ending->lock);
            continue;
        }
        left_ms -= clock_mono_ms();
        if (left_ms <= 0) {
            leave(ending);
        } else {
            struct timespec until = clock_after_ms(left_ms);

            (void)pthread_cond_timedwait(&ending->changed, &ending->lock, &until);
        }
    }
    (void)pthread_mutex_unlock(&ending->lock);
    return NULL;
}

enum ctr_status ending_new(struct ending **ret_ending, struct ctr_error *reterr)
{
    struct ending *ending = calloc(1, sizeof *ending);

    if (ending == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the service");
    }
    atomic_store(&ending->until_mono_ms, INT64_MAX);
    (void)pthread_mutex_init(&ending->lock, NULL);
    cond_init_monotonic(&ending->changed);
    if (pthread_create(&ending->thread, NULL, run, ending) != 0) {
        free(ending);
        return ctr_fail(reterr, CTR_IO, "no thread for the end");
    }
    *ret_ending = ending;
    return CTR_OK;
}

void ending_begin(struct ending *ending, int64_t budget_ms)
{
    int64_t never_ms = INT64_MAX;

    (void)pthread_mutex_lock(&ending->lock);
    (void)atomic_compare_exchange_strong(&ending->until_mono_ms, &never_ms,
                                         clock_mono_ms() + budget_ms);
    (void)pthread_cond_broadcast(&ending->changed);
    (void)pthread_mutex_unlock(&ending->lock);
}

int64_t ending_left_ms(const struct ending *ending, int64_t limit_ms)
{
    int64_t until_ms = atomic_load(&ending->until_mono_ms);
    int64_t left_ms = until_ms == INT64_MAX ? limit_ms : until_ms - clock_mono_ms();

    if (left_ms < 0) {
        return 0;
    }
    return left_ms < limit_ms ? left_ms : limit_ms;
}

void ending_saved(struct ending *ending)
{
    atomic_store(&ending->saved, true);
}

void ending_free(struct ending *ending)
{
    if (ending == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&ending->lock);
    ending->over = true;
    (void)pthread_cond_broadcast(&ending->changed);
    (void)pthread_mutex_unlock(&ending->lock);
    (void)pthread_join(ending->thread, NULL);
    (void)pthread_cond_destroy(&ending->changed);
    (void)pthread_mutex_destroy(&ending->lock);
    free(ending);
}
