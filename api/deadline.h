/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines of connections. libmicrohttpd's timeout counts inactivity only: a client that dribbles
 * a byte now and then would live for ever. Here every phase of a connection has its own end, and a
 * reaper thread shuts down the sockets of those that passed it; libmicrohttpd then closes them as
 * if the client had gone.
 *
 *   opened -> HEADER -> BODY -> ANSWER -> IDLE -> HEADER -> ...
 *                            `> FLOW --^
 *
 * FLOW is for answers that may take as long as they like, as long as their reader reads: its time
 * runs only while bytes wait to be taken and none is. What the peer's kernel takes counts as read;
 * nobody sees further.
 *
 * When the next request on a kept-alive connection begins cannot be told from libmicrohttpd, which
 * is silent until its request line is complete. The reaper sees it from the kernel instead: bytes
 * that came after the last answer was sent (TCP_INFO) end the idle phase.
 *
 * Lock: one mutex per watch guards the list. A socket is closed only after deadline_remove(), so
 * whatever the reaper finds in the list under the mutex is still that connection's socket.
 */
#ifndef LIVECTR_API_DEADLINE_H
#define LIVECTR_API_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "storage/status.h"

enum deadline_phase {
    DEADLINE_HEADER, /* a request line or header is being received */
    DEADLINE_BODY,   /* the rest of the request is */
    DEADLINE_ANSWER, /* an answer is being sent */
    DEADLINE_IDLE,   /* nothing is going on */
    DEADLINE_FLOW,   /* an answer is being made and sent bit by bit */
    DEADLINE_PHASES
};

struct deadline_options {
    /* 0 stands for the default: header 10 s, body 10 s, answer 30 s, idle 60 s. */
    int64_t limits_ms[DEADLINE_PHASES];
    int64_t (*mono_ms)(void);
    _Atomic uint64_t *cut;     /* counts connections cut; may be NULL. Outlives the watch */
    _Atomic uint64_t *stalled; /* of these, those in FLOW; likewise */
};

struct deadline_watch;
struct deadline;

/* Starts the reaper. Errors: CTR_NO_MEMORY, CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status deadline_watch_start(const struct deadline_options *options,
                                                  struct deadline_watch **ret_watch,
                                                  struct ctr_error *reterr);

/* Stops the reaper and frees the watch, which must be empty; NULL is fine. Thread: main. */
void deadline_watch_stop(struct deadline_watch *watch);

/* Watches a socket, in phase HEADER. NULL on no memory: the caller must not keep the connection.
 * Thread: any. Locks: the watch. */
struct deadline *deadline_add(struct deadline_watch *watch, int fd);

/* Ends watching, before the socket is closed. Thread: any. Locks: the watch. */
void deadline_remove(struct deadline_watch *watch, struct deadline *deadline);

/* Enters a phase now. Thread: the connection's. */
void deadline_enter(struct deadline_watch *watch, struct deadline *deadline,
                    enum deadline_phase phase);

/* Likewise, where the time is known (mono_ms of the options). */
void deadline_enter_at(struct deadline *deadline, enum deadline_phase phase, int64_t now_ms);

/* From now on every phase of this connection but ANSWER ends after a second at the latest: it is
 * one too many. Thread: the connection's. */
void deadline_hurry(struct deadline *deadline);

/* While it is crowded, connections that idle for more than a second make room. Thread: any. */
void deadline_watch_crowd(struct deadline_watch *watch, bool crowded);

/* Enters HEADER unless it has begun already. Thread: the connection's. */
void deadline_begin_header(struct deadline *deadline, int64_t now_ms);

#endif
