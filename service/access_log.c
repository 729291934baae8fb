/* SPDX-License-Identifier: Apache-2.0 */
#include "service/access_log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/log.h"
#include "storage/cond.h"

enum {
    CHUNK_BYTES = 4096, /* a pipe that is ready takes so much whole (PIPE_BUF) */
    PATIENCE_MS = 200,
    ERROR_STATUS = 400
};

_Static_assert((int)ACCESS_LINE_BYTES <= (int)CHUNK_BYTES, "a line fits in a chunk");

struct access_log {
    struct access_log_options options;
    _Atomic uint64_t seen; /* that might have been left out */
    pthread_t thread;

    pthread_mutex_t lock; /* held for a copy, never for a write */
    pthread_cond_t changed;
    bool stopping, ended, abandoned;
    size_t first, used; /* whole lines: where the oldest begins, and bytes from there */
    char ring[ACCESS_RING_BYTES];
};

/* ---- the ring, under the lock --------------------------------------------------------------- */

static void ring_put(struct access_log *log, const char *line, size_t length)
{
    size_t at = (log->first + log->used) % ACCESS_RING_BYTES;
    size_t head = ACCESS_RING_BYTES - at < length ? ACCESS_RING_BYTES - at : length;

    memcpy(log->ring + at, line, head);
    memcpy(log->ring, line + head, length - head);
    log->used += length;
}

/* Whole lines, as many as fit in a chunk. */
static size_t ring_take(struct access_log *log, char ret_chunk[CHUNK_BYTES])
{
    size_t most = log->used < CHUNK_BYTES ? log->used : CHUNK_BYTES;
    size_t head = ACCESS_RING_BYTES - log->first < most ? ACCESS_RING_BYTES - log->first : most;

    memcpy(ret_chunk, log->ring + log->first, head);
    memcpy(ret_chunk + head, log->ring, most - head);
    while (most > 0 && ret_chunk[most - 1] != '\n') {
        most--;
    }
    log->first = (log->first + most) % ACCESS_RING_BYTES;
    log->used -= most;
    return most;
}

/* ---- the writing thread --------------------------------------------------------------------- */

/* Waits for lines. 0: told to stop, and there are none. */
static size_t await_chunk(struct access_log *log, char ret_chunk[CHUNK_BYTES])
{
    size_t length = 0;

    (void)pthread_mutex_lock(&log->lock);
    while (log->used == 0 && !log->stopping) {
        (void)pthread_cond_wait(&log->changed, &log->lock);
    }
    length = ring_take(log, ret_chunk);
    (void)pthread_mutex_unlock(&log->lock);
    return length;
}

/* What is in the chunk, and in the ring when the process ends, was counted as taken; now it is
 * counted as dropped. */
static void give_up(struct access_log *log, const char *chunk, size_t length)
{
    uint64_t lines = 0;

    (void)pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < length; i++) {
        lines += chunk[i] == '\n';
    }
    for (size_t i = 0; i < log->used; i++) {
        lines += log->ring[(log->first + i) % ACCESS_RING_BYTES] == '\n';
    }
    log->used = 0;
    if (!log->abandoned) {
        http_counter_add(&log->options.counters->log_dropped, lines);
    }
    (void)pthread_mutex_unlock(&log->lock);
}

static bool is_stopping(struct access_log *log)
{
    bool stopping = false;

    (void)pthread_mutex_lock(&log->lock);
    stopping = log->stopping;
    (void)pthread_mutex_unlock(&log->lock);
    return stopping;
}

/* While it waits in here, the ring fills, and then lines are dropped at its door. False: they were
 * not taken before the end. */
static bool write_chunk(struct access_log *log, const char *chunk, size_t length)
{
    bool written = false;

    do {
        written = log->options.write(chunk, length, PATIENCE_MS);
    } while (!written && !is_stopping(log));
    return written;
}

static void *run(void *argument)
{
    struct access_log *log = argument;
    char chunk[CHUNK_BYTES];
    size_t length = 0;

    while ((length = await_chunk(log, chunk)) > 0) {
        if (!write_chunk(log, chunk, length)) {
            give_up(log, chunk, length); /* there is no time to try each of the others */
        }
    }
    (void)pthread_mutex_lock(&log->lock);
    log->ended = true;
    (void)pthread_cond_broadcast(&log->changed);
    (void)pthread_mutex_unlock(&log->lock);
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum ctr_status access_log_start(const struct access_log_options *options,
                                 struct access_log **ret_log, struct ctr_error *reterr)
{
    struct access_log *log = NULL;

    *ret_log = NULL;
    if (options->mode == ACCESS_OFF) {
        return CTR_OK;
    }
    log = calloc(1, sizeof *log);
    if (log == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the access log");
    }
    log->options = *options;
    if (log->options.write == NULL) {
        log->options.write = log_write;
    }
    (void)pthread_mutex_init(&log->lock, NULL);
    cond_init_monotonic(&log->changed);
    if (pthread_create(&log->thread, NULL, run, log) != 0) {
        free(log);
        return ctr_fail(reterr, CTR_IO, "no thread for the access log");
    }
    *ret_log = log;
    return CTR_OK;
}

static bool is_chosen(struct access_log *log, unsigned status)
{
    return log->options.mode == ACCESS_ALL || status >= ERROR_STATUS ||
           atomic_fetch_add_explicit(&log->seen, 1, memory_order_relaxed) % log->options.sample ==
               0;
}

void access_log_put(void *owner, const struct access_record *record)
{
    struct access_log *log = owner;
    char line[ACCESS_LINE_BYTES];
    size_t length = 0;
    bool fits = false;

    if (!is_chosen(log, record->access->status)) {
        return;
    }
    length = access_log_format(&log->options, record, log->options.wall_ms(), line);
    (void)pthread_mutex_lock(&log->lock);
    fits = length <= ACCESS_RING_BYTES - log->used;
    if (fits) {
        ring_put(log, line, length);
        (void)pthread_cond_signal(&log->changed);
    }
    (void)pthread_mutex_unlock(&log->lock);
    http_counter_add(fits ? &log->options.counters->log_lines : &log->options.counters->log_dropped,
                     1);
}

void access_log_stop(struct access_log *log, int deadline_ms)
{
    struct timespec until = clock_after_ms(deadline_ms);
    int failed = 0;
    bool ended = false;

    if (log == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&log->lock);
    log->stopping = true;
    (void)pthread_cond_broadcast(&log->changed);
    while (!log->ended && failed == 0) {
        failed = pthread_cond_timedwait(&log->changed, &log->lock, &until);
    }
    ended = log->ended;
    log->abandoned = !ended; /* the counters may go */
    (void)pthread_mutex_unlock(&log->lock);
    if (!ended) {
        (void)pthread_detach(log->thread); /* it stands in a write; the process is about to end */
        return;
    }
    (void)pthread_join(log->thread, NULL);
    (void)pthread_cond_destroy(&log->changed);
    (void)pthread_mutex_destroy(&log->lock);
    free(log);
}
