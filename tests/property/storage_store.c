/* SPDX-License-Identifier: Apache-2.0
 *
 * The store against a naive model that keeps every record and recounts by the written rules
 * (storage_model.h): random traffic, partitions, reports of ends and confirmations, clocks, time
 * jumps and window sets; after every advance every key of every level in every window, the edges,
 * the lists and the accounts must agree. In between the store is cut, saved to a SQLite file, and
 * thrown away for one that is loaded from there.
 */
#include "storage_dice.h"
#include "storage_model_answers.h"

#include <unistd.h>

#include "storage/history.h"
#include "storage/listing.h"
#include "storage/snapshot.h"
#include "storage/spread.h"

#define HOUR_MS (60 * MINUTE_MS)

enum {
    ROUNDS = 3000,
    SECONDS = 10,
    PATH_BYTES = 128,
};

/* What a round is made of. */
struct world {
    struct dice *dice;
    struct model *model;
    struct store *store;
    struct snapshot *snapshot; /* NULL: nothing is saved in this round */
    bool whole_next;
    int pages, boxes;
    int64_t now_ms;
    int64_t offsets[MODEL_PARTITIONS_MAX]; /* the next offset of each log */
    int gap_percent;                       /* how often time jumps */
    int64_t delay_ms;                      /* how late most events are */
    int steps, burst;                      /* records in one delivery */
    int visitors;                          /* who send events, 0: nobody is named */
    int copy_percent;                      /* how often an event is sent again */
};

static struct model model;
static struct model_totals recount;
static struct model_crowds crowds;
static char snapshot_path[PATH_BYTES];

/* ---- making a world ------------------------------------------------------------------------ */

static void pick_options(struct dice *dice, struct store_options *options)
{
    static const char *const window_sets[] = {"1m,10m,1h,24h",
                                              "10m",
                                              "24h",
                                              "1m,24h",
                                              "90s,15m,100m",
                                              "1m",
                                              "1s",
                                              "2m,3m",
                                              "10m,20m,30m",
                                              "1s,119s,48h",
                                              "5s,1m,2h,3h,25h",
                                              "1m,121m"};
    size_t set = dice_below(dice, sizeof window_sets / sizeof window_sets[0]);

    *options = (struct store_options){
        .clock = dice_percent(dice, 60) ? CLOCK_WALL : CLOCK_EVENT,
        .page_impressions =
            dice_percent(dice, 50) ? PAGE_IMPRESSIONS_PAGE_VIEWS : PAGE_IMPRESSIONS_BOX_VIEWS,
        .late_ms = dice_percent(dice, 70) ? INT64_C(48) * HOUR_MS : HOUR_MS,
        .future_ms = MINUTE_MS,
        .people_horizon_ms = dice_percent(dice, 70)   ? 10 * MINUTE_MS
                             : dice_percent(dice, 50) ? HOUR_MS
                                                      : 30000,
        .dedup_horizon_ms = dice_percent(dice, 70) ? 10 * MINUTE_MS : 20000,
        .lateness_ms = dice_percent(dice, 70) ? 2 * MINUTE_MS : dice_between(dice, 0, 300000),
        .click_gap_ms = dice_percent(dice, 60) ? 0 : dice_between(dice, 1, 20000),
        .visitors_max = 100000,
        .ids_max = 100000,
        .minutes_max = 1000000,
        .keys_max = dice_percent(dice, 50) ? 100000 : (uint32_t)dice_between(dice, 0, 30),
        .held_max = 1000000};
    assert_int_equal(window_set_parse(window_sets[set], &options->windows, NULL), CTR_OK);
    options->settle_ms = options->clock == CLOCK_EVENT ? 0 : dice_between(dice, 0, 3) * 400;
    if (dice_percent(dice, 10)) {
        options->late_ms = INT64_MAX;
    }
    if (dice_percent(dice, 10)) {
        options->future_ms = INT64_MAX;
    }
    for (size_t i = 0; i < sizeof options->hash_secret / sizeof options->hash_secret[0]; i++) {
        options->hash_secret[i] = dice_next(dice);
    }
}

static void open_partitions(struct world *world)
{
    static const char *const topics[] = {"views", "clicks", "a"};
    size_t count = (size_t)dice_between(world->dice, 1, MODEL_PARTITIONS_MAX);

    for (size_t p = 0; p < count; p++) {
        struct model_partition *partition = &world->model->partitions[p];
        uint32_t index = 0;

        *partition = (struct model_partition){.number = (int32_t)(count - p),
                                              .end = -1,
                                              .arrival_ms = MOMENT_NONE,
                                              .confirmed_ms = MOMENT_NONE,
                                              .pending_ms = MOMENT_NONE};
        (void)snprintf(partition->topic, sizeof partition->topic, "%s", topics[p % 3]);
        assert_int_equal(
            store_partition_open(world->store, partition->topic, partition->number, &index),
            CTR_OK);
        assert_int_equal(index, p);
        world->offsets[p] = dice_between(world->dice, 0, 5);
        partition->next = world->offsets[p];
    }
    world->model->partitions_count = count;
}

static void pick_traffic(struct world *world)
{
    struct dice *dice = world->dice;

    world->pages = (int)dice_between(dice, 1, dice_percent(dice, 20) ? MODEL_IDS : 9);
    world->boxes = (int)dice_between(dice, 1, dice_percent(dice, 20) ? MODEL_IDS : 9);
    world->gap_percent = dice_percent(dice, 50) ? 5 : 30;
    world->delay_ms = dice_percent(dice, 70) ? 1500 : 5 * MINUTE_MS;
    world->steps = (int)dice_between(dice, 5, dice_percent(dice, 3) ? 600 : 70);
    world->burst = dice_percent(dice, 10) ? 60 : 6;
    world->visitors = dice_percent(dice, 20) ? 0 : (int)dice_between(dice, 1, 12);
    world->copy_percent = dice_percent(dice, 50) ? 0 : 15;
    if (dice_percent(dice, 1)) {
        /* So much in few slices that they are compacted and the index of keys grows. */
        world->pages = MODEL_IDS;
        world->boxes = MODEL_IDS;
        world->gap_percent = 0;
        world->delay_ms = 30 * MINUTE_MS;
        world->steps = 300;
        world->burst = 100;
    }
}

static void begin(struct world *world)
{
    static const int64_t beginnings[] = {0, 5000, INT64_C(700000000), INT64_C(1795454594123),
                                         EVENT_TS_MS_MAX - INT64_C(100) * 24 * HOUR_MS};
    struct dice *dice = world->dice;

    memset(world->model, 0, sizeof *world->model);
    world->model->to_ms = MOMENT_NONE;
    world->model->as_of_ms = MOMENT_NONE;
    pick_options(dice, &world->model->options);
    assert_int_equal(store_new(&world->model->options, &world->store, NULL), CTR_OK);
    open_partitions(world);
    world->now_ms = beginnings[dice_below(dice, 5)] + dice_between(dice, 0, 2000);
    pick_traffic(world);
    world->whole_next = true;
    if (dice_percent(dice, 40)) {
        (void)unlink(snapshot_path);
        assert_int_equal(snapshot_open(snapshot_path, &world->snapshot, NULL), CTR_OK);
    }
}

static void finish(struct world *world)
{
    store_free(world->store);
    snapshot_close(world->snapshot);
}

/* ---- traffic ------------------------------------------------------------------------------- */

/* One that was sent before, as it was. */
static struct model_event copy_event(struct world *world)
{
    size_t count = world->model->records_count;
    size_t back = dice_below(world->dice, count < 60 ? count : 60);

    return world->model->records[count - 1 - back].event;
}

static struct model_event pick_event(struct world *world, int64_t record_ms)
{
    struct dice *dice = world->dice;
    struct model_event event = {.type = dice_percent(dice, 60) ? EVENT_VIEW : EVENT_CLICK,
                                .page = (int)dice_below(dice, (size_t)world->pages),
                                .box = MODEL_NO_BOX};
    int64_t delay_ms = dice_between(dice, 0, world->delay_ms);
    int kind = (int)dice_between(dice, 1, 100);

    if (dice_percent(dice, 60)) {
        event.box = (int)dice_below(dice, (size_t)world->boxes);
    }
    if (kind <= 8) {
        delay_ms = dice_between(dice, 0, 30 * MINUTE_MS);
    } else if (kind <= 14) {
        delay_ms = dice_between(dice, 0, INT64_C(50) * HOUR_MS);
    } else if (kind <= 16) {
        delay_ms = world->model->options.late_ms == INT64_MAX
                       ? INT64_C(400) * HOUR_MS
                       : world->model->options.late_ms + dice_between(dice, -1, 1);
    } else if (kind <= 22) {
        delay_ms = -dice_between(dice, 0, 70000);
    } else if (kind <= 24) {
        delay_ms = -MINUTE_MS - dice_between(dice, -1, 1);
    }
    event.ts_ms = record_ms - delay_ms;
    if (event.ts_ms < 0) {
        event.ts_ms = 0;
    }
    if (world->visitors > 0 && dice_percent(dice, 90)) {
        event.visitor = (int)dice_between(dice, 1, world->visitors);
    }
    if (world->copy_percent > 0 && dice_percent(dice, 80)) {
        event.id = (int)dice_between(dice, 1, 1000000);
    }
    event.filtered = dice_percent(dice, 3);
    return event;
}

/* When the broker or producer dated the record: about now, out of order, or far behind. */
static int64_t pick_record_time(struct world *world)
{
    int64_t time_ms = world->now_ms - dice_between(world->dice, 0, 800);
    int kind = (int)dice_between(world->dice, 1, 100);

    if (kind <= 10) {
        time_ms -= dice_between(world->dice, 0, 20000);
    } else if (kind <= 13) {
        time_ms += dice_between(world->dice, 0, 62000);
    } else if (kind <= 15) {
        time_ms = world->now_ms + MINUTE_MS + dice_between(world->dice, 0, 1);
    }
    return time_ms < 0 ? 0 : time_ms;
}

static struct text number_text(const char *prefix, int number, char buffer[16])
{
    if (number == 0) {
        return (struct text){0};
    }
    (void)snprintf(buffer, 16, "%s%d", prefix, number % 10000000);
    return (struct text){.bytes = buffer, .length = strlen(buffer)};
}

static void deliver(struct world *world, uint32_t p)
{
    struct model_partition *partition = &world->model->partitions[p];
    bool wall = world->model->options.clock == CLOCK_WALL;
    int64_t now_ms = wall ? world->now_ms : MOMENT_NONE;
    int64_t offset = world->offsets[p] += dice_percent(world->dice, 10) ? 3 : 0; /* a hole */
    int64_t record_ms = pick_record_time(world);
    bool copy = world->model->records_count > 0 && dice_percent(world->dice, world->copy_percent);
    struct model_event event = copy ? copy_event(world) : pick_event(world, record_ms);
    char visitor[16];
    char id[16];
    struct event whole = {.type = event.type,
                          .ts_ms = event.ts_ms,
                          .page = model_text(event.page),
                          .box =
                              event.box == MODEL_NO_BOX ? (struct text){0} : model_text(event.box),
                          .visitor = number_text("v", event.visitor, visitor),
                          .id = number_text("id", event.id, id),
                          .filtered = event.filtered};

    if (!partition->started || world->model->records_count == MODEL_RECORDS_MAX) {
        return;
    }
    if (dice_percent(world->dice, 3)) {
        model_malformed(world->model, p, offset);
        store_record_malformed(world->store, p, offset, now_ms, MALFORMED_NOT_JSON, "x");
    } else {
        int64_t given_ms = dice_percent(world->dice, 2) ? -1 : record_ms;

        model_record(world->model, p, offset, given_ms, now_ms, event);
        assert_int_equal(store_record_event(world->store, p, offset, given_ms, now_ms, &whole),
                         CTR_OK);
    }
    if (dice_percent(world->dice, 5)) {
        /* The same bytes delivered again change nothing. */
        assert_int_equal(store_record_event(world->store, p, offset, record_ms, now_ms, &whole),
                         CTR_OK);
    }
    world->offsets[p] = offset + 1;
}

static void start(struct world *world, uint32_t p)
{
    struct model_partition *partition = &world->model->partitions[p];

    if (!partition->started) {
        partition->started = true;
        partition_start(store_partition(world->store, p), partition->next, false);
    }
}

/* The broker's word on where the log ends; sometimes there is more than was delivered. */
static void report(struct world *world, uint32_t p)
{
    struct model_partition *partition = &world->model->partitions[p];
    int64_t now_ms = world->model->options.clock == CLOCK_WALL ? world->now_ms : MOMENT_NONE;

    if (!partition->started) {
        return;
    }
    if (dice_percent(world->dice, 40)) {
        model_end(partition, partition->next);
        partition_end(store_partition(world->store, p), partition->next, now_ms);
    } else {
        int64_t end =
            partition->next + (dice_percent(world->dice, 60) ? 0 : dice_between(world->dice, 1, 3));
        int64_t asked_ms = world->now_ms - dice_between(world->dice, 0, 300);

        model_confirm(partition, end, asked_ms);
        partition_confirm(store_partition(world->store, p), end, asked_ms);
    }
}

static void pass_time(struct world *world)
{
    int kind = (int)dice_between(world->dice, 1, 100);

    if (kind > world->gap_percent) {
        world->now_ms += dice_between(world->dice, 0, 900);
    } else if (kind % 5 < 2) {
        world->now_ms += dice_between(world->dice, 0, 15000);
    } else if (kind % 5 < 4) {
        world->now_ms += dice_between(world->dice, 0, 25 * MINUTE_MS);
    } else {
        world->now_ms += dice_between(world->dice, 0, INT64_C(30) * HOUR_MS);
    }
}

/* ---- saving -------------------------------------------------------------------------------- */

static void save(struct world *world)
{
    struct checkpoint *cut = NULL;
    bool whole = world->whole_next || dice_percent(world->dice, 10);

    assert_int_equal(store_cut(world->store, whole, &cut), CTR_OK);
    assert_int_equal(snapshot_save(world->snapshot, cut, world->now_ms, NULL), CTR_OK);
    checkpoint_free(cut);
    world->whole_next = false;
}

/* Saves, and goes on with a store made from what was saved. */
static void restart(struct world *world)
{
    struct checkpoint *loaded = NULL;
    struct ctr_error err = {0};

    save(world);
    if (dice_percent(world->dice, 30)) {
        snapshot_close(world->snapshot);
        assert_int_equal(snapshot_open(snapshot_path, &world->snapshot, NULL), CTR_OK);
    }
    store_free(world->store);
    world->store = NULL;
    ROUND_CHECK(world->dice, snapshot_load(world->snapshot, &loaded, &err) == CTR_OK, "%s",
                err.text);
    ROUND_CHECK(world->dice,
                store_restore(&world->model->options, loaded, &world->store, &err) == CTR_OK, "%s",
                err.text);
    checkpoint_free(loaded);
    model_restart(world->model);
    for (uint32_t p = 0; p < world->model->partitions_count; p++) {
        if (world->model->partitions[p].started) {
            partition_start(store_partition(world->store, p), world->model->partitions[p].next,
                            false);
        }
    }
}

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
                memcmp(&figures->prior_weight, &weight, sizeof weight) == 0 &&
                    figures->prior_ctr * (double)above->impressions - (double)above->clicks < 1e-6,
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

static void check_list(struct world *world, size_t window)
{
    struct wanted_row rows[MODEL_IDS];
    int page = (int)dice_below(world->dice, (size_t)world->pages);
    struct list_query query = {
        .level = (enum level)dice_between(world->dice, LEVEL_PAGE, LEVEL_PLACEMENT),
        .page = model_text(page),
        .window = window,
        .sort = (enum list_sort)dice_between(world->dice, LIST_BY_IMPRESSIONS, LIST_BY_ID),
        .impressions_min = dice_percent(world->dice, 60) ? 0 : dice_below(world->dice, 4),
        .limit = (size_t)dice_between(world->dice, 1, dice_percent(world->dice, 50) ? 5 : 1000)};
    struct listing *listing = NULL;
    size_t total = wanted_rows(world, &query, page, rows);
    const struct totals *other = &recount.other[query.level];

    assert_int_equal(store_list(world->store, &query, &listing), CTR_OK);
    ROUND_CHECK(world->dice, listing->total == total, "list total %zu, wanted %zu", listing->total,
                total);
    ROUND_CHECK(world->dice, listing->count == (total < query.limit ? total : query.limit),
                "list count");
    for (size_t i = 0; i < listing->count; i++) {
        const struct list_row *row = &listing->rows[i];

        ROUND_CHECK(world->dice,
                    compare_text(row->page, rows[i].name.page) == 0 &&
                        compare_text(row->box, rows[i].name.box) == 0 &&
                        row->figures.totals.impressions == rows[i].totals.impressions &&
                        row->figures.totals.clicks == rows[i].totals.clicks,
                    "row %zu of the list", i);
    }
    ROUND_CHECK(
        world->dice,
        listing->other.impressions == other->impressions && listing->other.clicks == other->clicks,
        "other row of %s: %llu/%llu, wanted %llu/%llu", level_name(query.level),
        (unsigned long long)listing->other.clicks, (unsigned long long)listing->other.impressions,
        (unsigned long long)other->clicks, (unsigned long long)other->impressions);
    listing_free(listing);
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
