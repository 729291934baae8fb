/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deadline.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/tcp.h> /* TCP_INFO: <netinet/tcp.h> hides it from POSIX programs */
#include <netinet/in.h>
#include <sys/socket.h>

enum { TICK_MIN_MS = 5, TICK_MAX_MS = 500, TICKS_PER_LIMIT = 10 };

/* Bytes of the request that was just answered may look this much younger than they are: the
 * kernel counts in jiffies. */
enum { IDLE_SLACK_MS = 50 };

struct deadline {
    struct deadline *previous, *next; /* under the mutex */
    int fd;
    bool cut;                 /* the reaper's */
    _Atomic int phase;        /* written by the connection's thread, and IDLE -> HEADER by the
                                 reaper */
    _Atomic int64_t since_ms; /* when the phase began */
};

struct deadline_watch {
    struct deadline_options options;
    pthread_mutex_t mutex;
    struct deadline *first; /* under the mutex */
    pthread_t thread;
    int stop_pipe[2]; /* closing its write end ends the reaper */
};

void deadline_enter(struct deadline_watch *watch, struct deadline *deadline,
                    enum deadline_phase phase)
{
    atomic_store(&deadline->since_ms, watch->options.mono_ms());
    atomic_store(&deadline->phase, (int)phase);
}

void deadline_begin_header(struct deadline_watch *watch, struct deadline *deadline)
{
    if (atomic_load(&deadline->phase) != DEADLINE_HEADER)
        deadline_enter(watch, deadline, DEADLINE_HEADER);
}

struct deadline *deadline_add(struct deadline_watch *watch, int fd)
{
    struct deadline *deadline = calloc(1, sizeof *deadline);

    if (deadline == NULL)
        return NULL;
    deadline->fd = fd;
    deadline_enter(watch, deadline, DEADLINE_HEADER);
    pthread_mutex_lock(&watch->mutex);
    deadline->next = watch->first;
    if (watch->first != NULL)
        watch->first->previous = deadline;
    watch->first = deadline;
    pthread_mutex_unlock(&watch->mutex);
    return deadline;
}

void deadline_remove(struct deadline_watch *watch, struct deadline *deadline)
{
    pthread_mutex_lock(&watch->mutex);
    if (deadline->previous != NULL)
        deadline->previous->next = deadline->next;
    else
        watch->first = deadline->next;
    if (deadline->next != NULL)
        deadline->next->previous = deadline->previous;
    pthread_mutex_unlock(&watch->mutex);
    free(deadline);
}

/* Ends the idle phase of a connection on which bytes have come since. Where the kernel cannot
 * tell, the end of the idle phase bounds a dribbling client too. */
static void notice_header(struct deadline *deadline, int64_t now_ms)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    int64_t came_ms;
    int idle = DEADLINE_IDLE;

    if (getsockopt(deadline->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return;
    came_ms = now_ms - (int64_t)info.tcpi_last_data_recv;
    if (came_ms <= atomic_load(&deadline->since_ms) + IDLE_SLACK_MS)
        return;
    /* If the connection's thread is faster, its phase stays; a since_ms of its that is overwritten
     * here differs by less than a tick. */
    if (atomic_compare_exchange_strong(&deadline->phase, &idle, DEADLINE_HEADER))
        atomic_store(&deadline->since_ms, now_ms);
}

static void check(struct deadline_watch *watch, struct deadline *deadline, int64_t now_ms)
{
    int phase;

    if (deadline->cut)
        return;
    if (atomic_load(&deadline->phase) == DEADLINE_IDLE)
        notice_header(deadline, now_ms);
    phase = atomic_load(&deadline->phase);
    if (now_ms - atomic_load(&deadline->since_ms) < watch->options.limits_ms[phase])
        return;
    deadline->cut = true;
    if (watch->options.cut != NULL)
        atomic_fetch_add_explicit(watch->options.cut, 1, memory_order_relaxed);
    (void)shutdown(deadline->fd, SHUT_RDWR); /* fails where the client has gone: just as well */
}

static int tick_ms(const struct deadline_options *options)
{
    int64_t least = options->limits_ms[0];

    for (int i = 1; i < DEADLINE_PHASES; i++) {
        if (options->limits_ms[i] < least)
            least = options->limits_ms[i];
    }
    least /= TICKS_PER_LIMIT;
    return least < TICK_MIN_MS ? TICK_MIN_MS : least > TICK_MAX_MS ? TICK_MAX_MS : (int)least;
}

static void *reap(void *argument)
{
    struct deadline_watch *watch = argument;
    struct pollfd stop = {.fd = watch->stop_pipe[0], .events = POLLIN};
    int timeout_ms = tick_ms(&watch->options);

    /* The far end of the pipe is closed to stop: that is readable too. */
    while (poll(&stop, 1, timeout_ms) <= 0) {
        int64_t now_ms = watch->options.mono_ms();

        pthread_mutex_lock(&watch->mutex);
        for (struct deadline *deadline = watch->first; deadline != NULL; deadline = deadline->next)
            check(watch, deadline, now_ms);
        pthread_mutex_unlock(&watch->mutex);
    }
    return NULL;
}

/* Signals are the main thread's business. */
static int start_thread(struct deadline_watch *watch)
{
    sigset_t all, before;
    int error;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&watch->thread, NULL, reap, watch);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum ctr_status deadline_watch_start(const struct deadline_options *options,
                                     struct deadline_watch **ret_watch, struct ctr_error *reterr)
{
    struct deadline_watch *watch = calloc(1, sizeof *watch);
    int error;

    if (watch == NULL)
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the deadlines of connections");
    watch->options = *options;
    if (pipe(watch->stop_pipe) != 0) {
        error = errno;
        free(watch);
        return ctr_fail(reterr, CTR_IO, "cannot open a pipe: error %d", error);
    }
    (void)pthread_mutex_init(&watch->mutex, NULL); /* cannot fail for a default mutex */
    error = start_thread(watch);
    if (error != 0) {
        (void)pthread_mutex_destroy(&watch->mutex);
        (void)close(watch->stop_pipe[0]);
        (void)close(watch->stop_pipe[1]);
        free(watch);
        return ctr_fail(reterr, CTR_IO, "cannot start the thread of deadlines: error %d", error);
    }
    *ret_watch = watch;
    return CTR_OK;
}

void deadline_watch_stop(struct deadline_watch *watch)
{
    if (watch == NULL)
        return;
    CTR_ASSERT(watch->first == NULL);
    (void)close(watch->stop_pipe[1]);
    (void)pthread_join(watch->thread, NULL);
    (void)close(watch->stop_pipe[0]);
    (void)pthread_mutex_destroy(&watch->mutex);
    free(watch);
}
