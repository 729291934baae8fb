/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/export: everything there is about a window, of one moment.
 *
 *   prepare   walk over the store a few pieces at a time and put the rows away (api/spool.h); if
 *             `to` moves meanwhile, begin again: right after a move there is most time. Where that
 *             does not suffice either, `to` is held back for as long as it takes, seconds at most
 *   pull      read them back and write them, as fast as the reader takes them
 *
 * So a reader may be as slow as it is allowed to be, and the store moves on.
 */
#include "api/export.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"
#include "api/answer.h"
#include "api/call.h"
#include "api/export_rows.h"
#include "api/fresh.h"
#include "api/query.h"
#include "api/text.h"

enum {
    PIECES_AT_ONCE = 8, /* of the walk; others of this thread are served in between */
    WALKING_MAX_MS = 8000,
    HOLD_AFTER = 2, /* copies that did not fit between two moves of `to` */
    WRITTEN_AT_ONCE = 16384,
    WRITTEN_MAX = WRITTEN_AT_ONCE + 8192 /* the longest row fits behind */
};

struct exports {
    struct exports_options options;
    _Atomic uint32_t running;
};

struct export
{
    const struct api_context *context;
    struct exports *exports;
    enum export_form form;
    size_t window;
    bool levels[LEVEL_COUNT];
    int64_t now_ms, until_mono_ms;
    bool walking; /* `walk` has begun */
    struct walk walk;
    struct walk_piece piece;
    struct spool spool;
    struct export_memory memory; /* of what is put, then of what is got */
    struct answer_edges edges;
    char window_name[WINDOW_NAME_BYTES]; /* edges.window */
    uint64_t rows, rows_left;
    unsigned restarts;
    enum { AT_HEAD, AT_ROWS, AT_END } at;
    struct writer writer; /* what is not sent yet begins at `sent` */
    size_t sent;
};

enum ctr_status exports_new(const struct exports_options *options, struct exports **ret_exports)
{
    struct exports *exports = calloc(1, sizeof *exports);

    if (exports == NULL)
        return CTR_NO_MEMORY;
    exports->options = *options;
    *ret_exports = exports;
    return CTR_OK;
}

void exports_free(struct exports *exports)
{
    if (exports != NULL)
        CTR_ASSERT(atomic_load(&exports->running) == 0);
    free(exports);
}

/* Counters are for people: without any, nothing is counted. */
#define COUNT(exports, member)                                                                     \
    do {                                                                                           \
        if ((exports)->options.counters != NULL)                                                   \
            http_counter_add(&(exports)->options.counters->member, 1);                             \
    } while (0)

static bool enter(struct exports *exports)
{
    uint32_t running = atomic_load(&exports->running);

    while (running < exports->options.max) {
        if (atomic_compare_exchange_weak(&exports->running, &running, running + 1))
            return true;
    }
    COUNT(exports, exports_refused);
    return false;
}

/* ---- the feed --------------------------------------------------------------------------- */

static void free_export(void *owner)
{
    struct export *export = owner;

    (void)atomic_fetch_sub(&export->exports->running, 1);
    spool_done(&export->spool);
    writer_done(&export->writer);
    free(export);
}

/* The rows that were walked over are put away; CTR_RETRY: from the beginning. */
static enum ctr_status walk_some(struct export *export, const struct store *store)
{
    enum ctr_status status = CTR_OK;

    if (!export->walking) {
        walk_begin(store, export->window, export->levels, &export->walk);
        memset(&export->memory, 0, sizeof export->memory);
        export->rows = 0;
        export->walking = true;
        if (export->restarts >= HOLD_AFTER)
            walk_hold(store, &export->walk);
        status = spool_empty(&export->spool);
    }
    for (int i = 0; i < PIECES_AT_ONCE && status == CTR_OK && export->walk.stage != WALK_DONE;
         i++) {
        status = walk_next(store, &export->walk, &export->piece);
        for (size_t row = 0; status == CTR_OK && row < export->piece.count; row++)
            status = export_put_row(&export->spool, &export->memory, &export->piece.rows[row]);
        export->rows += export->piece.count;
    }
    if (export->restarts >= HOLD_AFTER && (status != CTR_OK || export->walk.stage == WALK_DONE))
        walk_release(store);
    return status;
}

static enum feed_prepared refuse(struct problem *problem, struct api_response *ret_refusal)
{
    problem_respond(problem, ret_refusal);
    return FEED_REFUSED;
}

static enum feed_prepared walked(struct export *export, struct api_response *ret_refusal)
{
    struct problem problem;
    struct store *store = api_take(export->context);
    enum ctr_status status = answer_edges_of(store, export->window, &export->walk.reading,
                                             export->now_ms, &export->edges, &problem);

    if (status == CTR_OK) {
        memcpy(export->window_name, export->edges.window, sizeof export->window_name);
        export->edges.window = export->window_name;
    }
    api_give(export->context, store);
    if (status != CTR_OK)
        return refuse(&problem, ret_refusal);
    if (spool_turn(&export->spool) != CTR_OK) {
        (void)problem_set(&problem, PROBLEM_SPOOL, "data_dir takes no more.");
        return refuse(&problem, ret_refusal);
    }
    memset(&export->memory, 0, sizeof export->memory);
    export->rows_left = export->rows;
    writer_init(&export->writer, WRITTEN_MAX);
    return FEED_READY;
}

static enum feed_prepared prepare(void *owner, int64_t mono_ms, struct api_response *ret_refusal)
{
    struct export *export = owner;
    struct store *store = api_take(export->context);
    enum ctr_status status = walk_some(export, store);
    struct problem problem;

    api_give(export->context, store);
    if (status == CTR_OK && export->walk.stage == WALK_DONE)
        return walked(export, ret_refusal);
    if (status != CTR_OK && status != CTR_RETRY) {
        (void)problem_set(&problem, PROBLEM_SPOOL,
                          "The rows are put together in a file in data_dir, which takes no more.");
        return refuse(&problem, ret_refusal);
    }
    if (status == CTR_RETRY) {
        export->walking = false;
        export->restarts++;
        COUNT(export->exports, exports_restarted);
    }
    if (mono_ms < export->until_mono_ms)
        return FEED_AGAIN;
    (void)problem_set(&problem, PROBLEM_MOVING,
                      "Within %d s there was no moment that lasted for a copy of all rows; "
                      "while a backlog is worked through they change many times a second.",
                      WALKING_MAX_MS / 1000);
    return refuse(&problem, ret_refusal);
}

/* Writes some more; false: the spool or memory failed. */
static bool write_some(struct export *export)
{
    struct writer *writer = &export->writer;
    struct walk_row row;

    writer->length = 0;
    export->sent = 0;
    if (export->at == AT_HEAD) {
        export_write_head(writer, export->form, &export->edges, export->rows);
        export->at = AT_ROWS;
    }
    for (; export->rows_left > 0 && writer->length < WRITTEN_AT_ONCE; export->rows_left--) {
        if (export_get_row(&export->spool, &export->memory, &row) != CTR_OK)
            return false;
        export_write_row(writer, export->form, &export->edges, &row);
    }
    if (export->rows_left == 0) {
        export_write_tail(writer, export->form);
        export->at = AT_END;
    }
    return writer->status == CTR_OK;
}

static enum feed_says pull(void *owner, char *room, size_t room_bytes, size_t *ret_length)
{
    struct export *export = owner;
    size_t length;

    while (export->sent == export->writer.length) {
        if (export->at == AT_END) {
            COUNT(export->exports, exports_made);
            return FEED_ENDS;
        }
        if (!write_some(export))
            return FEED_FAILS;
    }
    length = export->writer.length - export->sent;
    length = length < room_bytes ? length : room_bytes;
    memcpy(room, export->writer.bytes + export->sent, length);
    export->sent += length;
    *ret_length = length;
    return FEED_GIVES;
}

static const struct feed_ops export_ops = {.prepare = prepare, .pull = pull, .free = free_export};

/* ---- the handler ---------------------------------------------------------------------------- */

static const char *const export_arguments[] = {"window", "level", "max_lag_ms", NULL};

/* In the order of enum export_form; the second list is what the answer says. */
static const char *const forms[] = {"application/json", "application/x-ndjson", "text/csv", NULL};
static const char *const content_types[] = {"application/json", "application/x-ndjson",
                                            "text/csv; charset=utf-8"};

static enum ctr_status read_levels(struct text name, bool ret_levels[LEVEL_COUNT],
                                   struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];
    bool found = name.length == 0;

    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        ret_levels[level] = name.length == 0 || text_equals(name, level_name(level));
        found = found || ret_levels[level];
    }
    if (found)
        return CTR_OK;
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "There is no level %s; the levels are: site, page, box and placement.",
                       quoted);
}

/* What is asked for. */
struct export_wish {
    enum export_form form;
    size_t window;
    bool levels[LEVEL_COUNT];
};

static enum ctr_status begin(const struct api_call *call, const struct export_wish *wish,
                             struct feed *ret_feed, struct problem *ret_problem)
{
    struct exports *exports = call->context->exports;
    struct export *export;

    if (exports == NULL)
        return problem_set(ret_problem, PROBLEM_BUSY, "No export may be made here.");
    if (!enter(exports))
        return problem_set(ret_problem, PROBLEM_BUSY,
                           "As many exports as may be made at once are on their way: %u "
                           "(max_exports).",
                           (unsigned)exports->options.max);
    export = calloc(1, sizeof *export);
    if (export == NULL || spool_init(&export->spool, exports->options.folder) != CTR_OK) {
        free(export);
        (void)atomic_fetch_sub(&exports->running, 1);
        return CTR_NO_MEMORY;
    }
    export->context = call->context;
    export->exports = exports;
    export->form = wish->form;
    export->window = wish->window;
    memcpy(export->levels, wish->levels, sizeof export->levels);
    export->now_ms = call->request->now_ms;
    export->until_mono_ms = call->request->mono_ms + WALKING_MAX_MS;
    *ret_feed = (struct feed){.ops = &export_ops, .owner = export};
    return CTR_OK;
}

enum ctr_status export_get(const struct api_call *call, struct api_response *ret_response,
                           struct problem *ret_problem)
{
    struct query query;
    struct progress progress;
    struct export_wish wish = {.window = 0};
    struct fresh_demand demand = {.given = false};
    size_t form = accept_choose(call->request->accept, forms);
    enum ctr_status status = query_parse(call->arguments, export_arguments, &query, ret_problem);

    if (status == CTR_OK)
        status = answer_find_window(call->store, query.values[0], PROBLEM_ARGUMENT, &wish.window,
                                    ret_problem);
    if (status == CTR_OK)
        status = read_levels(query.values[1], wish.levels, ret_problem);
    if (status == CTR_OK)
        status = fresh_read(query.values[2], &demand, ret_problem);
    if (status == CTR_OK && forms[form] == NULL)
        status = problem_set(ret_problem, PROBLEM_NOT_ACCEPTABLE,
                             "An export is application/json, application/x-ndjson or text/csv; "
                             "Accept takes none of them.");
    if (status != CTR_OK)
        return status;
    progress = store_progress(call->store);
    if (state_of(&progress, call->request->now_ms) == STATE_STARTING)
        return answer_refuse_starting(ret_problem);
    status = fresh_check(call, &demand, &progress, ret_problem);
    if (status != CTR_OK)
        return status;
    *ret_response = (struct api_response){.status = 200,
                                          .content_type = content_types[form],
                                          .cache_control = ANSWER_CACHE_NEVER,
                                          .feed = feed_nothing};
    wish.form = (enum export_form)form;
    return call->request->method == API_HEAD ? CTR_OK
                                             : begin(call, &wish, &ret_response->feed, ret_problem);
}
