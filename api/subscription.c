/* SPDX-License-Identifier: Apache-2.0 */
#include "api/subscription.h"

#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/list.h"
#include "api/query.h"
#include "api/text.h"

/* ---- reading -------------------------------------------------------------------------------- */

/* The arguments in this order; `key` may be repeated and is read apart from them. */
enum stream_argument {
    ARGUMENT_WINDOW,
    ARGUMENT_PAGE,
    ARGUMENT_BOX,
    ARGUMENT_LEVEL,
    ARGUMENT_BY,
    ARGUMENT_LIMIT,
    ARGUMENT_MIN,
    ARGUMENT_LAG,
    ARGUMENT_KEY
};
static const char *const stream_arguments[] = {
    "window", "page", "box", "level", "by", "limit", "min_impressions", "max_lag_ms", "key", NULL};

enum { PAIR_BYTES_MAX = 2 * EVENT_ID_BYTES_MAX + 1 };

static enum ctr_status read_level(struct text name, enum level *ret_level,
                                  struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    *ret_level = text_equals(name, level_name(LEVEL_BOX)) ? LEVEL_BOX : LEVEL_PAGE;
    if (name.length == 0 || text_equals(name, level_name(*ret_level)))
        return CTR_OK;
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument level of a stream cannot be %s; it is one of: page, box.",
                       quoted);
}

static enum ctr_status read_top(const struct store *store, const struct query *query,
                                struct subscription *subscription, struct problem *ret_problem)
{
    static const struct query_range limits = {"limit", 1, SUBSCRIPTION_TOP_MAX};
    static const struct query_range impressions = {"min_impressions", 0,
                                                   UINT64_C(999999999999999999)};
    struct list list = {.query = {.window = subscription->window, .sort = LIST_BY_IMPRESSIONS}};
    uint64_t limit = SUBSCRIPTION_TOP_DEFAULT;
    enum ctr_status status =
        read_level(query->values[ARGUMENT_LEVEL], &list.query.level, ret_problem);

    if (status == CTR_OK)
        status = list_read_order(store, query->values[ARGUMENT_BY], true, &list, ret_problem);
    if (status == CTR_OK)
        status = query_number(query->values[ARGUMENT_LIMIT], &limits, &limit, ret_problem);
    if (status == CTR_OK)
        status = query_number(query->values[ARGUMENT_MIN], &impressions,
                              &list.query.impressions_min, ret_problem);
    for (int i = ARGUMENT_LEVEL; i <= ARGUMENT_MIN; i++)
        subscription->has_top = subscription->has_top || query->values[i].length > 0;
    list.query.limit = (size_t)limit;
    subscription->top = list.query;
    return status;
}

/* A page, a page and a box with a tab between, or a tab and a box: no id has a tab in it. */
static enum ctr_status split_pair(struct text pair, struct key_name *ret_name,
                                  struct problem *ret_problem)
{
    const char *tab = memchr(pair.bytes, '\t', pair.length);
    size_t length = tab == NULL ? pair.length : (size_t)(tab - pair.bytes);
    struct key_name name = {.page = {pair.bytes, length}};
    enum text_fault fault = TEXT_FINE;
    char quoted[TEXT_QUOTE_BYTES];

    if (tab != NULL)
        name.box = (struct text){tab + 1, pair.length - length - 1};
    if (tab == NULL || length > 0)
        fault = text_check_id(name.page);
    if (fault == TEXT_FINE && tab != NULL)
        fault = text_check_id(name.box);
    if (fault == TEXT_FINE) {
        *ret_name = name;
        return CTR_OK;
    }
    text_quote(pair, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "An id in the argument key %s: %s. A key is a page, a page and a box with a "
                       "tab (%%09) between them, or a tab and a box.",
                       text_fault_words(fault), quoted);
}

static void add_name(struct subscription *subscription, char **at, const struct key_name *name)
{
    struct key_name *own = &subscription->names[subscription->count++];

    *own = (struct key_name){.page = {*at, name->page.length}};
    if (name->page.length > 0)
        memcpy(*at, name->page.bytes, name->page.length);
    *at += name->page.length;
    own->box = (struct text){*at, name->box.length};
    if (name->box.length > 0)
        memcpy(*at, name->box.bytes, name->box.length);
    *at += name->box.length;
}

static enum ctr_status read_keys(const struct query *query, const struct query_repeated *keys,
                                 struct subscription *subscription, struct problem *ret_problem)
{
    struct key_name alone = {.page = query->values[ARGUMENT_PAGE],
                             .box = query->values[ARGUMENT_BOX]};
    char *at = subscription->bytes;
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < keys->count && status == CTR_OK; i++) {
        char pair_bytes[PAIR_BYTES_MAX];
        struct text pair = {.bytes = NULL};
        struct key_name name = {.page = {NULL, 0}};

        status =
            query_decode(keys->raw[i], "key", pair_bytes, sizeof pair_bytes, &pair, ret_problem);
        if (status == CTR_OK)
            status = split_pair(pair, &name, ret_problem);
        if (status == CTR_OK)
            add_name(subscription, &at, &name);
    }
    if (status == CTR_OK && (alone.page.length > 0 || alone.box.length > 0 ||
                             (subscription->count == 0 && !subscription->has_top)))
        add_name(subscription, &at, &alone);
    return status;
}

static struct subscription *new_subscription(const struct query_repeated *keys)
{
    struct subscription *subscription = calloc(1, sizeof *subscription);
    size_t bytes = 2 * EVENT_ID_BYTES_MAX + 1; /* decoding makes nothing longer */

    if (subscription == NULL)
        return NULL;
    for (size_t i = 0; i < keys->count; i++)
        bytes += keys->raw[i].length;
    subscription->names = calloc(keys->count + 1, sizeof *subscription->names);
    subscription->bytes = malloc(bytes);
    if (subscription->names != NULL && subscription->bytes != NULL)
        return subscription;
    subscription_free(subscription);
    return NULL;
}

enum ctr_status subscription_read(const struct api_call *call,
                                  struct subscription **ret_subscription,
                                  struct fresh_demand *ret_demand, struct problem *ret_problem)
{
    struct text raw[SUBSCRIPTION_KEYS_MAX];
    struct query_repeated keys = {.raw = raw, .max = SUBSCRIPTION_KEYS_MAX};
    struct subscription *subscription = NULL;
    struct query query;
    enum ctr_status status =
        query_parse_repeated(call->arguments, stream_arguments, "key", &query, &keys, ret_problem);

    if (status != CTR_OK)
        return status;
    subscription = new_subscription(&keys);
    if (subscription == NULL)
        return CTR_NO_MEMORY;
    status = answer_find_window(call->store, query.values[ARGUMENT_WINDOW], PROBLEM_ARGUMENT,
                                &subscription->window, ret_problem);
    if (status == CTR_OK)
        status = read_top(call->store, &query, subscription, ret_problem);
    if (status == CTR_OK)
        status = read_keys(&query, &keys, subscription, ret_problem);
    if (status == CTR_OK)
        status = fresh_read(query.values[ARGUMENT_LAG], ret_demand, ret_problem);
    if (status == CTR_OK)
        *ret_subscription = subscription;
    else
        subscription_free(subscription);
    return status;
}

void subscription_free(struct subscription *subscription)
{
    if (subscription == NULL)
        return;
    free(subscription->names);
    free(subscription->bytes);
    free(subscription);
}

static bool same_text(struct text left, struct text right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.bytes, right.bytes, left.length) == 0);
}

bool subscription_equals(const struct subscription *left, const struct subscription *right)
{
    bool equal = left->window == right->window && left->has_top == right->has_top &&
                 left->count == right->count && left->top.level == right->top.level &&
                 left->top.sort == right->top.sort && left->top.limit == right->top.limit &&
                 left->top.impressions_min == right->top.impressions_min;

    for (size_t i = 0; equal && i < left->count; i++)
        equal = same_text(left->names[i].page, right->names[i].page) &&
                same_text(left->names[i].box, right->names[i].box);
    return equal;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_row(struct writer *writer, struct text page, struct text box,
                      const struct figures *figures)
{
    writer_open(writer, '{');
    answer_write_names(writer, page, box);
    answer_write_numbers(writer, figures);
    writer_close(writer, '}');
}

/* Keys (none: only the moment) and list are of one moment, or read again. */
static enum ctr_status read_both(const struct subscription *subscription, const struct store *store,
                                 struct figures *ret_figures, struct reading *ret_reading,
                                 struct listing **ret_listing)
{
    enum { TRIES = 8 };

    for (int i = 0; i < TRIES; i++) {
        enum ctr_status status = CTR_OK;

        listing_free(*ret_listing);
        *ret_listing = NULL;
        if (subscription->has_top)
            status = store_list(store, &subscription->top, ret_listing);
        if (status != CTR_OK)
            return status;
        store_read(store, subscription->window, subscription->names, subscription->count,
                   ret_figures, ret_reading);
        if (*ret_listing == NULL ||
            (*ret_listing)->reading.progress.revision == ret_reading->progress.revision)
            return CTR_OK;
    }
    return CTR_RETRY;
}

static void write_document(const struct subscription *subscription, const struct figures *figures,
                           const struct listing *listing, const struct answer_edges *edges,
                           struct writer *writer)
{
    writer_open(writer, '{');
    answer_write_window(writer, edges);
    answer_write_freshness(writer, edges);
    writer_key(writer, "items");
    writer_open(writer, '[');
    for (size_t i = 0; i < subscription->count; i++)
        write_row(writer, subscription->names[i].page, subscription->names[i].box, &figures[i]);
    writer_close(writer, ']');
    if (listing != NULL) {
        writer_key(writer, "top");
        writer_open(writer, '[');
        for (size_t i = 0; i < listing->count; i++)
            list_write_row(writer, &subscription->top, &listing->rows[i]);
        writer_close(writer, ']');
    }
    writer_close(writer, '}');
}

enum ctr_status subscription_write(const struct subscription *subscription,
                                   const struct store *store, int64_t now_ms, struct writer *writer,
                                   struct subscription_moment *ret_moment)
{
    struct figures *figures = calloc(subscription->count + 1, sizeof *figures);
    struct listing *listing = NULL;
    struct reading reading;
    struct answer_edges edges;
    struct problem problem;
    enum ctr_status status = CTR_NO_MEMORY;

    if (figures != NULL)
        status = read_both(subscription, store, figures, &reading, &listing);
    if (status == CTR_OK)
        status = answer_edges_of(store, subscription->window, &reading, now_ms, &edges, &problem);
    if (status == CTR_OK) {
        write_document(subscription, figures, listing, &edges, writer);
        *ret_moment = (struct subscription_moment){.to_ms = edges.to_ms, .state = edges.state};
    }
    listing_free(listing);
    free(figures);
    return status;
}
