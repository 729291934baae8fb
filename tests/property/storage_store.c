/* SPDX-License-Identifier: Apache-2.0
 *
 * The store against a naive model that keeps every record and recounts by the written rules
 * (storage_model.h): random traffic, partitions, reports of ends and confirmations, clocks, time
 * jumps and window sets; after every advance every key of every level in every window, the edges,
 * the lists and the accounts must agree. In between the store is cut, saved to a SQLite file, and
 * thrown away for one that is loaded from there.
 */
#include "storage_world.h"

#include <math.h>

#include "storage/rate.h"
#include "storage/store_minutes.h"
#include "storage/store_status.h"

/* ---- comparing ----------------------------------------------------------------------------- */

static void check_people(struct world *world, size_t window, enum level level, int key,
                         const struct figures *figures)
{
    const struct store_options *options = &world->model->options;
    bool beyond = options->windows.items[window].length_ms > options->people_horizon_ms;
    struct crowd wanted = model_crowd_counts(&crowds.keys[level][key]);

    ROUND_CHECK(world->dice, figures->people == (beyond ? PEOPLE_BEYOND_HORIZON : PEOPLE_KNOWN),
                "whether people are known");
    ROUND_CHECK(world->dice, beyond || memcmp(&figures->crowd, &wanted, sizeof wanted) == 0,
                "window %zu, %s %d: people %u %u %u, wanted %u %u %u", window, level_name(level),
                key, figures->crowd.viewers, figures->crowd.clickers, figures->crowd.clicking,
                wanted.viewers, wanted.clickers, wanted.clicking);
}

/* The siblings of a placement are those of its box; of pages and boxes all. */
static struct spread wanted_spread(const struct world *world, enum level level, int key)
{
    struct spread spread = {0};

    for (int other = 0; other < MODEL_KEYS; other++) {
        const struct totals *totals = &recount.keys[level][other];

        if ((level != LEVEL_PLACEMENT || other % MODEL_IDS == key % MODEL_IDS) &&
            (level == LEVEL_PLACEMENT || other < MODEL_IDS)) {
            spread_add(&spread, totals->impressions, totals->clicks);
        }
    }
    (void)world;
    return spread;
}

static void check_prior(struct world *world, enum level level, int key,
                        const struct figures *figures)
{
    const struct totals *above = level == LEVEL_PLACEMENT
                                     ? &recount.keys[LEVEL_BOX][key % MODEL_IDS]
                                     : &recount.keys[LEVEL_SITE][0];
    bool wanted =
        level != LEVEL_SITE && above->impressions > 0 && above->clicks <= above->impressions;
    struct spread spread;
    double weight = 0;

    ROUND_CHECK(world->dice, figures->has_prior == wanted, "%s %d: a prior", level_name(level),
                key);
    if (!wanted || !dice_percent(world->dice, 10)) {
        return;
    }
    spread = wanted_spread(world, level, key);
    weight = spread_weight(&spread);
    ROUND_CHECK(world->dice,
                !(figures->prior_weight < weight) && !(figures->prior_weight > weight) &&
                    fabs(figures->prior_ctr * (double)above->impressions - (double)above->clicks) <
                        1e-6,
                "%s %d: prior %g of %g, wanted %g", level_name(level), key, figures->prior_weight,
                figures->prior_ctr, weight);
}

static void check_keys(struct world *world, size_t window, enum level level, int count)
{
    static struct key_name names[MODEL_KEYS];
    static struct figures figures[MODEL_KEYS];
    static int keys[MODEL_KEYS];
    struct reading reading;
    const struct totals *other = &recount.other[level];

    for (int i = 0; i < count; i++) {
        int page = level == LEVEL_PLACEMENT ? i / world->boxes : i;
        int box = level == LEVEL_PLACEMENT ? i % world->boxes : i;
        struct model_event event = {.page = page, .box = box};

        keys[i] = model_key(&event, level);
        names[i] = (struct key_name){0};
        if (level == LEVEL_PAGE || level == LEVEL_PLACEMENT) {
            names[i].page = model_text(page);
        }
        if (level == LEVEL_BOX || level == LEVEL_PLACEMENT) {
            names[i].box = model_text(box);
        }
    }
    store_read(world->store, window, names, (size_t)count, figures, &reading);
    ROUND_CHECK(world->dice, reading.progress.to_ms == world->model->to_ms, "to");
    ROUND_CHECK(world->dice,
                reading.from_ms == model_from(world->model->options.windows.items[window].length_ms,
                                              world->model->to_ms),
                "from of window %zu", window);
    for (int i = 0; i < count; i++) {
        const struct totals *wanted = &recount.keys[level][keys[i]];
        bool zero = wanted->impressions == 0 && wanted->clicks == 0;

        ROUND_CHECK(world->dice,
                    figures[i].totals.impressions == wanted->impressions &&
                        figures[i].totals.clicks == wanted->clicks,
                    "window %zu, %s %d: %llu/%llu, wanted %llu/%llu", window, level_name(level),
                    keys[i], (unsigned long long)figures[i].totals.clicks,
                    (unsigned long long)figures[i].totals.impressions,
                    (unsigned long long)wanted->clicks, (unsigned long long)wanted->impressions);
        ROUND_CHECK(world->dice,
                    figures[i].folded == (level != LEVEL_SITE && zero &&
                                          (other->impressions > 0 || other->clicks > 0)),
                    "folded, %s %d", level_name(level), keys[i]);
        check_people(world, window, level, keys[i], &figures[i]);
        check_prior(world, level, keys[i], &figures[i]);
    }
}

struct wanted_row {
    struct key_name name;
    struct totals totals;
};

static int compare_text(struct text left, struct text right)
{
    size_t shorter = left.length < right.length ? left.length : right.length;
    int order = shorter == 0 ? 0 : memcmp(left.bytes, right.bytes, shorter);

    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

static enum list_sort sort_by;

static int compare_rows(const void *left, const void *right)
{
    const struct wanted_row *a = left;
    const struct wanted_row *b = right;
    int order = 0;

    if (sort_by == LIST_BY_IMPRESSIONS) {
        order = (a->totals.impressions < b->totals.impressions) -
                (a->totals.impressions > b->totals.impressions);
    } else if (sort_by == LIST_BY_CLICKS) {
        order = (a->totals.clicks < b->totals.clicks) - (a->totals.clicks > b->totals.clicks);
    } else if (sort_by == LIST_BY_CTR) {
        /* Counts here are small, so that different ratios are different doubles. */
        double x = a->totals.impressions == 0
                       ? -1
                       : (double)a->totals.clicks / (double)a->totals.impressions;
        double y = b->totals.impressions == 0
                       ? -1
                       : (double)b->totals.clicks / (double)b->totals.impressions;

        order = (x < y) - (x > y);
    } else if (sort_by == LIST_BY_CTR_LOW) {
        struct rate x = rate_of(a->totals.impressions, a->totals.clicks);
        struct rate y = rate_of(b->totals.impressions, b->totals.clicks);
        double low = x.has_interval ? x.low : -1;
        double other = y.has_interval ? y.low : -1;

        order = (low < other) - (low > other);
    }
    if (order == 0) {
        order = compare_text(a->name.page, b->name.page);
    }
    return order != 0 ? order : compare_text(a->name.box, b->name.box);
}

static size_t wanted_rows(const struct world *world, const struct list_query *query, int page,
                          struct wanted_row *rows)
{
    size_t count = 0;
    int ids = query->level == LEVEL_PAGE ? world->pages : world->boxes;

    for (int id = 0; id < ids; id++) {
        struct model_event event = {.page = query->level == LEVEL_PAGE ? id : page, .box = id};
        const struct totals *totals = &recount.keys[query->level][model_key(&event, query->level)];

        if ((totals->impressions > 0 || totals->clicks > 0) &&
            totals->impressions >= query->impressions_min) {
            rows[count] = (struct wanted_row){.totals = *totals};
            if (query->level != LEVEL_BOX) {
                rows[count].name.page = model_text(event.page);
            }
            if (query->level != LEVEL_PAGE) {
                rows[count].name.box = model_text(id);
            }
            count++;
        }
    }
    sort_by = query->sort;
    qsort(rows, count, sizeof *rows, compare_rows);
    return count;
}

static void check_rows(struct world *world, const struct listing *listing,
                       const struct wanted_row *rows)
{
    for (size_t i = 0; i < listing->count; i++) {
        const struct list_row *row = &listing->rows[i];

        ROUND_CHECK(world->dice,
                    compare_text(row->place.page, rows[i].name.page) == 0 &&
                        compare_text(row->place.box, rows[i].name.box) == 0 &&
                        row->figures.totals.impressions == rows[i].totals.impressions &&
                        row->figures.totals.clicks == rows[i].totals.clicks,
                    "row %zu of the list", i);
    }
}

/* The rest of the list, page by page, each from where the one before it ended. */
static void check_pages(struct world *world, struct list_query query, struct listing *first,
                        const struct wanted_row *rows, size_t total)
{
    struct listing *listing = first;
    size_t seen = 0;

    for (;;) {
        struct listing *next = NULL;

        ROUND_CHECK(world->dice,
                    listing->count == (total - seen < query.limit ? total - seen : query.limit),
                    "list count");
        check_rows(world, listing, rows + seen);
        seen += listing->count;
        ROUND_CHECK(world->dice, listing->more == (seen < total), "more after %zu of %zu", seen,
                    total);
        if (!listing->more) {
            break;
        }
        query.has_after = true;
        query.after = listing->rows[listing->count - 1].place;
        assert_int_equal(store_list(world->store, &query, &next), CTR_OK);
        listing_free(listing);
        listing = next;
    }
    listing_free(listing);
}

static void check_list(struct world *world, size_t window)
{
    static const enum list_sort sorts[] = {LIST_BY_IMPRESSIONS, LIST_BY_CLICKS, LIST_BY_CTR,
                                           LIST_BY_CTR_LOW, LIST_BY_ID};
    struct wanted_row rows[MODEL_IDS];
    int page = (int)dice_below(world->dice, (size_t)world->pages);
    struct list_query query = {
        .level = (enum level)dice_between(world->dice, LEVEL_PAGE, LEVEL_PLACEMENT),
        .page = model_text(page),
        .window = window,
        .sort = sorts[dice_below(world->dice, sizeof sorts / sizeof sorts[0])],
        .impressions_min = dice_percent(world->dice, 60) ? 0 : dice_below(world->dice, 4),
        .limit = (size_t)dice_between(world->dice, 1, dice_percent(world->dice, 50) ? 5 : 1000)};
    struct listing *listing = NULL;
    size_t total = wanted_rows(world, &query, page, rows);
    const struct totals *other = &recount.other[query.level];

    assert_int_equal(store_list(world->store, &query, &listing), CTR_OK);
    ROUND_CHECK(world->dice, listing->total == total, "list total %zu, wanted %zu", listing->total,
                total);
    ROUND_CHECK(
        world->dice,
        listing->other.impressions == other->impressions && listing->other.clicks == other->clicks,
        "other row of %s: %llu/%llu, wanted %llu/%llu", level_name(query.level),
        (unsigned long long)listing->other.clicks, (unsigned long long)listing->other.impressions,
        (unsigned long long)other->clicks, (unsigned long long)other->impressions);
    check_pages(world, query, listing, rows, total);
}

/* ---- minutes ------------------------------------------------------------------------------- */

struct minute_rows {
    int64_t minute_ms;
    int64_t numbers[MINUTE_NUMBERS];
};

static bool add_point(void *owner, const struct history_point *point)
{
    struct minute_rows *rows = owner;

    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        rows->numbers[n] += point->numbers[n];
    }
    return true;
}

/* What the history and the store say together about one key and minute. */
static void read_minute(struct world *world, const struct key_name *name,
                        struct minute_rows *ret_rows)
{
    int64_t until_ms = ret_rows->minute_ms + MINUTE_MS;
    struct minute_key key = store_minute_key(world->store, name);
    struct minute_sums sums;
    uint64_t saved_cut = 0;

    if (world->snapshot != NULL) {
        saved_cut = snapshot_cut(world->snapshot);
        assert_int_equal(history_read(snapshot_history(world->snapshot), &key, ret_rows->minute_ms,
                                      until_ms, add_point, ret_rows, NULL),
                         CTR_OK);
    }
    assert_int_equal(
        store_minutes(world->store, name, ret_rows->minute_ms, until_ms, saved_cut, &sums), CTR_OK);
    for (size_t i = 0; i < sums.count; i++) {
        for (int n = 0; n < MINUTE_NUMBERS; n++) {
            ret_rows->numbers[n] += sums.items[i].numbers[n];
        }
    }
    minute_sums_done(&sums);
}

/* Any key and a minute in which something happened. */
static void check_minutes(struct world *world)
{
    struct model *known = world->model;
    enum level level = (enum level)dice_between(world->dice, LEVEL_SITE, LEVEL_PLACEMENT);
    const struct model_event *event = NULL;
    struct key_name name = {0};
    struct minute_rows rows = {0};
    int64_t wanted[MINUTE_NUMBERS];

    if (known->records_count == 0) {
        return;
    }
    event = &known->records[dice_below(world->dice, known->records_count)].event;
    if (level >= LEVEL_BOX && event->box == MODEL_NO_BOX) {
        return;
    }
    name.page = level == LEVEL_PAGE || level == LEVEL_PLACEMENT ? model_text(event->page)
                                                                : (struct text){0};
    name.box = level >= LEVEL_BOX ? model_text(event->box) : (struct text){0};
    rows.minute_ms = model_floor(event->ts_ms, MINUTE_MS);
    if (known->to_ms - rows.minute_ms > INT64_C(7) * 24 * HOUR_MS) {
        return; /* hours by now */
    }
    read_minute(world, &name, &rows);
    model_minute(known, level, model_key(event, level), rows.minute_ms, wanted);
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        ROUND_CHECK(world->dice, rows.numbers[n] == wanted[n],
                    "%s %d, minute %lld, number %d: %lld, wanted %lld", level_name(level),
                    model_key(event, level), (long long)rows.minute_ms, n,
                    (long long)rows.numbers[n], (long long)wanted[n]);
    }
}

/* ---- status -------------------------------------------------------------------------------- */

static void check_partition(struct world *world, const struct partition *account)
{
    uint64_t held = 0;
    uint64_t counted = 0;
    uint64_t stragglers = 0;
    uint64_t duplicate = 0;
    uint64_t unchecked = 0;
    uint64_t filtered = 0;
    size_t p = 0;

    while (strcmp(world->model->partitions[p].topic, account->topic) != 0 ||
           world->model->partitions[p].number != account->number) {
        p++;
        assert_true(p < world->model->partitions_count);
    }
    for (size_t i = 0; i < world->model->records_count; i++) {
        const struct model_record *record = &world->model->records[i];

        if (record->partition == p) {
            bool kept = record->applied && !record->duplicate;

            counted += kept ? 1 : 0;
            held += record->applied ? 0 : 1;
            duplicate += record->duplicate ? 1 : 0;
            stragglers += kept && record->straggler ? 1 : 0;
            unchecked += kept && record->unchecked ? 1 : 0;
            filtered += kept && record->event.filtered ? 1 : 0;
        }
    }
    ROUND_CHECK(
        world->dice,
        account->counts.read == world->model->partitions[p].read &&
            account->counts.late == world->model->partitions[p].late &&
            account->counts.future == world->model->partitions[p].future &&
            partition_malformed(&account->counts) == world->model->partitions[p].malformed &&
            account->counts.held == held && account->counts.counted == counted &&
            account->counts.stragglers == stragglers && account->counts.duplicate == duplicate &&
            account->counts.unchecked == unchecked && account->counts.filtered == filtered,
        "the account of partition %zu", p);
    ROUND_CHECK(world->dice,
                account->counts.read == account->counts.counted + account->counts.held +
                                            account->counts.duplicate + account->counts.late +
                                            account->counts.future +
                                            partition_malformed(&account->counts),
                "conservation in partition %zu", p);
}

static void check_status(struct world *world)
{
    struct store_status status;
    uint32_t used[LEVEL_COUNT] = {1, 0, 0, 0};

    for (int level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        for (int key = 0; key < MODEL_KEYS; key++) {
            used[level] += world->model->key_used[level][key] ? 1 : 0;
        }
    }
    assert_int_equal(store_status_read(world->store, &status), CTR_OK);
    ROUND_CHECK(world->dice, status.progress.as_of_ms == world->model->as_of_ms,
                "as_of %lld, wanted %lld", (long long)status.progress.as_of_ms,
                (long long)world->model->as_of_ms);
    ROUND_CHECK(world->dice, status.progress.to_ms == world->model->to_ms, "to %lld, wanted %lld",
                (long long)status.progress.to_ms, (long long)world->model->to_ms);
    ROUND_CHECK(world->dice, status.progress.at_end == model_all_at_end(world->model), "at_end");
    ROUND_CHECK(world->dice, memcmp(status.keys, used, sizeof used) == 0,
                "keys %u %u %u, wanted %u %u %u", status.keys[1], status.keys[2], status.keys[3],
                used[1], used[2], used[3]);
    ROUND_CHECK(world->dice, status.keys_folded == world->model->keys_folded, "keys folded");
    ROUND_CHECK(world->dice, status.repeated == world->model->repeated,
                "repeated %llu, wanted %llu", (unsigned long long)status.repeated,
                (unsigned long long)world->model->repeated);
    ROUND_CHECK(world->dice, status.minutes_lost == 0, "no minute is lost");
    ROUND_CHECK(world->dice, status.partitions_count == world->model->partitions_count,
                "partitions");
    for (size_t i = 0; i < status.partitions_count; i++) {
        check_partition(world, &status.partitions[i]);
    }
    store_status_done(&status);
}

static void check_all(struct world *world)
{
    check_status(world);
    if (world->model->to_ms == MOMENT_NONE) {
        return;
    }
    for (size_t w = 0; w < world->model->options.windows.count; w++) {
        model_recount(world->model, w, &recount);
        model_people(
            world->model,
            model_from(world->model->options.windows.items[w].length_ms, world->model->to_ms),
            world->model->to_ms, &crowds);
        check_keys(world, w, LEVEL_SITE, 1);
        check_keys(world, w, LEVEL_PAGE, world->pages);
        check_keys(world, w, LEVEL_BOX, world->boxes);
        check_keys(world, w, LEVEL_PLACEMENT, world->pages * world->boxes);
        check_list(world, w);
    }
    for (int i = 0; i < 3 && world->model->options.keys_max >= MODEL_KEYS; i++) {
        check_minutes(world);
    }
}

static void advance(struct world *world)
{
    int64_t now_ms = world->model->options.clock == CLOCK_WALL ? world->now_ms : MOMENT_NONE;

    model_advance(world->model, now_ms);
    assert_int_equal(store_advance(world->store, now_ms, false), CTR_OK);
    check_all(world);
}

static void play(struct dice *dice)
{
    struct world world = {.dice = dice, .model = &model};

    begin(&world);
    for (int step = 0; step < world.steps; step++) {
        uint32_t p = (uint32_t)dice_below(dice, world.model->partitions_count);
        int kind = (int)dice_between(dice, 1, 100);

        if (kind <= 45) {
            for (int64_t i = dice_between(dice, 1, world.burst); i > 0; i--) {
                deliver(&world, p);
            }
        } else if (kind <= 65) {
            report(&world, p);
        } else if (kind <= 90) {
            start(&world, p);
            advance(&world);
        } else if (world.snapshot != NULL) {
            kind <= 96 ? save(&world) : restart(&world);
        }
        pass_time(&world);
    }
    for (uint32_t p = 0; p < world.model->partitions_count; p++) {
        start(&world, p);
        model_confirm(&world.model->partitions[p], world.model->partitions[p].next, world.now_ms);
        partition_confirm(store_partition(world.store, p), world.model->partitions[p].next,
                          world.now_ms);
    }
    advance(&world);
    finish(&world);
}

static void every_answer_is_the_recount_of_the_log(void **state)
{
    (void)state;
    (void)snprintf(snapshot_path, sizeof snapshot_path, "%s/livectr-property-%ld.sqlite",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    dice_play(play, ROUNDS, SECONDS);
    (void)unlink(snapshot_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_the_recount_of_the_log),
    };

    return cmocka_run_group_tests_name("storage: the store against the model", tests, NULL, NULL);
}
