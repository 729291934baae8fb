/* SPDX-License-Identifier: Apache-2.0 */
#include "api/deadline.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <linux/tcp.h> /* TCP_INFO: <netinet/tcp.h> hides it from POSIX programs */
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { TICK_MIN_MS = 5, TICK_MAX_MS = 500, TICKS_PER_LIMIT = 10 };

/* Bytes of the request that was just answered may look this much younger than they are: the
 * kernel counts in jiffies. */
enum { IDLE_SLACK_MS = 50 };

enum { HURRY_MS = 1000 };

enum { CLOSE_WAIT = 8 }; /* TCP_CLOSE_WAIT, which no header shows beside <linux/tcp.h> */

struct deadline {
    struct deadline *previous, *next; /* under the mutex */
    int fd;
    bool cut;             /* the reaper's */
    uint64_t taken_bytes; /* the reaper's: what the peer had taken when it last looked */
    atomic_bool hurried;
    _Atomic int phase;        /* written by the connection's thread, and IDLE -> HEADER by the
                                 reaper */
    _Atomic int64_t since_ms; /* when the phase began */
};

struct deadline_watch {
    struct deadline_options options;
    atomic_bool crowded;
    pthread_mutex_t mutex;
    struct deadline *first; /* under the mutex */
    pthread_t thread;
    int stop_pipe[2]; /* closing its write end ends the reaper */
};

void deadline_enter(struct deadline_watch *watch, struct deadline *deadline,
                    enum deadline_phase phase)
{
    deadline_enter_at(deadline, phase, watch->options.mono_ms());
}

/* Whoever sees the phase sees its time. */
void deadline_enter_at(struct deadline *deadline, enum deadline_phase phase, int64_t now_ms)
{
    atomic_store_explicit(&deadline->since_ms, now_ms, memory_order_release);
    atomic_store_explicit(&deadline->phase, (int)phase, memory_order_release);
}

void deadline_hurry(struct deadline *deadline)
{
    atomic_store(&deadline->hurried, true);
}

void deadline_watch_crowd(struct deadline_watch *watch, bool crowded)
{
    atomic_store_explicit(&watch->crowded, crowded, memory_order_relaxed);
}

void deadline_begin_header(struct deadline *deadline, int64_t now_ms)
{
    if (atomic_load(&deadline->phase) != DEADLINE_HEADER)
        deadline_enter_at(deadline, DEADLINE_HEADER, now_ms);
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
 * tell, the end of the idle phase bounds a dribbling client too. Whether the client has gone:
 * libmicrohttpd 0.9.75 does not see the end of a connection that came together with a request. */
static bool notice_header(struct deadline *deadline, int64_t now_ms)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    int64_t came_ms;
    int idle = DEADLINE_IDLE;

    if (getsockopt(deadline->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return false;
    came_ms = now_ms - (int64_t)info.tcpi_last_data_recv;
    if (came_ms <= atomic_load(&deadline->since_ms) + IDLE_SLACK_MS)
        return info.tcpi_state == CLOSE_WAIT;
    /* If the connection's thread is faster, its phase stays; a since_ms of its that is overwritten
     * here differs by less than a tick. */
    if (atomic_compare_exchange_strong(&deadline->phase, &idle, DEADLINE_HEADER))
        atomic_store(&deadline->since_ms, now_ms);
    return false;
}

static int64_t limit_ms(const struct deadline_watch *watch, const struct deadline *deadline,
                        int phase)
{
    int64_t limit_ms = watch->options.limits_ms[phase];
    bool hurries =
        phase != DEADLINE_ANSWER &&
        (atomic_load(&deadline->hurried) ||
         (phase == DEADLINE_IDLE && atomic_load_explicit(&watch->crowded, memory_order_relaxed)));

    return hurries && limit_ms > HURRY_MS ? HURRY_MS : limit_ms;
}

/* Begins the time of a flow anew where its reader took something, or has nothing to take. Where the
 * kernel cannot tell, the time since more was last asked for counts. */
static void notice_reading(struct deadline *deadline, int64_t now_ms)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    int waiting = 1;

    if (ioctl(deadline->fd, SIOCOUTQ, &waiting) == 0 && waiting == 0) {
        atomic_store(&deadline->since_ms, now_ms);
        return;
    }
    if (getsockopt(deadline->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
        length < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
        return;
    if (info.tcpi_bytes_acked != deadline->taken_bytes)
        atomic_store(&deadline->since_ms, now_ms);
    deadline->taken_bytes = info.tcpi_bytes_acked;
}

static void count(_Atomic uint64_t *counter)
{
    if (counter != NULL)
        atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void check(struct deadline_watch *watch, struct deadline *deadline, int64_t now_ms)
{
    int phase;

    if (deadline->cut)
        return;
    if (atomic_load(&deadline->phase) == DEADLINE_IDLE && notice_header(deadline, now_ms)) {
        (void)shutdown(deadline->fd, SHUT_RDWR);
        return;
    }
    if (atomic_load(&deadline->phase) == DEADLINE_FLOW)
        notice_reading(deadline, now_ms);
    phase = atomic_load(&deadline->phase);
    if (now_ms - atomic_load(&deadline->since_ms) < limit_ms(watch, deadline, phase))
        return;
    deadline->cut = true;
    count(watch->options.cut);
    if (phase == DEADLINE_FLOW)
        count(watch->options.stalled);
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

static const int64_t defaults_ms[DEADLINE_PHASES] = {10000, 10000, 30000, 60000};

enum ctr_status deadline_watch_start(const struct deadline_options *options,
                                     struct deadline_watch **ret_watch, struct ctr_error *reterr)
{
    struct deadline_watch *watch = calloc(1, sizeof *watch);
    int error;

    if (watch == NULL)
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the deadlines of connections");
    watch->options = *options;
    for (int i = 0; i < DEADLINE_PHASES; i++) {
        if (watch->options.limits_ms[i] == 0)
            watch->options.limits_ms[i] = defaults_ms[i];
    }
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
