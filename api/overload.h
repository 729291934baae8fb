/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a request has waited so long that it is better refused than answered. A thread answers
 * one request after the other, so what is asked beyond its speed waits in the sockets, unseen and
 * for as long as clients have patience. The kernel knows how long: TCP_INFO says when the newest
 * byte of a connection came. A refusal costs next to nothing, so that the queue is short again
 * within a moment, and those that are answered are answered in time.
 *
 * Single requests that were late (the process was stopped, a disk hung) are answered all the same:
 * only when several in a row come late is there a queue. One in SAMPLE requests is looked at while
 * all is well. Thread: any (atomics; an answer may be off by one request).
 */
#ifndef LIVECTR_API_OVERLOAD_H
#define LIVECTR_API_OVERLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { OVERLOAD_SAMPLE = 16, OVERLOAD_WATCHFUL = 256, OVERLOAD_LATE_MIN = 8 };

/* Start from {.wait_max_ms = ...}. */
struct overload {
    int64_t wait_max_ms;    /* 0: never too long */
    _Atomic unsigned asked; /* which requests to look at */
    _Atomic int watchful;   /* how many more are looked at without exception */
    _Atomic unsigned late;  /* came late in a row */
};

/* Whether the next request is to be looked at. */
bool overload_looks(struct overload *overload);

/* Takes note of a request that waited; whether to refuse it. */
bool overload_judge(struct overload *overload, int64_t waited_ms);

/* How long the newest byte of a TCP socket has been waiting; 0 where the kernel cannot tell. */
int64_t overload_waited_ms(int fd);

#endif
