/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that runs out. One script of records, advances, cuts, restarts and readers is played once
 * undisturbed; then again with the n-th allocation failing, for every n until none is left to fail:
 * once (the next one goes well) and for a while (all fail until the third time something gave up).
 * What failed is done again, and all figures must in the end be those of the undisturbed run; the
 * accounts add up after every failure. Leaks and wild reads show under AddressSanitizer.
 */
#include "storage_dice.h"

#include <string.h>
#include <unistd.h>

#include "storage/checkpoint.h"
#include "storage/listing.h"
#include "storage/minutes.h"
#include "storage/moment.h"
#include "storage/snapshot.h"
#include "storage/store_internal.h"
#include "storage/store_minutes.h"
#include "storage/store_status.h"
#include "tests/support/failing_memory.h"

#define BEGIN_MS INT64_C(1795454400000)

enum {
    PARTITIONS = 3,
    PAGES = 9,
    BOXES = 4,
    OPS_MAX = 280,
    NUMBERS_MAX = 8192,
    GIVES_UP = 3, /* how often something fails while nothing can be had */
};

/* ---- the script ---------------------------------------------------------------------------- */

enum op_kind { OP_EVENT, OP_MALFORMED, OP_ADVANCE, OP_CUT, OP_RESTART, OP_READ };

struct op {
    enum op_kind kind;
    uint32_t partition;
    int64_t now_ms, ts_ms;
    int page, box, visitor, id; /* -1: none */
    bool click, filtered;
};

struct world {
    struct store_options options;
    size_t ops_count;
    struct op ops[OPS_MAX];
    struct store *store;
    uint64_t saved_cut, history; /* what the history was told, whatever the order */
    int64_t now_ms;
};

static struct world world;

static void write_script(struct dice *dice)
{
    int64_t now_ms = BEGIN_MS;

    world.ops_count = 0;
    while (world.ops_count < OPS_MAX) {
        struct op *op = &world.ops[world.ops_count++];
        int64_t kind = dice_between(dice, 1, 100);

        now_ms +=
            dice_percent(dice, 3) ? dice_between(dice, 20000, 90000) : dice_between(dice, 0, 300);
        *op = (struct op){.kind = kind <= 78   ? OP_EVENT
                                  : kind <= 80 ? OP_MALFORMED
                                  : kind <= 95 ? OP_ADVANCE
                                  : kind <= 97 ? OP_CUT
                                  : kind <= 98 ? OP_RESTART
                                               : OP_READ,
                          .partition = (uint32_t)dice_below(dice, PARTITIONS),
                          .now_ms = now_ms,
                          .ts_ms = now_ms - dice_between(dice, 0, 1500),
                          .page = (int)dice_below(dice, PAGES),
                          .box = (int)dice_between(dice, -1, BOXES - 1),
                          .visitor = (int)dice_between(dice, -1, 6),
                          .id = (int)dice_between(dice, -1, 400),
                          .click = dice_percent(dice, 40),
                          .filtered = dice_percent(dice, 5)};
        if (dice_percent(dice, 6)) { /* old, late, or from the future */
            op->ts_ms += dice_percent(dice, 30) ? 120000 : -dice_between(dice, 60000, 9000000);
        }
    }
    world.ops[OPS_MAX - 1].kind = OP_ADVANCE;
    world.ops[OPS_MAX - 1].now_ms = now_ms + 5000;
}

/* Every second round has keys that come and go at a limit, the others many windows. */
static void pick_options(struct dice *dice, bool tight)
{
    world.options = (struct store_options){.clock = CLOCK_WALL,
                                           .settle_ms = 400,
                                           .late_ms = 7200000,
                                           .future_ms = 60000,
                                           .people_horizon_ms = 600000,
                                           .dedup_horizon_ms = 600000,
                                           .lateness_ms = 60000,
                                           .click_gap_ms = dice_percent(dice, 50) ? 900 : 0,
                                           .visitors_max = 60,
                                           .ids_max = 1000,
                                           .minutes_max = 100000,
                                           .keys_max = tight ? 12 : 1000,
                                           .held_max = 1000};
    assert_int_equal(window_set_parse(tight ? "5s" : "1m,10m,1h", &world.options.windows, NULL),
                     CTR_OK);
    for (size_t i = 0; i < 24; i++) {
        world.options.hash_secret[i] = dice_next(dice);
    }
}

/* ---- playing ------------------------------------------------------------------------------- */

static struct text text_of(char *buffer, size_t size, const char *prefix, int number)
{
    if (number < 0) {
        return (struct text){0};
    }
    (void)snprintf(buffer, size, "%s%d", prefix, number);
    return (struct text){.bytes = buffer, .length = strlen(buffer)};
}

static void check_accounts(void)
{
    for (uint32_t p = 0; p < store_partition_count(world.store); p++) {
        const struct partition_counts *counts = &store_partition(world.store, p)->counts;

        assert_int_equal(counts->read, counts->counted + counts->held + counts->duplicate +
                                           counts->late + counts->future +
                                           partition_malformed(counts));
    }
}

static enum ctr_status play_event(const struct op *op)
{
    char page[16], box[16], visitor[16], id[16];
    struct event event = {.type = op->click ? EVENT_CLICK : EVENT_VIEW,
                          .ts_ms = op->ts_ms,
                          .page = text_of(page, sizeof page, "page", op->page),
                          .box = text_of(box, sizeof box, "box", op->box),
                          .visitor = text_of(visitor, sizeof visitor, "v", op->visitor),
                          .id = text_of(id, sizeof id, "id", op->id),
                          .filtered = op->filtered};

    return store_record_event(world.store, op->partition,
                              partition_next(store_partition(world.store, op->partition)),
                              op->now_ms, op->now_ms, &event);
}

static enum ctr_status play_advance(const struct op *op)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        struct partition *partition = store_partition(world.store, p);

        partition_confirm(partition, partition_next(partition), op->now_ms);
    }
    return store_advance(world.store, op->now_ms, false);
}

/* As the snapshot does: minutes of cuts that are in the file already are not added again. */
static void tell_history(const struct checkpoint *cut)
{
    for (size_t i = 0; i < cut->finished_count; i++) {
        const struct minute_block *block = cut->finished[i];

        for (size_t r = 0; block->cut > world.saved_cut && r < block->rows_count; r++) {
            const struct minute_row *row = &block->rows[r];

            for (int n = 0; n < MINUTE_NUMBERS; n++) {
                world.history += (block->keys[row->key].hash | 1) *
                                 ((uint64_t)row->minute_ms * 31 + (uint64_t)n) *
                                 (uint64_t)row->numbers[n];
            }
        }
    }
    world.saved_cut = cut->cut;
}

static enum ctr_status play_cut(const struct op *op)
{
    struct checkpoint *cut = NULL;
    struct store *restored = NULL;
    enum ctr_status status = store_cut(world.store, op->kind == OP_RESTART, &cut);

    if (status != CTR_OK) {
        assert_null(cut);
        return status;
    }
    fault.armed = false;
    tell_history(cut);
    while (op->kind == OP_RESTART && restored == NULL) {
        fault.armed = true;
        status = store_restore(&world.options, cut, &restored, NULL);
        fault.armed = false;
        assert_int_equal(status, restored == NULL ? CTR_NO_MEMORY : CTR_OK);
        if (restored == NULL && ++fault.failures == GIVES_UP) {
            fault.at = 0;
        }
    }
    checkpoint_free(cut);
    if (restored != NULL) {
        store_free(world.store);
        world.store = restored;
        world.store->journal_part_events = 3;
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            struct partition *partition = store_partition(world.store, p);

            partition_start(partition, partition_next(partition), false);
        }
    }
    return CTR_OK;
}

static enum ctr_status play_read(void)
{
    struct store_status status;
    struct minute_sums sums = {0};
    struct listing *listing = NULL;
    const struct list_query query = {.level = LEVEL_PAGE, .sort = LIST_BY_CTR, .limit = 10};
    const struct key_name site = {0};
    enum ctr_status result = store_status_read(world.store, &status);

    if (result != CTR_OK) {
        return result;
    }
    store_status_done(&status);
    result = store_list(world.store, &query, &listing);
    if (result != CTR_OK) {
        return result;
    }
    listing_free(listing);
    result = store_minutes(world.store, &site, 0, INT64_MAX, UINT64_MAX, &sums);
    if (result == CTR_OK) {
        minute_sums_done(&sums);
    }
    return result;
}

static enum ctr_status play(const struct op *op)
{
    switch (op->kind) {
    case OP_EVENT:
        return play_event(op);
    case OP_MALFORMED:
        store_record_malformed(world.store, op->partition,
                               partition_next(store_partition(world.store, op->partition)),
                               op->now_ms, MALFORMED_NOT_JSON, "");
        return CTR_OK;
    case OP_ADVANCE:
        return play_advance(op);
    case OP_CUT:
    case OP_RESTART:
        return play_cut(op);
    case OP_READ:
    default:
        return play_read();
    }
}

/* Does it until it is done. */
static void insist(const struct op *op)
{
    enum ctr_status status = CTR_NO_MEMORY;

    while (status != CTR_OK) {
        fault.armed = true;
        status = play(op);
        fault.armed = false;
        assert_true(status == CTR_OK || status == CTR_NO_MEMORY);
        if (status != CTR_OK) {
            check_accounts();
            assert_true(fault.at != 0); /* nobody says so without a reason */
            if (++fault.failures >= GIVES_UP) {
                fault.at = 0;
            }
        }
    }
    check_accounts();
}

static void open_store(void)
{
    assert_int_equal(store_new(&world.options, &world.store, NULL), CTR_OK);
    world.store->journal_part_events = 3; /* several in a cut */
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        uint32_t index = 0;

        assert_int_equal(store_partition_open(world.store, "events", (int32_t)p, &index), CTR_OK);
        partition_start(store_partition(world.store, p), 0, false);
    }
    world.saved_cut = world.history = 0;
}

/* ---- figures ------------------------------------------------------------------------------- */

struct figure_list {
    size_t count;
    uint64_t numbers[NUMBERS_MAX];
};

static void add(struct figure_list *list, uint64_t number)
{
    assert_true(list->count < NUMBERS_MAX);
    list->numbers[list->count++] = number;
}

static void add_key(struct figure_list *list, int page, int box)
{
    char page_text[16], box_text[16];
    struct key_name name = {.page = text_of(page_text, sizeof page_text, "page", page),
                            .box = text_of(box_text, sizeof box_text, "box", box)};
    struct minute_sums sums = {0};

    for (size_t w = 0; w < world.options.windows.count; w++) {
        struct figures figures;
        struct reading reading;

        store_read(world.store, w, &name, 1, &figures, &reading);
        add(list, figures.totals.impressions);
        add(list, figures.totals.clicks);
        add(list, figures.people);
        add(list, figures.crowd.viewers);
        add(list, figures.crowd.clickers);
        add(list, figures.crowd.clicking);
        add(list, figures.folded);
    }
    assert_int_equal(store_minutes(world.store, &name, 0, INT64_MAX, UINT64_MAX, &sums), CTR_OK);
    for (size_t i = 0; i < sums.count; i++) {
        for (int n = 0; n < MINUTE_NUMBERS; n++) {
            if (sums.items[i].numbers[n] != 0) {
                add(list, (uint64_t)sums.items[i].minute_ms);
                add(list, (uint64_t)n);
                add(list, (uint64_t)sums.items[i].numbers[n]);
            }
        }
    }
    minute_sums_done(&sums);
}

static void collect(struct figure_list *list)
{
    struct store_status status;

    list->count = 0;
    for (int page = -1; page < PAGES; page++) {
        for (int box = -1; box < BOXES; box++) {
            add_key(list, page, box);
        }
    }
    assert_int_equal(store_status_read(world.store, &status), CTR_OK);
    for (size_t p = 0; p < status.partitions_count; p++) {
        const struct partition_counts *counts = &status.partitions[p].counts;

        add(list, counts->read);
        add(list, counts->counted);
        add(list, counts->held);
        add(list, counts->duplicate);
        add(list, counts->late);
        add(list, counts->future);
        add(list, counts->unchecked);
        add(list, counts->filtered);
    }
    for (int level = 0; level < LEVEL_COUNT; level++) {
        add(list, status.keys[level]);
    }
    add(list, status.keys_folded);
    add(list, status.people);
    add(list, status.people_refused);
    add(list, status.ids);
    add(list, status.repeated);
    add(list, status.minutes_lost);
    add(list, (uint64_t)status.progress.to_ms);
    store_status_done(&status);
    add(list, world.history);
}

/* ---- a record that comes into a step ------------------------------------------------------- */

static void record(uint32_t partition, int64_t ts_ms, int page, int id)
{
    const struct op op = {.partition = partition,
                          .now_ms = ts_ms,
                          .ts_ms = ts_ms,
                          .page = page,
                          .box = page % BOXES,
                          .visitor = 1,
                          .id = id,
                          .click = page % 2 == 0};

    assert_int_equal(play_event(&op), CTR_OK);
}

/* One bucket full of everything, cut short at the n-th allocation; then more of the same second
 * arrive, so many that the bucket moves, and a copy. False: nothing was left to fail. */
static bool interrupted_step(uint64_t at, struct figure_list *list)
{
    const struct op advance = {.kind = OP_ADVANCE, .now_ms = BEGIN_MS + 2000};
    bool failed = false;

    open_store();
    for (int i = 0; i < 40; i++) {
        record((uint32_t)i % PARTITIONS, BEGIN_MS + i, i % PAGES, i < 20 ? i : 3);
    }
    fault = (struct fault){.at = at, .armed = true};
    failed = play_advance(&advance) != CTR_OK;
    fault = (struct fault){.at = 0};
    for (int i = 0; i < 200; i++) {
        record((uint32_t)i % PARTITIONS, BEGIN_MS + 500 + i, (i + 3) % PAGES, i < 190 ? -1 : 5);
    }
    assert_int_equal(play_advance(&advance), CTR_OK);
    check_accounts();
    collect(list);
    store_free(world.store);
    return failed;
}

/* What came into the step is counted with it, and its minute is told all of it. Only whether they
 * are called stragglers may depend on when memory was short. */
static void a_step_that_was_cut_short_takes_newcomers(void **state)
{
    static struct figure_list wanted, got;
    struct dice dice = {.seed = 5, .state = 5};
    uint64_t at = 1;

    (void)state;
    pick_options(&dice, false);
    (void)interrupted_step(0, &wanted);
    while (interrupted_step(at, &got)) {
        ROUND_CHECK(&dice, got.count == wanted.count, "allocation %llu", (unsigned long long)at);
        for (size_t i = 0; i < wanted.count; i++) {
            ROUND_CHECK(&dice, got.numbers[i] == wanted.numbers[i], "allocation %llu, number %zu",
                        (unsigned long long)at, i);
        }
        at++;
    }
    assert_true(at > 20);
}

/* ---- snapshots ----------------------------------------------------------------------------- */

static char folder[64], path[96];

/* Saves until it is saved: what fails for want of memory leaves the file as it was, and the next
 * save is of a whole cut. */
static void save(struct snapshot *snapshot)
{
    bool whole = false;
    enum ctr_status status = CTR_NO_MEMORY;

    while (status != CTR_OK) {
        struct checkpoint *cut = NULL;

        assert_int_equal(store_cut(world.store, whole, &cut), CTR_OK);
        fault.armed = true;
        status = snapshot_save(snapshot, cut, BEGIN_MS, NULL);
        fault.armed = false;
        assert_true(status == CTR_OK || status == CTR_NO_MEMORY);
        if (status != CTR_OK && ++fault.failures >= GIVES_UP) {
            fault.at = 0;
        }
        whole = true;
        checkpoint_free(cut);
    }
}

static struct checkpoint *load(struct snapshot *snapshot)
{
    struct checkpoint *cut = NULL;

    while (cut == NULL) {
        enum ctr_status status = CTR_OK;

        fault.armed = true;
        status = snapshot_load(snapshot, &cut, NULL);
        fault.armed = false;
        assert_int_equal(status, cut == NULL ? CTR_NO_MEMORY : CTR_OK);
        if (cut == NULL && ++fault.failures >= GIVES_UP) {
            fault.at = 0;
        }
    }
    return cut;
}

/* A script with two saves on its way; what is loaded in the end is what was there. Returns the
 * allocations seen. */
static uint64_t save_and_load(uint64_t at, bool sticky, struct figure_list *list)
{
    struct snapshot *snapshot = NULL;
    struct checkpoint *cut = NULL;

    (void)unlink(path);
    assert_int_equal(snapshot_open(path, &snapshot, NULL), CTR_OK);
    open_store();
    fault = (struct fault){.at = at, .sticky = sticky};
    for (size_t i = 0; i < world.ops_count / 2; i++) {
        if (world.ops[i].kind < OP_CUT) {
            assert_int_equal(play(&world.ops[i]), CTR_OK);
        }
        if (i == world.ops_count / 3) {
            save(snapshot);
        }
    }
    save(snapshot);
    cut = load(snapshot);
    store_free(world.store);
    assert_int_equal(store_restore(&world.options, cut, &world.store, NULL), CTR_OK);
    collect(list);
    checkpoint_free(cut);
    snapshot_close(snapshot);
    store_free(world.store);
    return fault.seen;
}

static void a_save_and_a_load_may_fail(void **state)
{
    static struct figure_list wanted, got;
    struct dice dice = {.seed = 9, .state = 9};
    uint64_t count = 0;

    (void)state;
    pick_options(&dice, false);
    write_script(&dice);
    count = save_and_load(0, false, &wanted);
    assert_true(count > 40);
    for (uint64_t at = 1; at <= 2 * count; at++) {
        (void)save_and_load((at + 1) / 2, at % 2 == 0, &got);
        ROUND_CHECK(&dice, got.count == wanted.count, "allocation %llu",
                    (unsigned long long)(at + 1) / 2);
        for (size_t i = 0; i < wanted.count; i++) {
            ROUND_CHECK(&dice, got.numbers[i] == wanted.numbers[i], "allocation %llu, number %zu",
                        (unsigned long long)(at + 1) / 2, i);
        }
    }
    print_message("%llu saves and loads with a failing allocation\n",
                  2 * (unsigned long long)count);
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/livectr-memory-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/livectr.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[112];

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* ---- the law ------------------------------------------------------------------------------- */

static void play_script(struct figure_list *list)
{
    open_store();
    for (size_t i = 0; i < world.ops_count; i++) {
        insist(&world.ops[i]);
    }
    collect(list);
    store_free(world.store);
    world.store = NULL;
}

/* The number of allocations the script makes, and its figures. */
static uint64_t play_undisturbed(struct figure_list *list)
{
    fault = (struct fault){.at = 0};
    play_script(list);
    return fault.seen;
}

static void any_allocation_may_fail(void **state)
{
    static struct figure_list wanted, got;
    uint64_t rounds = dice_setting("LIVECTR_ROUNDS", 2);
    uint64_t tries = 0;
    struct dice dice;

    (void)state;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t count = 0;

        dice = (struct dice){.seed = dice_setting("LIVECTR_SEED", 77 + round)};
        dice.state = dice.seed;
        pick_options(&dice, round % 2 == 1);
        write_script(&dice);
        count = play_undisturbed(&wanted);
        assert_true(count > 150);
        for (uint64_t at = 1; at <= 2 * count; at++) {
            fault = (struct fault){.at = (at + 1) / 2, .sticky = at % 2 == 0};
            play_script(&got);
            tries++;
            ROUND_CHECK(&dice, got.count == wanted.count,
                        "allocation %llu: %zu numbers, wanted %zu",
                        (unsigned long long)(at + 1) / 2, got.count, wanted.count);
            for (size_t i = 0; i < wanted.count; i++) {
                ROUND_CHECK(&dice, got.numbers[i] == wanted.numbers[i],
                            "allocation %llu, sticky %d: number %zu is %llu, wanted %llu",
                            (unsigned long long)(at + 1) / 2, (int)(at % 2 == 0), i,
                            (unsigned long long)got.numbers[i],
                            (unsigned long long)wanted.numbers[i]);
            }
        }
    }
    print_message("%llu runs with a failing allocation\n", (unsigned long long)tries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_was_cut_short_takes_newcomers),
        cmocka_unit_test(a_save_and_a_load_may_fail),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
