/* SPDX-License-Identifier: Apache-2.0
 *
 * The store against docs/definitions.md, word for word: every event is kept, and people, copies,
 * filtered and repeated clicks and the rows of every minute are made anew from that list after each
 * advance. In between the store is cut and grown again out of the cut.
 */
#include "storage_dice.h"
#include "tests/unit/storage_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "storage/checkpoint.h"
#include "storage/journal.h"
#include "storage/store_minutes.h"

enum {
    ROUNDS = 250,
    SECONDS = 12,
    EVENTS_MAX = 700,
    PAGES = 3,
    BOXES = 2,
    VISITORS = 6,
    IDS = 12,
    PARTITIONS = 2,
    STRAGGLER_MS = 30000,
    SAVED_MAX = 512,
};

enum became { HELD, DUPLICATE, COUNTED, LATE, FUTURE };

struct record {
    int64_t ts_ms, step_ms;
    uint32_t partition;
    int type, page, box, visitor, id; /* box, visitor, id: 0 none */
    bool filtered, too_late, repeated;
    enum became became;
};

struct world {
    struct dice *dice;
    struct store_options options;
    struct store *store;
    int64_t now_ms, to_ms;
    int64_t arrival_ms[PARTITIONS];
    size_t count;
    struct record records[EVENTS_MAX];
    /* what is in the file, were there one */
    size_t blocks_count, journals_count;
    struct minute_block *blocks[SAVED_MAX];
    struct journal_part *journals[SAVED_MAX];
};

static const char *const pages[] = {"", "/a", "/b", "/c"};
static const char *const boxes[] = {NULL, "x", "y"};
static const char *const visitors[] = {NULL, "v1", "v2", "v3", "v4", "v5", "v6"};

/* ---- the world ------------------------------------------------------------------------------ */

static void pick_options(struct dice *dice, struct store_options *options)
{
    static const char *const sets[] = {"1m,10m", "10m",         "30s,5m,10m,1h",
                                       "1m",     "10m,20m,30m", "1s,10m"};
    static const int64_t gaps_ms[] = {0, 0, 1, 700, 5000, 90000};
    static const int64_t lateness_ms[] = {0, 1000, 20000, 2 * MINUTE_MS};

    *options = fixture_options(sets[dice_below(dice, 6)]);
    options->page_impressions =
        dice_percent(dice, 50) ? PAGE_IMPRESSIONS_PAGE_VIEWS : PAGE_IMPRESSIONS_BOX_VIEWS;
    options->click_gap_ms = gaps_ms[dice_below(dice, 6)];
    options->lateness_ms = lateness_ms[dice_below(dice, 4)];
    options->people_horizon_ms = (dice_percent(dice, 50) ? 10 : 20) * MINUTE_MS;
    options->dedup_horizon_ms = dice_between(dice, 1, 10) * MINUTE_MS;
    options->late_ms = 15 * MINUTE_MS;
}

static void make_record(struct world *world, uint32_t partition)
{
    struct dice *dice = world->dice;
    struct record *record = &world->records[world->count];
    int64_t delay_ms = dice_percent(dice, 60) ? 0 : dice_between(dice, -MINUTE_MS, 90000);

    delay_ms = dice_percent(dice, 7) ? dice_between(dice, 0, 16 * MINUTE_MS) : delay_ms;
    delay_ms = dice_percent(dice, 1) ? -2 * MINUTE_MS : delay_ms;
    if (world->count > 0 && dice_percent(dice, 15)) { /* nearly the same again */
        *record = world->records[world->count - 1 - dice_below(dice, world->count < 20 ? 1 : 20)];
        record->repeated = false;
        record->type = dice_percent(dice, 10) ? EVENT_CLICK : record->type;
        record->visitor = dice_percent(dice, 5) ? 1 : record->visitor;
        record->filtered = dice_percent(dice, 5) ? !record->filtered : record->filtered;
        record->ts_ms += dice_percent(dice, 30) ? dice_between(dice, -800, 800) : 0;
    } else {
        *record =
            (struct record){.ts_ms = world->now_ms - delay_ms,
                            .type = dice_percent(dice, 60) ? EVENT_VIEW : EVENT_CLICK,
                            .page = (int)dice_between(dice, 1, PAGES),
                            .box = dice_percent(dice, 50) ? 0 : (int)dice_between(dice, 1, 2),
                            .visitor = (int)dice_between(dice, 0, VISITORS),
                            .id = dice_percent(dice, 50) ? 0 : (int)dice_between(dice, 1, IDS),
                            .filtered = dice_percent(dice, 10)};
    }
    record->partition = partition;
}

/* Hands the record to the store, and says of it what the definitions say. */
static void give_record(struct world *world, uint32_t partition, int64_t record_ms)
{
    struct record *record = &world->records[world->count];
    int64_t *arrival_ms = &world->arrival_ms[partition];
    char id[16] = "";

    (void)snprintf(id, sizeof id, "e%d", record->id);
    give(world->store, partition, record_ms,
         (struct given){.type = (enum event_type)record->type,
                        .ts_ms = record->ts_ms,
                        .page = pages[record->page],
                        .box = boxes[record->box],
                        .visitor = visitors[record->visitor],
                        .id = record->id == 0 ? NULL : id,
                        .filtered = record->filtered});
    world->count++;
    if (record_ms - record->ts_ms > world->options.late_ms ||
        record->ts_ms - record_ms > world->options.future_ms) {
        record->became = record->ts_ms < record_ms ? LATE : FUTURE;
        return;
    }
    *arrival_ms = *arrival_ms > record_ms ? *arrival_ms : record_ms;
    record->became = HELD;
    record->too_late = *arrival_ms - record->ts_ms > world->options.dedup_horizon_ms;
    record->step_ms = moment_floor(record->ts_ms, 1000) + 1000;
    if (world->to_ms == MOMENT_NONE || *arrival_ms >= world->to_ms) {
        int64_t arrived_ms = moment_floor(*arrival_ms, 1000) + 1000;

        record->step_ms = record->step_ms > arrived_ms ? record->step_ms : arrived_ms;
    }
    record->step_ms = record->step_ms > world->to_ms ? record->step_ms : world->to_ms;
}

/* ---- the definitions ------------------------------------------------------------------------ */

static bool same_event(const struct record *left, const struct record *right)
{
    return left->ts_ms == right->ts_ms && left->type == right->type && left->page == right->page &&
           left->box == right->box && left->visitor == right->visitor && left->id == right->id &&
           left->filtered == right->filtered;
}

static struct record *next_due(struct world *world)
{
    struct record *next = NULL;

    for (size_t i = 0; i < world->count; i++) {
        struct record *record = &world->records[i];

        if (record->became == HELD && record->step_ms <= world->to_ms &&
            (next == NULL || record->step_ms < next->step_ms ||
             (record->step_ms == next->step_ms && record->partition < next->partition))) {
            next = record;
        }
    }
    return next;
}

static bool is_gap_click(const struct world *world, const struct record *record)
{
    return world->options.click_gap_ms > 0 && record->became == COUNTED && !record->filtered &&
           record->type == EVENT_CLICK && record->visitor != 0 && !record->too_late;
}

/* Of a millisecond's clicks the first one that was taken counts: `taken` lists them in that order.
 */
static void judge_clicks(struct world *world, struct record *const *taken, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct record *click = taken[i];

        click->repeated = false;
        for (size_t k = 0; k < count && is_gap_click(world, click); k++) {
            const struct record *other = taken[k];
            int64_t before_ms = click->ts_ms - other->ts_ms;

            click->repeated =
                click->repeated || (is_gap_click(world, other) && other->page == click->page &&
                                    other->box == click->box && other->visitor == click->visitor &&
                                    before_ms < world->options.click_gap_ms &&
                                    (before_ms > 0 || (before_ms == 0 && k < i)));
        }
    }
}

static void take_due(struct world *world, struct record **taken, size_t *taken_count)
{
    struct record *record = NULL;

    while ((record = next_due(world)) != NULL) {
        record->became = COUNTED;
        for (size_t i = 0; i < *taken_count && record->id != 0 && !record->too_late; i++) {
            if (!taken[i]->too_late && same_event(taken[i], record)) {
                record->became = DUPLICATE;
            }
        }
        if (record->became == COUNTED) {
            taken[(*taken_count)++] = record;
        }
    }
    judge_clicks(world, taken, *taken_count);
}

/* page 0 and box 0: whatever they are. */
static bool counts_for(const struct world *world, const struct record *record, int page, int box)
{
    if ((page != 0 && record->page != page) || (box != 0 && record->box != box)) {
        return false;
    }
    return box != 0 || record->type == EVENT_CLICK || record->box == 0 ||
           world->options.page_impressions == PAGE_IMPRESSIONS_BOX_VIEWS;
}

static struct totals totals_wanted(const struct world *world, int64_t from_ms, int page, int box)
{
    struct totals totals = {0};

    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->records[i];

        if (record->became == COUNTED && !record->filtered && record->ts_ms >= from_ms &&
            record->ts_ms < world->to_ms && counts_for(world, record, page, box)) {
            totals.impressions += record->type == EVENT_VIEW;
            totals.clicks += record->type == EVENT_CLICK && !record->repeated;
        }
    }
    return totals;
}

/* Of the events whose step is at most to_ms. */
static struct crowd crowd_wanted(const struct world *world, int64_t from_ms, int64_t to_ms,
                                 int page, int box)
{
    struct crowd crowd = {0};

    for (int v = 1; v <= VISITORS; v++) {
        int64_t view_ms = MOMENT_NONE;
        int64_t click_ms = MOMENT_NONE;

        for (size_t i = 0; i < world->count; i++) {
            const struct record *record = &world->records[i];
            int64_t *last_ms = record->type == EVENT_VIEW ? &view_ms : &click_ms;

            if (record->became == COUNTED && !record->filtered && record->visitor == v &&
                record->step_ms <= to_ms && (page == 0 || record->page == page) &&
                (box == 0 || record->box == box) && record->ts_ms > *last_ms) {
                *last_ms = record->ts_ms;
            }
        }
        crowd.viewers += view_ms >= from_ms;
        crowd.clickers += view_ms >= from_ms && click_ms >= from_ms;
        crowd.clicking += click_ms >= from_ms;
    }
    return crowd;
}

static bool has_people(const struct world *world, const struct window *window)
{
    return window->length_ms <= world->options.people_horizon_ms;
}

static void people_of_minute(const struct world *world, int64_t minute_ms, int page, int box,
                             int64_t *ret_numbers)
{
    size_t window = window_set_find(&world->options.windows, "10m", 3);
    int64_t end_ms = minute_ms + MINUTE_MS;
    struct crowd crowd = {0};
    bool known = false;

    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->records[i];

        known =
            known || (record->became == COUNTED && !record->filtered && record->step_ms <= end_ms &&
                      moment_floor(record->ts_ms, MINUTE_MS) == minute_ms &&
                      (page == 0 || record->page == page) && (box == 0 || record->box == box));
    }
    if (!known || end_ms > world->to_ms || window == world->options.windows.count) {
        return;
    }
    crowd = crowd_wanted(world, window_from_ms(&world->options.windows.items[window], end_ms),
                         end_ms, page, box);
    ret_numbers[MINUTE_PEOPLE] = 1;
    ret_numbers[MINUTE_VIEWERS] = crowd.viewers;
    ret_numbers[MINUTE_CLICKERS] = crowd.clickers;
    ret_numbers[MINUTE_UNSEEN_CLICKERS] = crowd.clicking - crowd.clickers;
}

static void minute_wanted(const struct world *world, int64_t minute_ms, int page, int box,
                          int64_t *ret_numbers)
{
    memset(ret_numbers, 0, MINUTE_NUMBERS * sizeof *ret_numbers);
    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->records[i];
        bool counted = record->became == COUNTED && !record->filtered;

        if (moment_floor(record->ts_ms, MINUTE_MS) != minute_ms ||
            !counts_for(world, record, page, box)) {
            continue;
        }
        ret_numbers[MINUTE_IMPRESSIONS] += counted && record->type == EVENT_VIEW;
        ret_numbers[MINUTE_CLICKS] += counted && record->type == EVENT_CLICK && !record->repeated;
        ret_numbers[MINUTE_REPEATED] += counted && record->repeated;
        ret_numbers[MINUTE_REVISION] +=
            counted && record->step_ms > minute_ms + MINUTE_MS + world->options.lateness_ms;
        ret_numbers[MINUTE_FILTERED] += record->became == COUNTED && record->filtered;
        ret_numbers[MINUTE_DUPLICATES] += record->became == DUPLICATE;
        ret_numbers[MINUTE_LATE] += record->became == LATE;
        ret_numbers[MINUTE_FUTURE] += record->became == FUTURE;
    }
    people_of_minute(world, minute_ms, page, box, ret_numbers);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static struct key_name name_of(int page, int box)
{
    return (struct key_name){.page = as_text(page == 0 ? NULL : pages[page]),
                             .box = as_text(boxes[box])};
}

static void compare_figures(struct world *world, int page, int box)
{
    struct key_name name = name_of(page, box);

    for (size_t w = 0; w < world->options.windows.count; w++) {
        const struct window *window = &world->options.windows.items[w];
        struct totals totals;
        struct crowd crowd;
        struct figures figures;
        struct reading reading;

        store_read(world->store, w, &name, 1, &figures, &reading);
        totals = totals_wanted(world, reading.from_ms, page, box);
        crowd = crowd_wanted(world, reading.from_ms, world->to_ms, page, box);
        ROUND_CHECK(world->dice, reading.from_ms == window_from_ms(window, world->to_ms), "from");
        ROUND_CHECK(world->dice,
                    totals.impressions == figures.totals.impressions &&
                        totals.clicks == figures.totals.clicks,
                    "page %d box %d window %s: %d of %d, not %d of %d", page, box, window->name,
                    (int)figures.totals.clicks, (int)figures.totals.impressions, (int)totals.clicks,
                    (int)totals.impressions);
        ROUND_CHECK(world->dice,
                    figures.people ==
                        (has_people(world, window) ? PEOPLE_KNOWN : PEOPLE_BEYOND_HORIZON),
                    "people of window %s", window->name);
        ROUND_CHECK(world->dice,
                    !has_people(world, window) || memcmp(&crowd, &figures.crowd, sizeof crowd) == 0,
                    "page %d box %d window %s: people %u %u %u, not %u %u %u", page, box,
                    window->name, figures.crowd.viewers, figures.crowd.clickers,
                    figures.crowd.clicking, crowd.viewers, crowd.clickers, crowd.clicking);
    }
}

/* What the saved blocks say of a minute. */
static void add_saved(const struct world *world, const struct key_name *name, int64_t minute_ms,
                      int64_t *numbers)
{
    struct minute_key key = store_minute_key(world->store, name);

    for (size_t b = 0; b < world->blocks_count; b++) {
        const struct minute_block *block = world->blocks[b];
        const struct minute_row *row = minute_block_find(block, &key);

        for (; row != NULL; row = row->next == MINUTE_NONE ? NULL : &block->rows[row->next]) {
            for (int n = 0; n < MINUTE_NUMBERS && row->minute_ms == minute_ms; n++) {
                numbers[n] += row->numbers[n];
            }
        }
    }
}

static void compare_minute(struct world *world, int64_t minute_ms, int page, int box)
{
    struct key_name name = name_of(page, box);
    struct minute_sums sums;
    int64_t found[MINUTE_NUMBERS] = {0};
    int64_t wanted[MINUTE_NUMBERS];

    assert_int_equal(
        store_minutes(world->store, &name, minute_ms, minute_ms + 1, UINT64_MAX - 1, &sums),
        CTR_OK);
    assert_true(sums.count <= 1);
    for (int n = 0; n < MINUTE_NUMBERS && sums.count == 1; n++) {
        found[n] = sums.items[0].numbers[n];
    }
    minute_sums_done(&sums);
    add_saved(world, &name, minute_ms, found);
    minute_wanted(world, minute_ms, page, box, wanted);
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        ROUND_CHECK(world->dice, found[n] == wanted[n],
                    "page %d box %d minute %lld (to %lld): number %d is %lld, not %lld", page, box,
                    (long long)(minute_ms - BEGIN_MS) / MINUTE_MS,
                    (long long)(world->to_ms - BEGIN_MS), n, (long long)found[n],
                    (long long)wanted[n]);
    }
}

static void compare_all(struct world *world, bool minutes)
{
    for (int page = 0; page <= PAGES; page++) {
        for (int box = 0; box <= BOXES; box++) {
            int64_t last_ms = moment_floor(world->now_ms, MINUTE_MS) + 2 * MINUTE_MS;
            int64_t first_ms =
                minutes ? moment_floor(BEGIN_MS, MINUTE_MS) - 20 * MINUTE_MS : last_ms;

            compare_figures(world, page, box);
            for (int64_t minute_ms = first_ms; minute_ms < last_ms; minute_ms += MINUTE_MS) {
                compare_minute(world, minute_ms, page, box);
            }
        }
    }
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* Throws the store away for one that is made of a cut and of what earlier cuts have left. */
static void start_again(struct world *world)
{
    struct checkpoint *cut = NULL;
    struct journal_part **journals = NULL;

    assert_int_equal(store_cut(world->store, true, &cut), CTR_OK);
    for (size_t i = 0; i < cut->finished_count; i++) {
        assert_true(world->blocks_count < SAVED_MAX);
        minute_block_take(cut->finished[i]);
        world->blocks[world->blocks_count++] = cut->finished[i];
    }
    for (size_t i = 0; i < cut->journals_count; i++) {
        assert_true(world->journals_count < SAVED_MAX);
        journal_part_take(cut->journals[i]);
        world->journals[world->journals_count++] = cut->journals[i];
        journal_part_give(cut->journals[i]);
    }
    journals = calloc(world->journals_count + 1, sizeof(struct journal_part *));
    assert_non_null(journals);
    for (size_t i = 0; i < world->journals_count; i++) {
        journal_part_take(world->journals[i]);
        journals[i] = world->journals[i];
    }
    free(cut->journals);
    cut->journals = journals;
    cut->journals_count = world->journals_count;
    store_free(world->store);
    assert_int_equal(store_restore(&world->options, cut, &world->store, NULL), CTR_OK);
    checkpoint_free(cut);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        struct partition *partition = store_partition(world->store, p);

        partition_start(partition, partition_next(partition), false);
    }
}

/* ---- a round -------------------------------------------------------------------------------- */

static void deliver(struct world *world)
{
    size_t burst = dice_below(world->dice, 12);

    for (size_t i = 0; i < burst && world->count < EVENTS_MAX; i++) {
        uint32_t partition = (uint32_t)dice_below(world->dice, PARTITIONS);
        int64_t record_ms = world->now_ms;

        make_record(world, partition);
        if (dice_percent(world->dice, 5)) {
            record_ms -= dice_between(world->dice, 0, STRAGGLER_MS);
        }
        give_record(world, partition, record_ms);
        world->now_ms += dice_percent(world->dice, 30) ? dice_between(world->dice, 0, 900) : 0;
    }
}

/* Often none at all passes just at the end of a minute, where stragglers meet what has ended. */
static void pass_time(struct world *world)
{
    struct dice *dice = world->dice;

    if (dice_percent(dice, 8)) {
        world->now_ms = moment_floor(world->now_ms, MINUTE_MS) + MINUTE_MS;
    } else if (world->now_ms % MINUTE_MS > 999 || dice_percent(dice, 30)) {
        world->now_ms += dice_between(dice, 0, dice_percent(dice, 5) ? 5 * MINUTE_MS : 4000);
    }
}

static void play(struct dice *dice)
{
    static struct world world;
    static struct record *taken[EVENTS_MAX];
    size_t taken_count = 0;

    memset(&world, 0, sizeof world);
    world.dice = dice;
    world.now_ms = BEGIN_MS + dice_between(dice, 0, HOUR_MS);
    world.to_ms = MOMENT_NONE;
    pick_options(dice, &world.options);
    world.store = fixture_store(&world.options, PARTITIONS);
    for (int p = 0; p < PARTITIONS; p++) {
        world.arrival_ms[p] = MOMENT_NONE;
    }
    while (world.count < EVENTS_MAX) {
        deliver(&world);
        settle_at(world.store, world.now_ms);
        world.to_ms = store_progress(world.store).to_ms;
        take_due(&world, taken, &taken_count);
        compare_all(&world, dice_percent(dice, 3));
        if (dice_percent(dice, 4)) {
            start_again(&world);
            compare_all(&world, false);
        }
        pass_time(&world);
    }
    compare_all(&world, true);
    for (size_t i = 0; i < world.blocks_count; i++) {
        minute_block_give(world.blocks[i]);
    }
    for (size_t i = 0; i < world.journals_count; i++) {
        journal_part_give(world.journals[i]);
    }
    store_free(world.store);
}

static void people_copies_and_minutes_are_what_the_definitions_say(void **state)
{
    (void)state;
    dice_play(play, ROUNDS, SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_copies_and_minutes_are_what_the_definitions_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
