/* SPDX-License-Identifier: Apache-2.0
 *
 * The one shape in which a number leaves the service (DESIGN "The answer"): names, the window with
 * its exact edges, counts with their ratios, and how fresh it all is. Writes members into an
 * object that the caller has opened. Pure. Thread: any.
 */
#ifndef LIVECTR_API_ANSWER_H
#define LIVECTR_API_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "api/problem.h"
#include "api/request.h"
#include "api/state.h"
#include "api/writer.h"
#include "storage/store.h"

/* What all numbers of one reading share. */
struct answer_edges {
    const char *window; /* its name, borrowed from the store's options */
    int64_t from_ms, to_ms, as_of_ms, lag_ms;
    enum api_state state;
    double coverage;
};

/* What is common to a reading of options->windows.items[window].
 * Errors: CTR_INVALID with PROBLEM_STARTING before there is a first `to`. */
CTR_MUST_USE enum ctr_status answer_edges_of(const struct store *store, size_t window,
                                             const struct reading *reading, int64_t now_ms,
                                             struct answer_edges *ret_edges,
                                             struct problem *ret_problem);

/* "page" and "box", each only where the level has one. */
void answer_write_names(struct writer *writer, struct text page, struct text box);

/* "window", "from", "to". */
void answer_write_window(struct writer *writer, const struct answer_edges *edges);

/* Counts, ratios and people. "people_missing" only where they are null for a reason, "folded" only
 * when it is true: the zeros may be short, because the limit on keys was reached and this one may
 * be inside its level's `other` row. */
void answer_write_numbers(struct writer *writer, const struct figures *figures);

/* The refusal before there is a first `to`. */
enum ctr_status answer_refuse_starting(struct problem *ret_problem);

/* "counted_to" (every step up to there is in the answer), "as_of", "lag_ms", "state". */
void answer_write_moment(struct writer *writer, const struct progress *progress, int64_t to_ms,
                         int64_t now_ms);

/* "coverage", "as_of", "lag_ms", "state". */
void answer_write_freshness(struct writer *writer, const struct answer_edges *edges);

/* The index of the window called so, the preferred one for an absent name.
 * Errors: CTR_INVALID with a problem of `kind` that lists those there are. */
CTR_MUST_USE enum ctr_status answer_find_window(const struct store *store, struct text name,
                                                enum problem_kind kind, size_t *ret_window,
                                                struct problem *ret_problem);

/* A 200 with what was written, or the static 503 where it failed. Ends the writer. */
void answer_respond(struct writer *writer, const char *cache_control,
                    struct api_response *ret_response);

/* A number may be a second old, or five while a fresh one is fetched, or thirty when none can be.
 */
#define ANSWER_CACHE_FOR     "max-age=1, stale-while-revalidate=5, stale-if-error=30"
#define ANSWER_CACHE_NUMBERS "public, " ANSWER_CACHE_FOR
#define ANSWER_CACHE_PRIVATE "private, " ANSWER_CACHE_FOR /* where tokens are set */
#define ANSWER_CACHE_NEVER   "no-store"

/* The largest answer is a list or batch of 1,000 placements: ids of 512 bytes that double when
 * escaped, and 400 bytes of numbers. */
enum { ANSWER_BYTES_MAX = 1000 * (2 * 2 * EVENT_ID_BYTES_MAX + 1024) + 65536 };

/* The member "windows": what can be asked for, whether it has people, and whether the window before
 * it is known (/v1/top?by=rise). Thread: any. */
void answer_windows(struct writer *writer, const struct store_options *options);

#endif
