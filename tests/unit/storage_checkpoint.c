/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts of the store and stores made from them, without a file between.
 */
#include "storage/checkpoint.h"

#include "storage/store_internal.h"
#include "storage/store_status.h"
#include "storage_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static struct checkpoint *cut_of(struct store *store, bool whole)
{
    struct checkpoint *cut = NULL;

    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    assert_int_equal(cut->whole, whole);
    return cut;
}

static struct store *restored(const struct store_options *options, const struct checkpoint *cut)
{
    struct store *store = NULL;
    struct ctr_error err = {0};

    if (store_restore(options, cut, &store, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    for (uint32_t p = 0; p < store_partition_count(store); p++) {
        int64_t next = partition_next(store_partition(store, p));

        partition_start(store_partition(store, p), next < 0 ? 0 : next, false);
    }
    return store;
}

static void assert_refused(const struct store_options *options, const struct checkpoint *cut,
                           enum ctr_status wanted)
{
    struct store *store = NULL;
    struct ctr_error err = {0};

    assert_int_equal(store_restore(options, cut, &store, &err), wanted);
    assert_null(store);
    assert_int_equal(err.status, wanted);
    assert_true(strlen(err.text) > 0);
}

/* Two pages and a box counted, one record held. */
static struct store *small_store(const struct store_options *options)
{
    struct store *store = fixture_store(options, 2);

    view(store, 0, BEGIN_MS, "/a", NULL);
    click(store, 0, BEGIN_MS + 1000, "/b", "box");
    settle_at(store, BEGIN_MS + 5000);
    view(store, 1, BEGIN_MS + 6000, "/a", "held box");
    return store;
}

/* ---- going on ------------------------------------------------------------------------------ */

static void a_restored_store_answers_as_the_one_that_was_cut(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = NULL;
    struct progress before = store_progress(store);
    struct progress after;

    (void)state;
    store_cover_from(store, BEGIN_MS - 500);
    cut = cut_of(store, true);
    store_free(store);
    store = restored(&options, cut);
    checkpoint_free(cut);
    after = store_progress(store);
    assert_int_equal(after.to_ms, before.to_ms);
    assert_int_equal(after.as_of_ms, before.as_of_ms);
    assert_int_equal(after.covered_from_ms, BEGIN_MS - 500);
    assert_int_equal(after.partitions, 2);
    assert_false(after.at_end);
    assert_false(after.caught_up_once);
    for (size_t w = 0; w < 2; w++) {
        assert_totals(store, w, "/a", NULL, 1, 0);
        assert_totals(store, w, "/b", "box", 0, 1);
        assert_totals(store, w, NULL, NULL, 1, 1);
        assert_totals(store, w, NULL, "held box", 0, 0);
    }
    store_free(store);
}

static void positions_counters_and_held_records_are_kept(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = NULL;
    uint32_t index = 9;

    (void)state;
    store_record_malformed(store, 0, 2, BEGIN_MS, MALFORMED_BAD_VALUE, "");
    partition_start(store_partition(store, 0), 10, true);
    cut = cut_of(store, true);
    store_free(store);
    store = restored(&options, cut);
    checkpoint_free(cut);
    assert_int_equal(store_partition_open(store, "events", 1, &index), CTR_OK);
    assert_int_equal(index, 1);
    assert_int_equal(partition_next(store_partition(store, 0)), 10);
    assert_int_equal(store_partition(store, 0)->intervals_count, 2);
    assert_int_equal(store_partition(store, 0)->lost, 7);
    assert_int_equal(counts_of(store, 0).counted, 2);
    assert_int_equal(counts_of(store, 0).malformed[MALFORMED_BAD_VALUE], 1);
    assert_int_equal(counts_of(store, 1).held, 1);
    assert_int_equal(store_partition(store, 1)->arrival_ms, BEGIN_MS + 6000);
    settle_at(store, BEGIN_MS + 7000);
    assert_totals(store, 0, "/a", "held box", 1, 0);
    assert_int_equal(counts_of(store, 1).held, 0);
    assert_int_equal(counts_of(store, 1).counted, 1);
    store_free(store);
}

static void a_restored_partition_has_to_be_confirmed_anew(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = cut_of(store, true);

    (void)state;
    store_free(store);
    assert_int_equal(store_restore(&options, cut, &store, NULL), CTR_OK);
    checkpoint_free(cut);
    assert_int_equal(store_advance(store, BEGIN_MS + HOUR_MS, false), CTR_OK);
    assert_int_equal(store_progress(store).as_of_ms, BEGIN_MS + 5000);
    assert_false(store_partition(store, 0)->started);
    assert_true(store_partition(store, 0)->confirmed_ms == MOMENT_NONE);
    assert_true(store_progress(store).alive_ms == MOMENT_NONE);
    store_free(store);
}

static void a_store_without_a_to_can_be_cut_and_restored(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);
    struct checkpoint *cut = NULL;

    (void)state;
    view(store, 0, BEGIN_MS, "/a", NULL);
    cut = cut_of(store, true);
    store_free(store);
    store = restored(&options, cut);
    checkpoint_free(cut);
    assert_true(store_progress(store).to_ms == MOMENT_NONE);
    settle_at(store, BEGIN_MS + 1000);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    store_free(store);
}

static void a_straggler_is_still_one_after_a_restart(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct checkpoint *cut = NULL;

    (void)state;
    settle_at(store, BEGIN_MS + 9000);
    view(store, 0, BEGIN_MS, "/a", NULL);
    cut = cut_of(store, true);
    store_free(store);
    store = restored(&options, cut);
    checkpoint_free(cut);
    assert_int_equal(store_advance(store, BEGIN_MS + 9000, false), CTR_OK);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    assert_int_equal(counts_of(store, 0).stragglers, 1);
    store_free(store);
}

static void keys_beyond_a_smaller_limit_are_kept_until_they_expire(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = cut_of(store, true);
    struct store_status status;

    (void)state;
    store_free(store);
    options.keys_max = 1;
    store = restored(&options, cut);
    checkpoint_free(cut);
    assert_totals(store, 0, "/b", "box", 0, 1);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.keys_max, 1);
    assert_int_equal(status.keys[LEVEL_PAGE], 2);
    store_status_done(&status);
    settle_at(store, BEGIN_MS + 2 * MINUTE_MS);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.keys[LEVEL_PAGE] + status.keys[LEVEL_BOX], 0);
    store_status_done(&status);
    store_free(store);
}

static void numbers_of_gone_keys_are_used_again_after_a_restart(void **state)
{
    struct store_options options = fixture_options("1s");
    struct store *store = NULL;
    struct checkpoint *cut = NULL;

    (void)state;
    options.keys_max = 700; /* one chunk of keys */
    store = fixture_store(&options, 1);
    for (int restart = 0; restart < 6; restart++) {
        int64_t now_ms = BEGIN_MS + restart * MINUTE_MS;
        char page[16];

        for (int i = 0; i < 700; i++) {
            (void)snprintf(page, sizeof page, "%d of %d", i, restart);
            view(store, 0, now_ms, page, NULL);
        }
        settle_at(store, now_ms + 1000);
        assert_totals(store, 0, NULL, NULL, 700, 0);
        /* Only the last of them lives on, at a high number. */
        (void)snprintf(page, sizeof page, "699 of %d", restart);
        view(store, 0, now_ms + 1500, page, NULL);
        settle_at(store, now_ms + 2000);
        assert_totals(store, 0, NULL, NULL, 1, 0);
        cut = cut_of(store, true);
        store_free(store);
        store = restored(&options, cut);
        checkpoint_free(cut);
    }
    store_free(store);
}

/* ---- parts --------------------------------------------------------------------------------- */

static void a_partial_cut_holds_what_changed_since_the_cut_before(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = cut_of(store, true);

    (void)state;
    assert_int_equal(cut->keys_count, 4);
    assert_int_equal(cut->slices_count, 2);
    assert_int_equal(cut->buckets_count, 1);
    checkpoint_free(cut);
    cut = cut_of(store, false);
    assert_int_equal(cut->keys_count + cut->slices_count + cut->buckets_count, 0);
    assert_int_equal(cut->keys_total, 4);
    assert_int_equal(cut->slices_total, 2);
    assert_int_equal(cut->buckets_total, 1);
    assert_int_equal(cut->partitions_count, 2);
    checkpoint_free(cut);
    settle_at(store, BEGIN_MS + 7000);
    cut = cut_of(store, false);
    assert_int_equal(cut->keys_count, 2); /* box and placement of what was held */
    assert_int_equal(cut->slices_count, 1);
    assert_int_equal(cut->buckets_gone_count, 1);
    assert_int_equal(cut->buckets_gone[0], BEGIN_MS + 7000);
    checkpoint_free(cut);
    store_free(store);
}

static void a_partial_cut_names_what_is_gone(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = cut_of(store, true);

    (void)state;
    checkpoint_free(cut);
    settle_at(store, BEGIN_MS + 10 * MINUTE_MS);
    cut = cut_of(store, false);
    assert_int_equal(cut->keys_gone_count, 4);
    assert_int_equal(cut->slices_gone_count, 2);
    assert_int_equal(cut->buckets_gone_count, 1);
    assert_int_equal(cut->keys_count + cut->slices_count + cut->buckets_count, 0);
    checkpoint_free(cut);
    cut = cut_of(store, false);
    assert_int_equal(cut->keys_gone_count + cut->slices_gone_count + cut->buckets_gone_count, 0);
    checkpoint_free(cut);
    store_free(store);
}

static void a_number_that_is_used_again_is_gone_first_and_then_there(void **state)
{
    struct store_options options = fixture_options("1s");
    struct store *store = NULL;
    struct checkpoint *cut = NULL;
    uint32_t kid = 0;

    (void)state;
    store = fixture_store(&options, 1);
    view(store, 0, BEGIN_MS, "/old", NULL);
    settle_at(store, BEGIN_MS + 1000);
    cut = cut_of(store, true);
    assert_int_equal(cut->keys_count, 1);
    kid = cut->keys[0].kid;
    checkpoint_free(cut);
    view(store, 0, BEGIN_MS + 5000, "/new", NULL);
    settle_at(store, BEGIN_MS + 6000);
    cut = cut_of(store, false);
    assert_int_equal(cut->keys_gone_count, 1);
    assert_int_equal(cut->keys_gone[0], kid);
    assert_int_equal(cut->keys_count, 1);
    assert_int_equal(cut->keys[0].kid, kid);
    assert_memory_equal(cut->keys[0].page.bytes, "/new", 4);
    checkpoint_free(cut);
    store_free(store);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static void what_nobody_needs_again_does_not_wait_for_a_disk_that_is_gone(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    size_t most = 0;
    size_t waiting = 0;

    (void)state;
    for (int minute = 0; minute < 300; minute++) {
        struct checkpoint *cut = NULL;
        int64_t now_ms = BEGIN_MS + minute * MINUTE_MS;

        give(store, 0, now_ms,
             (struct given){.type = EVENT_VIEW, .ts_ms = now_ms, .page = "/a", .visitor = "v"});
        settle_at(store, now_ms + 1000);
        cut = cut_of(store, true); /* as after a save that failed */
        assert_int_equal(cut->since, 0);
        waiting = cut->journals_count;
        most = waiting > most ? waiting : most;
        assert_true(waiting == 0 || cut->journals[0]->newest_ms >= cut->journal_from_ms);
        checkpoint_free(cut);
    }
    assert_true(waiting > 5 && most < 60);
    store_free(store);
}

/* As while a write to the disk hangs. */
static void what_nobody_needs_again_is_forgotten_though_nobody_cuts(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    struct checkpoint *cut = NULL;

    (void)state;
    store->journal_part_events = 2;
    for (int minute = 0; minute < 300; minute++) {
        int64_t now_ms = BEGIN_MS + minute * MINUTE_MS;

        give(store, 0, now_ms,
             (struct given){.type = EVENT_VIEW, .ts_ms = now_ms, .page = "/a", .visitor = "v"});
        settle_at(store, now_ms + 1000);
        assert_true(store->journals_count < 60);
    }
    cut = cut_of(store, false);
    assert_true(cut->journals_count > 3);
    for (size_t i = 0; i < cut->journals_count; i++) { /* each has a row of its own */
        assert_true(cut->journals[i]->cut > (i == 0 ? 0 : cut->journals[i - 1]->cut));
    }
    assert_int_equal(cut->journals[cut->journals_count - 1]->cut, cut->cut);
    assert_int_equal(cut->since, 0);
    checkpoint_free(cut);
    store_free(store);
}

static void a_cut_says_from_where_on_it_has_what_is_added(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = small_store(&options);
    static const struct {
        bool whole;
        uint64_t since;
    } cuts[] = {{true, 0}, {false, 1}, {true, 1}, {true, 1}, {false, 4}, {false, 5}};
    struct checkpoint *cut = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        cut = cut_of(store, cuts[i].whole);
        assert_int_equal(cut->cut, i + 1);
        assert_int_equal(cut->since, cuts[i].since);
        checkpoint_free(cut);
    }
    cut = cut_of(store, true);
    store_free(store);
    store = restored(&options, cut);
    checkpoint_free(cut);
    cut = cut_of(store, true); /* what was loaded is in the file */
    assert_int_equal(cut->cut, 8);
    assert_int_equal(cut->since, 7);
    checkpoint_free(cut);
    store_free(store);
}

static void other_settings_that_change_the_numbers_are_refused(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = small_store(&options);
    struct checkpoint *cut = cut_of(store, true);
    struct store_options other = options;

    (void)state;
    other.clock = CLOCK_EVENT;
    assert_refused(&other, cut, CTR_INVALID);
    other = options;
    other.page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS;
    assert_refused(&other, cut, CTR_INVALID);
    checkpoint_free(cut);
    store_free(store);
}

static void a_window_that_the_slices_cannot_answer_is_refused(void **state)
{
    static const struct {
        const char *had, *wanted;
        bool fits;
    } pairs[] = {
        {"10m", "10m", true}, {"10m", "5m", true},  {"10m", "11m", false},
        {"10m", "1m", false}, {"10m", "1h", false}, {"1m,10m,1h,24h", "1m,1h", true},
        {"24h", "3h", true},  {"24h", "1h", false}, {"2m", "1s,30s", true},
        {"1h", "30m", true},  {"1h", "20m", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct store_options had = fixture_options(pairs[i].had);
        struct store_options wanted = fixture_options(pairs[i].wanted);
        struct store *store = small_store(&had);
        struct checkpoint *cut = cut_of(store, true);

        store_free(store);
        if (pairs[i].fits) {
            store_free(restored(&wanted, cut));
        } else {
            assert_refused(&wanted, cut, CTR_INVALID);
        }
        checkpoint_free(cut);
    }
}

/* Counts of 1h can be told from the slices of 2h; its people are not remembered for so long. */
static void a_longer_window_with_people_is_refused(void **state)
{
    struct store_options had = fixture_options("10m,2h");
    struct store_options wanted = fixture_options("10m,1h,2h");
    struct store *store = NULL;
    struct checkpoint *cut = NULL;

    (void)state;
    had.people_horizon_ms = wanted.people_horizon_ms = 60 * MINUTE_MS;
    store = small_store(&had);
    cut = cut_of(store, true);
    assert_refused(&wanted, cut, CTR_INVALID);
    wanted.people_horizon_ms = 10 * MINUTE_MS; /* then 1h has none */
    store_free(restored(&wanted, cut));
    checkpoint_free(cut);
    store_free(store);
}

static void a_checkpoint_that_contradicts_itself_is_corrupt(void **state)
{
    struct store_options options = fixture_options("10m");

    (void)state;
    for (int damage = 0; damage < 12; damage++) {
        struct store *store = small_store(&options);
        struct checkpoint *cut = cut_of(store, true);

        switch (damage) {
        case 0:
            cut->keys[1].kid = cut->keys[0].kid; /* two keys of one number */
            break;
        case 1:
            cut->keys[0].kid = 0; /* the site's */
            break;
        case 2:
            cut->keys[0].kid = UINT32_MAX - 1;
            break;
        case 3:
            cut->keys[0].level = LEVEL_BOX; /* a box without its id */
            break;
        case 4:
            cut->keys[0].level = LEVEL_COUNT;
            break;
        case 5:
            cut->keys_count--; /* a slice counts an unknown key */
            break;
        case 6:
            cut->slices[0].cells[0].key = UINT32_MAX;
            break;
        case 7:
            cut->buckets[0].length--;
            break;
        case 8:
            cut->buckets[0].count++;
            break;
        case 9:
            cut->buckets[0].bytes[0] = 2; /* a partition that is not there */
            break;
        case 10:
            cut->buckets[0].bytes[1] = 64; /* a flag that is not there */
            break;
        case 11:
            cut->partitions[1].counts.held++; /* a held record was lost */
            break;
        default:
            break;
        }
        assert_refused(&options, cut, CTR_CORRUPT);
        checkpoint_free(cut);
        store_free(store);
    }
}

static void freeing_nothing_is_fine(void **state)
{
    struct checkpoint *empty = calloc(1, sizeof *empty);

    (void)state;
    checkpoint_free(NULL);
    checkpoint_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_store_answers_as_the_one_that_was_cut),
        cmocka_unit_test(positions_counters_and_held_records_are_kept),
        cmocka_unit_test(a_restored_partition_has_to_be_confirmed_anew),
        cmocka_unit_test(a_store_without_a_to_can_be_cut_and_restored),
        cmocka_unit_test(a_straggler_is_still_one_after_a_restart),
        cmocka_unit_test(keys_beyond_a_smaller_limit_are_kept_until_they_expire),
        cmocka_unit_test(numbers_of_gone_keys_are_used_again_after_a_restart),
        cmocka_unit_test(a_partial_cut_holds_what_changed_since_the_cut_before),
        cmocka_unit_test(a_partial_cut_names_what_is_gone),
        cmocka_unit_test(a_number_that_is_used_again_is_gone_first_and_then_there),
        cmocka_unit_test(what_nobody_needs_again_does_not_wait_for_a_disk_that_is_gone),
        cmocka_unit_test(what_nobody_needs_again_is_forgotten_though_nobody_cuts),
        cmocka_unit_test(a_cut_says_from_where_on_it_has_what_is_added),
        cmocka_unit_test(other_settings_that_change_the_numbers_are_refused),
        cmocka_unit_test(a_window_that_the_slices_cannot_answer_is_refused),
        cmocka_unit_test(a_longer_window_with_people_is_refused),
        cmocka_unit_test(a_checkpoint_that_contradicts_itself_is_corrupt),
        cmocka_unit_test(freeing_nothing_is_fine),
    };

    return cmocka_run_group_tests_name("storage/checkpoint", tests, NULL, NULL);
}
