/* SPDX-License-Identifier: Apache-2.0
 *
 * A world for the property test of the store: random options, partitions, traffic, reports of ends,
 * time that jumps, saves and restarts; each told to the model and to the store alike.
 */
#ifndef LIVECTR_TESTS_STORAGE_WORLD_H
#define LIVECTR_TESTS_STORAGE_WORLD_H

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

static inline void pick_options(struct dice *dice, struct store_options *options)
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

static inline void open_partitions(struct world *world)
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

static inline void pick_traffic(struct world *world)
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

static inline void begin(struct world *world)
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

static inline void finish(struct world *world)
{
    store_free(world->store);
    snapshot_close(world->snapshot);
}

/* ---- traffic ------------------------------------------------------------------------------- */

/* One that was sent before, as it was, or other in one thing and so no copy. */
static struct model_event copy_event(struct world *world)
{
    size_t count = world->model->records_count;
    size_t back = dice_below(world->dice, count < 60 ? count : 60);
    struct model_event event = world->model->records[count - 1 - back].event;

    switch (dice_between(world->dice, 1, 24)) {
    case 1:
        event.ts_ms++;
        break;
    case 2:
        event.type = event.type == EVENT_VIEW ? EVENT_CLICK : EVENT_VIEW;
        break;
    case 3:
        event.page = (event.page + 1) % world->pages;
        break;
    case 4:
        event.box = event.box == MODEL_NO_BOX ? 0 : MODEL_NO_BOX;
        break;
    case 5:
        event.visitor = (event.visitor + 1) % (world->visitors + 1);
        break;
    case 6:
        event.filtered = !event.filtered;
        break;
    default:
        break;
    }
    return event;
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
static inline int64_t pick_record_time(struct world *world)
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

static inline struct text number_text(const char *prefix, int number, char buffer[16])
{
    if (number == 0) {
        return (struct text){0};
    }
    (void)snprintf(buffer, 16, "%s%d", prefix, number % 10000000);
    return (struct text){.bytes = buffer, .length = strlen(buffer)};
}

static inline void deliver(struct world *world, uint32_t p)
{
    struct model_partition *partition = &world->model->partitions[p];
    bool wall = world->model->options.clock == CLOCK_WALL;
    int64_t now_ms = wall ? world->now_ms : MOMENT_NONE;
    int64_t offset = world->offsets[p] += dice_percent(world->dice, 10) ? 3 : 0; /* a hole */
    int64_t record_ms = pick_record_time(world);
    bool copy = world->model->records_count > 0 && dice_percent(world->dice, world->copy_percent);
    struct model_event event = copy ? copy_event(world) : pick_event(world, record_ms);
    int64_t horizon_ms = world->model->options.dedup_horizon_ms;
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

    if (copy && dice_percent(world->dice, 20)) {
        record_ms = event.ts_ms + horizon_ms + dice_between(world->dice, -1, 1);
    }
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

static inline void start(struct world *world, uint32_t p)
{
    struct model_partition *partition = &world->model->partitions[p];

    if (!partition->started) {
        partition->started = true;
        partition_start(store_partition(world->store, p), partition->next, false);
    }
}

/* The broker's word on where the log ends; sometimes there is more than was delivered. */
static inline void report(struct world *world, uint32_t p)
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

static inline void pass_time(struct world *world)
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

static inline void save(struct world *world)
{
    struct checkpoint *cut = NULL;
    bool whole = world->whole_next || dice_percent(world->dice, 10);

    assert_int_equal(store_cut(world->store, whole, &cut), CTR_OK);
    assert_int_equal(snapshot_save(world->snapshot, cut, world->now_ms, NULL), CTR_OK);
    checkpoint_free(cut);
    world->whole_next = false;
}

/* Saves, and goes on with a store made from what was saved. */
static inline void restart(struct world *world)
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

#endif
