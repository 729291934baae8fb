/* SPDX-License-Identifier: Apache-2.0
 *
 * What scout.c (life), scout_watch.c (decisions), scout_handover.c and scout_progress.c share.
 * Thread: the watch, unless said otherwise.
 */
#ifndef LIVECTR_SERVICE_SCOUT_INTERNAL_H
#define LIVECTR_SERVICE_SCOUT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "service/scout.h"

enum { SCOUT_SAMPLES_MAX = 20, SCOUT_CLOSE_MS = 5000 };

/* How many of its rounds, of 20 ms, main leaves to the scout between two in which it reads. */
enum scout_yield {
    SCOUT_YIELD_NONE = 0,
    SCOUT_YIELD_SOME = 1,
    SCOUT_YIELD_MOST = 10, /* it gets on in any case */
    SCOUT_YIELD_ALL = 50,  /* but for a look at how much there is to read */
};

/* Where main stood once. */
struct scout_sample {
    int64_t mono_ms, to_ms;
    uint64_t read, left;
};

struct scout {
    struct scout_options options;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    bool stopping;
    unsigned closing; /* engines that are being closed */
    struct backfill_facts backfill;
    struct handover_facts handovers;

    _Atomic bool answers;
    _Atomic int yield; /* enum scout_yield */
    _Atomic int64_t heartbeat_ms;
    _Atomic int64_t engine_silent_ms; /* its ingest thread's; 0 while there is none */
    int yielded;                      /* main's ingest thread: rounds since it last read */

    /* the watch's own */
    struct engine *engine; /* NULL: there is no scout */
    bool looked;           /* the first look at main was taken */
    int64_t behind_since_ms, begun_ms, contact_ms, next_begin_ms; /* monotonic; MOMENT_NONE never */
    int64_t own_to_ms, moved_ms; /* the scout's `to`, and when it came there (monotonic) */
    unsigned failed_handovers;
    struct scout_sample samples[SCOUT_SAMPLES_MAX]; /* a ring, two a second */
    size_t samples_count, next_sample;
    int64_t next_line_ms, next_show_ms;
};

bool scout_is_stopping(struct scout *scout); /* Thread: any */

/* What main has still to read, and what it has read so far. False: not known (yet). */
bool scout_backlog(const struct scout *scout, uint64_t *ret_left, uint64_t *ret_read);

/* Ends the engine: whoever reads its store is awaited, the rest happens in the background. The
 * desk must not serve it. */
void scout_close_engine(struct scout *scout);

/* One round: looks at main and at the scout, and does what is due. */
void scout_look(struct scout *scout);

/* Brings both to the same `to`, compares them and has main answer. False: not now, call again. */
bool scout_hand_over(struct scout *scout);

/* Forgets what was measured for the scout before. */
void scout_progress_reset(struct scout *scout, int64_t from_ms);
/* Keeps the facts fresh, logs them now and then. */
void scout_progress_note(struct scout *scout, const struct progress *main_progress,
                         const struct progress *own);
/* There is nothing to tell any more. */
void scout_progress_end(struct scout *scout);

#endif
