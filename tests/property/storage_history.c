/* SPDX-License-Identifier: Apache-2.0
 *
 * The history against a naive model that keeps one number set for each (key, minute) and (key,
 * hour) in arrays: random additions in random blocks, corrections of any age, expiry with small
 * budgets, rollbacks, reopened files; then every key is read in random ranges, and all at once.
 *
 * Small budgets are spent until nothing is left to do, so that the model need not know in which
 * order blocks expire. LIVECTR_SEED and LIVECTR_ROUNDS as in storage_dice.h.
 */
#include "storage_dice.h"

#include <string.h>
#include <unistd.h>

#include "storage/history.h"
#include "storage/moment.h"

enum {
    ROUNDS = 2000,
    SECONDS = 10,
    PATH_BYTES = 96,
    KEYS = 6,
    DAYS = 4,
    HOURS = DAYS * 24,
    MINUTES = HOURS * 60,
    STEPS = 30,
    BLOCKS_MAX = 4,
};
#define BEGIN_MS INT64_C(1795392000000) /* midnight */
#define DAY_MS   (24 * HISTORY_HOUR_MS)

struct numbers {
    bool there;
    int64_t values[MINUTE_NUMBERS];
};

/* What was added to a key. An hour is in `minutes`, in `hours`, or dropped from both. */
struct kept {
    struct numbers minutes[MINUTES];
    struct numbers hours[HOURS];
};

struct world {
    struct dice *dice;
    struct sql *sql;
    struct history *history;
    struct history_limits limits;
    struct minute_key keys[KEYS];
};

static struct kept kept[KEYS];
static char path[PATH_BYTES];

static void must(struct dice *dice, enum ctr_status status, const struct ctr_error *error)
{
    ROUND_CHECK(dice, status == CTR_OK, "%s", error->text);
}

static void run(struct world *world, const char *statements)
{
    struct ctr_error error = {0};

    must(world->dice, sql_run(world->sql, statements, &error), &error);
}

static void open_file(struct world *world, bool create)
{
    struct ctr_error error = {0};

    must(world->dice, sql_open(path, &world->sql, &error), &error);
    must(world->dice, sql_own(world->sql, &error), &error);
    if (create) {
        run(world, history_schema);
    }
    must(world->dice, history_open(world->sql, &world->history, &error), &error);
}

static void close_file(struct world *world)
{
    history_close(world->history);
    sql_close(world->sql);
}

/* ---- the model ----------------------------------------------------------------------------- */

static bool lasts(int number)
{
    return number < MINUTE_PEOPLE || number > MINUTE_UNSEEN_CLICKERS;
}

/* Numbers of hours and days from BEGIN_MS; what is before them is too old. */
static int64_t minutes_from(const struct history_limits *limits)
{
    return moment_floor(limits->to_ms - limits->keep_minutes_ms - BEGIN_MS, HISTORY_HOUR_MS) /
           HISTORY_HOUR_MS;
}

static int64_t hours_from(const struct history_limits *limits)
{
    return moment_floor(limits->to_ms - limits->keep_hours_ms - BEGIN_MS, DAY_MS) / DAY_MS;
}

static bool has_minutes(const struct kept *of, int64_t hour)
{
    for (int64_t minute = hour * 60; minute < hour * 60 + 60; minute++) {
        if (of->minutes[minute].there) {
            return true;
        }
    }
    return false;
}

static void model_add(struct world *world, struct kept *to, int64_t minute, const int32_t *values)
{
    int64_t hour = minute / 60;
    bool recent = hour >= minutes_from(&world->limits);
    struct numbers *numbers = &to->minutes[minute];

    if (!recent && hour / 24 < hours_from(&world->limits)) {
        return;
    }
    if (to->hours[hour].there || (!recent && !has_minutes(to, hour))) {
        numbers = &to->hours[hour];
    }
    numbers->there = true;
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        if (numbers == &to->minutes[minute] || lasts(n)) {
            numbers->values[n] += values[n];
        }
    }
}

static void model_roll_up(struct kept *of, int64_t hour)
{
    for (int64_t minute = hour * 60; minute < hour * 60 + 60; minute++) {
        if (of->minutes[minute].there) {
            of->hours[hour].there = true;
            for (int n = 0; n < MINUTE_NUMBERS; n++) {
                of->hours[hour].values[n] += lasts(n) ? of->minutes[minute].values[n] : 0;
            }
            of->minutes[minute] = (struct numbers){0};
        }
    }
}

static void model_expire(const struct history_limits *limits)
{
    for (int k = 0; k < KEYS; k++) {
        for (int64_t hour = 0; hour < HOURS; hour++) {
            if (hour < minutes_from(limits)) {
                model_roll_up(&kept[k], hour);
            }
            if (hour / 24 < hours_from(limits)) {
                kept[k].hours[hour] = (struct numbers){0};
            }
        }
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

struct comparison {
    struct dice *dice;
    const struct kept *with;
    int64_t next_minute, until_minute; /* from BEGIN_MS */
};

/* The first minute at or behind `minute` at which the model has a point, or the end. */
static int64_t next_point(const struct kept *of, int64_t minute, int64_t until)
{
    for (; minute < until; minute++) {
        if (of->minutes[minute].there || (minute % 60 == 0 && of->hours[minute / 60].there)) {
            break;
        }
    }
    return minute;
}

static bool compare_point(void *owner, const struct history_point *point)
{
    struct comparison *comparison = owner;
    struct dice *dice = comparison->dice;
    int64_t minute =
        next_point(comparison->with, comparison->next_minute, comparison->until_minute);
    bool hour = minute % 60 == 0 && comparison->with->hours[minute / 60].there;
    const struct numbers *numbers =
        hour ? &comparison->with->hours[minute / 60] : &comparison->with->minutes[minute];

    ROUND_CHECK(dice, minute < comparison->until_minute, "a point that should not be there");
    ROUND_CHECK(dice, point->start_ms == BEGIN_MS + minute * MINUTE_MS, "%lld is not minute %lld",
                (long long)point->start_ms, (long long)minute);
    ROUND_CHECK(dice, point->grain_ms == (hour ? HISTORY_HOUR_MS : MINUTE_MS), "grain");
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        ROUND_CHECK(dice, point->numbers[n] == numbers->values[n], "number %d of minute %lld", n,
                    (long long)minute);
    }
    comparison->next_minute = minute + 1;
    return true;
}

static void end_comparison(struct comparison *comparison)
{
    ROUND_CHECK(comparison->dice,
                next_point(comparison->with, comparison->next_minute, comparison->until_minute) ==
                    comparison->until_minute,
                "a point is missing");
}

static void check_read(struct world *world, int k, int64_t from, int64_t until)
{
    struct comparison comparison = {
        .dice = world->dice, .with = &kept[k], .next_minute = from, .until_minute = until};
    struct ctr_error error = {0};

    must(world->dice,
         history_read(world->history, &world->keys[k], BEGIN_MS + from * MINUTE_MS,
                      BEGIN_MS + until * MINUTE_MS, compare_point, &comparison, &error),
         &error);
    end_comparison(&comparison);
}

/* Keys are in order, so that each is given after the one before. */
struct each_comparison {
    struct world *world;
    int k; /* the key now given, -1 before the first */
    struct comparison comparison;
};

static void turn_to(struct each_comparison *each, int k)
{
    for (; each->k < k; each->k++) {
        if (each->k >= 0) {
            end_comparison(&each->comparison);
        }
        if (each->k + 1 < KEYS) {
            each->comparison = (struct comparison){
                .dice = each->world->dice, .with = &kept[each->k + 1], .until_minute = MINUTES};
        }
    }
}

static bool same_name(const struct minute_key *a, const struct minute_key *b)
{
    return a->level == b->level && a->other == b->other && a->page.length == b->page.length &&
           (a->page.length == 0 || memcmp(a->page.bytes, b->page.bytes, a->page.length) == 0);
}

static bool compare_each(void *owner, const struct minute_key *key,
                         const struct history_point *point)
{
    struct each_comparison *each = owner;
    int k = 0;

    while (k < KEYS && !same_name(key, &each->world->keys[k])) {
        k++;
    }
    ROUND_CHECK(each->world->dice, k < KEYS && k >= each->k, "key %d after %d", k, each->k);
    turn_to(each, k);
    return compare_point(&each->comparison, point);
}

static void check_all(struct world *world)
{
    struct each_comparison each = {.world = world, .k = -1};
    struct ctr_error error = {0};

    for (int k = 0; k < KEYS; k++) {
        int64_t from = dice_between(world->dice, 0, MINUTES - 1);

        check_read(world, k, 0, MINUTES);
        check_read(world, k, from, dice_between(world->dice, from, MINUTES));
    }
    must(world->dice, history_each(world->history, compare_each, &each, &error), &error);
    turn_to(&each, KEYS);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void pick_values(struct dice *dice, int32_t *ret_values)
{
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        ret_values[n] = dice_percent(dice, 50)  ? 0
                        : dice_percent(dice, 2) ? INT32_MAX
                                                : (int32_t)dice_between(dice, -3, 40);
    }
}

static struct minute_block *make_block(struct world *world)
{
    struct dice *dice = world->dice;
    struct minute_block *block = minute_block_new(MOMENT_NONE);
    int64_t count = dice_between(dice, 0, 40);
    int64_t now = (world->limits.to_ms - BEGIN_MS) / MINUTE_MS;

    for (int64_t i = 0; i < count; i++) {
        int k = (int)dice_below(dice, KEYS);
        int64_t minute = dice_percent(dice, 70) && now < MINUTES
                             ? dice_between(dice, now < 90 ? 0 : now - 90, now)
                             : dice_between(dice, 0, MINUTES - 1);
        struct minute_row *row = NULL;

        ROUND_CHECK(dice,
                    minute_block_row(block, &world->keys[k], 0, BEGIN_MS + minute * MINUTE_MS,
                                     &row) == CTR_OK,
                    "no memory");
        pick_values(dice, row->numbers);
    }
    return block;
}

/* Rows of a block go to the model when the block is given to the history. */
static void model_add_block(struct world *world, const struct minute_block *block)
{
    for (size_t i = 0; i < block->rows_count; i++) {
        const struct minute_row *row = &block->rows[i];
        struct minute_key key = minute_block_key(block, row->key);
        int k = (int)(key.hash >> 8);

        model_add(world, &kept[k], (row->minute_ms - BEGIN_MS) / MINUTE_MS, row->numbers);
    }
}

static void step_add(struct world *world)
{
    struct dice *dice = world->dice;
    struct minute_block *made[BLOCKS_MAX];
    const struct minute_block *blocks[BLOCKS_MAX];
    size_t count = (size_t)dice_between(dice, 1, BLOCKS_MAX);
    bool fails = dice_percent(dice, 15);
    struct ctr_error error = {0};

    for (size_t b = 0; b < count; b++) {
        made[b] = make_block(world);
        blocks[b] = made[b];
    }
    run(world, "BEGIN IMMEDIATE");
    must(dice, history_add(world->history, blocks, count, &world->limits, &error), &error);
    if (fails) {
        sql_rollback(world->sql);
        history_forget(world->history);
    } else {
        run(world, "COMMIT");
        for (size_t b = 0; b < count; b++) {
            model_add_block(world, blocks[b]);
        }
    }
    for (size_t b = 0; b < count; b++) {
        minute_block_give(made[b]);
    }
}

/* Small budgets until nothing is left: then it is as if there had been no budget. */
static void step_expire(struct world *world)
{
    struct ctr_error error = {0};
    size_t budget = (size_t)dice_between(world->dice, 1, 40);

    world->limits.to_ms += dice_between(world->dice, 0, 9) * HISTORY_HOUR_MS +
                           dice_between(world->dice, 0, 59) * MINUTE_MS;
    for (size_t calls = 0; calls < KEYS * (HOURS + DAYS) / budget + 3; calls++) {
        run(world, "BEGIN IMMEDIATE");
        must(world->dice, history_expire(world->history, &world->limits, budget, &error), &error);
        run(world, "COMMIT");
    }
    model_expire(&world->limits);
}

/* ---- a round ------------------------------------------------------------------------------- */

/* In the order of history_each; the model's number of a key is in its hash. */
static void make_keys(struct world *world)
{
    static const char *const pages[KEYS] = {"", "/a", "/aa", "/b", "", "/a"};
    static const uint8_t levels[KEYS] = {0, 1, 1, 1, 1, 3};

    for (int k = 0; k < KEYS; k++) {
        world->keys[k] =
            (struct minute_key){.hash = (uint64_t)k << 8 | 1, /* they collide in every table */
                                .level = levels[k],
                                .other = k == 4,
                                .page = {.bytes = pages[k], .length = strlen(pages[k])}};
    }
}

/* Every key that is kept has a row: those of the file are as many as those of the model. */
static void check_keys(struct world *world)
{
    struct ctr_error error = {0};
    int64_t count = 0;
    int64_t expected = 0;

    for (int k = 0; k < KEYS; k++) {
        expected += next_point(&kept[k], 0, MINUTES) < MINUTES;
    }
    must(world->dice, sql_integer(world->sql, "SELECT count(*) FROM history_key", &count, &error),
         &error);
    ROUND_CHECK(world->dice, count >= expected, "%lld keys of %lld", (long long)count,
                (long long)expected);
    world->limits.to_ms = BEGIN_MS + INT64_C(1000) * DAY_MS;
    must(world->dice, history_expire(world->history, &world->limits, SIZE_MAX, &error), &error);
    must(world->dice,
         sql_integer(world->sql,
                     "SELECT (SELECT count(*) FROM history_key)"
                     " + (SELECT count(*) FROM history_block)",
                     &count, &error),
         &error);
    ROUND_CHECK(world->dice, count == 0, "%lld rows stay for ever", (long long)count);
}

static void play_history(struct dice *dice)
{
    struct world world = {
        .dice = dice,
        .limits = {.to_ms = BEGIN_MS + dice_between(dice, 0, 24) * HISTORY_HOUR_MS,
                   .keep_minutes_ms = dice_between(dice, 0, 40) * HISTORY_HOUR_MS,
                   .keep_hours_ms = dice_between(dice, 0, 3) * DAY_MS}};
    int64_t steps = dice_between(dice, 1, STEPS);

    memset(kept, 0, sizeof kept);
    make_keys(&world);
    open_file(&world, true);
    for (int64_t step = 0; step < steps; step++) {
        if (dice_percent(dice, 60)) {
            step_add(&world);
        } else if (dice_percent(dice, 60)) {
            step_expire(&world);
        } else {
            close_file(&world);
            open_file(&world, false);
        }
        if (dice_percent(dice, 20)) {
            check_all(&world);
        }
    }
    check_all(&world);
    check_keys(&world);
    close_file(&world);
    (void)unlink(path);
}

static void the_history_is_what_was_added_by_the_grain_its_age_has(void **state)
{
    (void)state;
    dice_play(play_history, ROUNDS, SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_history_is_what_was_added_by_the_grain_its_age_has),
    };
    char directory[] = "/tmp/livectr-property-XXXXXX";
    char shared[] = "/dev/shm/livectr-property-XXXXXX";
    char *at = access("/dev/shm", W_OK) == 0 ? shared : directory;
    int failed = 0;

    if (mkdtemp(at) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/history.sqlite", at);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    (void)rmdir(at);
    return failed;
}
