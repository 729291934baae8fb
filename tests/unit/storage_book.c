/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/book.h"

#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

#define BEGIN_MS    INT64_C(1795454400000)
#define LATENESS_MS (2 * MINUTE_MS)
#define FINAL_MS    (MINUTE_MS + LATENESS_MS + 1000) /* after a minute's start */

static struct minutes_book book;

static int begin(void **state)
{
    (void)state;
    book_init(&book, LATENESS_MS, 6);
    return 0;
}

static int end(void **state)
{
    (void)state;
    book_done(&book);
    return 0;
}

static struct minute_key key_of(const char *page)
{
    return (struct minute_key){
        .hash = (uint64_t)page[0], .level = 1, .page = {.bytes = page, .length = strlen(page)}};
}

/* One more impression of the page in a step that ends at to_ms. False: it was lost. */
static bool add(const char *page, int64_t minute_ms, int64_t to_ms)
{
    struct minute_key key = key_of(page);
    struct minute_row *row = NULL;

    book_lock(&book);
    assert_int_equal(book_row(&book, &key, 9, minute_ms, to_ms, &row), CTR_OK);
    if (row != NULL) {
        row->numbers[MINUTE_IMPRESSIONS]++;
    }
    book_unlock(&book);
    return row != NULL;
}

static void finish(int64_t to_ms)
{
    book_lock(&book);
    assert_int_equal(book_finish(&book, to_ms), CTR_OK);
    book_unlock(&book);
}

/* How many blocks a cut is given, and how many impressions stand in them. */
static void assert_cut(uint64_t cut, size_t wanted_blocks, int32_t wanted_impressions)
{
    struct minute_block **blocks = NULL;
    size_t count = 0;
    int32_t impressions = 0;

    assert_int_equal(book_cut(&book, cut, &blocks, &count), CTR_OK);
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < blocks[i]->rows_count; r++) {
            impressions += blocks[i]->rows[r].numbers[MINUTE_IMPRESSIONS];
        }
        minute_block_give(blocks[i]);
    }
    free(blocks);
    assert_int_equal(count, wanted_blocks);
    assert_int_equal(impressions, wanted_impressions);
}

static void a_minute_is_one_open_block_until_it_is_final(void **state)
{
    (void)state;
    assert_true(add("a", BEGIN_MS, BEGIN_MS + 1000));
    assert_true(add("b", BEGIN_MS, BEGIN_MS + MINUTE_MS));
    assert_true(add("a", BEGIN_MS, BEGIN_MS + MINUTE_MS + LATENESS_MS));
    assert_int_equal(book.open_count, 1);
    assert_int_equal(book_open(&book, BEGIN_MS)->rows_count, 2);
    assert_null(book_open(&book, BEGIN_MS + MINUTE_MS));
    assert_null(book.corrections);
    assert_true(add("a", BEGIN_MS, BEGIN_MS + MINUTE_MS + LATENESS_MS + 1000));
    assert_int_equal(book_open(&book, BEGIN_MS)->rows_count, 2);
    assert_non_null(book.corrections);
    assert_int_equal(book.rows, 1);
}

static void open_blocks_stand_by_minute_whatever_order_they_came_in(void **state)
{
    static const int minutes[] = {5, 2, 9, 0, 7, 2, 5};

    (void)state;
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        assert_true(add("a", BEGIN_MS + minutes[i] * MINUTE_MS, BEGIN_MS));
    }
    assert_int_equal(book.open_count, 5);
    for (size_t i = 1; i < book.open_count; i++) {
        assert_true(book.open[i - 1]->minute_ms < book.open[i]->minute_ms);
    }
}

/* A step may end at a moment that `to` has reached already: it finds the block still open. */
static void a_block_is_finished_once_no_step_can_reach_it(void **state)
{
    (void)state;
    assert_true(add("a", BEGIN_MS, BEGIN_MS + 1000));
    assert_true(add("a", BEGIN_MS + MINUTE_MS, BEGIN_MS + MINUTE_MS));
    finish(BEGIN_MS + MINUTE_MS + LATENESS_MS);
    assert_true(add("a", BEGIN_MS, BEGIN_MS + MINUTE_MS + LATENESS_MS));
    assert_int_equal(book.open_count, 2);
    assert_int_equal(book.waiting_count, 0);
    finish(BEGIN_MS + MINUTE_MS + LATENESS_MS + 1000);
    assert_int_equal(book.open_count, 1);
    assert_int_equal(book.waiting_count, 1);
    assert_int_equal(book.waiting[0]->minute_ms, BEGIN_MS);
    assert_int_equal(book.waiting[0]->rows[0].numbers[MINUTE_IMPRESSIONS], 2);
    assert_int_equal(book.rows, 1);
    assert_int_equal(book.lost, 0);
}

static void blocks_are_in_every_cut_until_one_of_them_is_saved(void **state)
{
    (void)state;
    assert_cut(1, 0, 0);
    assert_true(add("a", BEGIN_MS, BEGIN_MS));
    finish(BEGIN_MS + FINAL_MS);
    assert_true(add("b", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_cut(2, 2, 2);
    assert_null(book.corrections);
    assert_true(add("b", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_cut(3, 3, 3); /* the second one failed: nothing of it is left out */
    book_saved(&book, 1);
    assert_int_equal(book.waiting_count, 3);
    assert_int_equal(book.rows, 3);
    book_saved(&book, 2);
    assert_int_equal(book.waiting_count, 1);
    assert_int_equal(book.freed_cut, 2);
    assert_int_equal(book.rows, 1);
    assert_cut(4, 1, 1);
    book_saved(&book, 4);
    book_saved(&book, 3); /* news of the past */
    assert_int_equal(book.freed_cut, 4);
    assert_int_equal(book.waiting_count, 0);
    assert_int_equal(book.rows, 0);
}

static void what_came_after_a_cut_outlives_its_being_saved(void **state)
{
    (void)state;
    assert_true(add("a", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_cut(1, 1, 1);
    assert_true(add("a", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_true(add("c", BEGIN_MS + 10 * MINUTE_MS, BEGIN_MS));
    finish(BEGIN_MS + 10 * MINUTE_MS + FINAL_MS);
    book_saved(&book, 1);
    assert_cut(2, 2, 2);
}

static void rows_beyond_the_limit_are_lost_and_counted(void **state)
{
    static const char *const pages[] = {"a", "b", "c", "d", "e", "f", "g"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(add(pages[i], BEGIN_MS, BEGIN_MS));
        assert_true(add(pages[i], BEGIN_MS + MINUTE_MS, BEGIN_MS));
    }
    /* Of six rows four fit; the second minute's four do not. */
    finish(BEGIN_MS + MINUTE_MS + FINAL_MS);
    assert_int_equal(book.waiting_count, 1);
    assert_int_equal(book.rows, 4);
    assert_int_equal(book.lost, 4);
    assert_true(add("a", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_true(add("b", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_false(add("c", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_int_equal(book.lost, 5);
    assert_true(add("c", BEGIN_MS + 20 * MINUTE_MS, BEGIN_MS)); /* open minutes go on */
    assert_cut(1, 2, 6);
    book_saved(&book, 1);
    assert_int_equal(book.rows, 0);
    assert_true(add("c", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_int_equal(book.lost, 5);
}

static void memory_is_that_of_the_blocks(void **state)
{
    uint64_t bytes = 0;

    (void)state;
    assert_int_equal(book_bytes(&book), 0);
    assert_true(add("a", BEGIN_MS, BEGIN_MS));
    bytes = book_bytes(&book);
    assert_true(bytes > 0);
    finish(BEGIN_MS + FINAL_MS);
    assert_int_equal(book_bytes(&book), bytes);
    assert_true(add("a", BEGIN_MS, BEGIN_MS + FINAL_MS));
    assert_int_equal(book_bytes(&book), 2 * bytes);
    assert_cut(1, 2, 2);
    book_saved(&book, 1);
    assert_int_equal(book_bytes(&book), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_minute_is_one_open_block_until_it_is_final),
        TEST(open_blocks_stand_by_minute_whatever_order_they_came_in),
        TEST(a_block_is_finished_once_no_step_can_reach_it),
        TEST(blocks_are_in_every_cut_until_one_of_them_is_saved),
        TEST(what_came_after_a_cut_outlives_its_being_saved),
        TEST(rows_beyond_the_limit_are_lost_and_counted),
        TEST(memory_is_that_of_the_blocks),
    };

    return cmocka_run_group_tests_name("storage/book", tests, NULL, NULL);
}
