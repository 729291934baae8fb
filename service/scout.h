/* SPDX-License-Identifier: Apache-2.0
 *
 * The scout (ARCHITECTURE "Far behind"): while main is far behind now, a second engine answers the
 * current windows. A thread of its own watches main, starts the scout, has main yield to it, and
 * at the end proves that both say the same and gives the answers back to main.
 *
 *   none --far behind--> reading --live--> answering --main is there, compared--> none
 *                           `--main is back first, or no contact--> none
 */
#ifndef LIVECTR_SERVICE_SCOUT_H
#define LIVECTR_SERVICE_SCOUT_H

#include "api/request.h"
#include "service/desk.h"
#include "service/engine.h"

struct scout;

struct scout_options {
    const struct config *config; /* borrowed for the life of the scout */
    struct engine *main;         /* borrowed; it need not have been started yet */
    struct desk *desk;           /* borrowed */
    engine_opener *open;         /* for the scout's own source */
    int64_t (*wall_ms)(void);
    int64_t (*mono_ms)(void);
    bool restored; /* main comes from a snapshot: how far behind it is, is known at once */
};

/* Starts the watch; without it (event mode, scout_after = off) there is none and *ret_scout is
 * NULL, which all functions below take. Errors: CTR_NO_MEMORY, CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status scout_start(const struct scout_options *options,
                                         struct scout **ret_scout, struct ctr_error *reterr);

/* Whether main is to leave the machine to the scout for a moment (pipeline_options.yields; `owner`
 * is the scout). Thread: main's ingest. */
bool scout_wants_the_machine(void *owner);

/* It is live and answers. Thread: any. */
bool scout_answers(const struct scout *scout);

/* For how long its thread, and the ingest thread of its engine (0 without one), have not moved.
 * Thread: any. */
int64_t scout_silent_ms(struct scout *scout, int64_t mono_ms);
int64_t scout_ingest_silent_ms(struct scout *scout);

void scout_facts(struct scout *scout, struct backfill_facts *ret_backfill,
                 struct handover_facts *ret_handovers);

/* Ends the watch and the scout's engine; its source is being closed in the background. Nobody may
 * take from the desk any more. Before engine_stop() of main. Thread: main. */
void scout_stop(struct scout *scout);

/* Awaits what is still being closed, which takes seconds at most, and frees. Thread: main. */
void scout_free(struct scout *scout);

#endif
