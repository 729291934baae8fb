/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/people.h"
#include "tests/support/people_pairs.h"
#include "tests/support/test.h"

enum { LARGE_BYTES = 5 << 20, PAGE_BYTES = 4096 };

static bool all_zero(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static void tables_of_any_size_are_zeroed_and_can_be_written(void **state)
{
    static const size_t sizes[] = {1, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, LARGE_BYTES};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *table = table_alloc(sizes[i]);

        assert_non_null(table);
        assert_true(all_zero(table, sizes[i]));
        memset(table, 0xff, sizes[i]);
        table_free(table, sizes[i]);
    }
    table_free(NULL, 1);
    table_free(NULL, LARGE_BYTES);
}

static void what_cannot_be_had_is_null(void **state)
{
    (void)state;
    assert_null(table_alloc(SIZE_MAX - 4096));
    assert_null(table_alloc(SIZE_MAX / 4));
}

static void a_slab_hands_out_until_it_is_used_up(void **state)
{
    struct table_slab slab;
    char *first = NULL;
    char *second = NULL;

    (void)state;
    table_slab_init(&slab, LARGE_BYTES);
    first = table_slab_take(&slab, 3 << 20);
    assert_non_null(first);
    second = table_slab_take(&slab, (2 << 20) - 64);
    assert_non_null(second);
    assert_true(second >= first + (3 << 20));
    assert_null(table_slab_take(&slab, 128));
    assert_true(all_zero(first, 3 << 20));
    memset(first, 1, 3 << 20);
    memset(second, 2, (2 << 20) - 64);
    table_slab_done(&slab);
    table_slab_init(&slab, 100);
    assert_null(table_slab_take(&slab, 8));
    table_slab_done(&slab);
}

/* Its neighbours' bytes stay, and its own pages are back with the system: they read as zeros. */
static void what_is_given_back_takes_no_memory_and_no_neighbour(void **state)
{
    struct table_slab slab;
    char *tables[3];
    char other = 0;

    (void)state;
    table_slab_init(&slab, LARGE_BYTES);
    for (int i = 0; i < 3; i++) {
        tables[i] = table_slab_take(&slab, 100000);
        memset(tables[i], i + 1, 100000);
    }
    assert_true(table_slab_give(&slab, tables[1], 100000));
    assert_true(all_zero(tables[1] + PAGE_BYTES, 100000 - (size_t)2 * PAGE_BYTES));
    for (int i = 0; i < 3; i += 2) {
        for (int at = 0; at < 100000; at++) {
            assert_int_equal(tables[i][at], i + 1);
        }
    }
    assert_false(table_slab_give(&slab, &other, 1));
    assert_false(table_slab_give(&slab, NULL, 0));
    table_slab_done(&slab);
}

/* ---- people, who are loaded into one ------------------------------------------------------- */

enum { PAIRS = 300000, MANY = 100, REACH_S = 1795000000, SPAN_S = 700 };

/* Each has four pairs, and one a hundred. */
static uint64_t visitor_of(uint64_t number)
{
    return (number < MANY ? 1 : number / 4 + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static void touch(struct people *people, uint64_t number, int64_t second_s)
{
    const struct people_touched touched = {
        .visitor = visitor_of(number), .kid = (uint32_t)number % 1000, .second_s = second_s};
    struct people_moves moves;

    assert_int_equal(people_reserve(people, touched.visitor, NULL, 1), CTR_OK);
    assert_true(people_touch(people, &touched, &moves));
}

static void load_all(struct people *into, const struct people *from)
{
    for (size_t part = 0; part < PEOPLE_PARTS; part++) {
        uint32_t *words = malloc(people_part_words(from, part) * sizeof *words + 1);
        size_t count = 0;

        assert_non_null(words);
        count = people_copy_part(from, part, words);
        assert_int_equal(count, people_part_words(from, part)); /* all of them live */
        assert_int_equal(people_load_part(into, part, words, count), CTR_OK);
        free(words);
    }
}

static void assert_all_known(const struct people *people, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        assert_true(pair_lives(people, visitor_of(i), (uint32_t)i % 1000));
    }
}

static void people_that_were_loaded_live_on_and_grow(void **state)
{
    static struct people made;
    static struct people loaded;
    static struct people adopted;
    uint64_t bytes = 0;

    (void)state;
    assert_int_equal(people_init(&made, SPAN_S, UINT64_MAX), CTR_OK);
    assert_int_equal(people_init(&loaded, SPAN_S, UINT64_MAX), CTR_OK);
    assert_int_equal(people_init(&adopted, SPAN_S, UINT64_MAX), CTR_OK);
    people_set_reach(&made, REACH_S);
    people_set_reach(&adopted, REACH_S);
    for (uint64_t i = 0; i < PAIRS; i++) {
        touch(&made, i, REACH_S + (int64_t)(i % SPAN_S));
    }
    load_all(&loaded, &made);
    people_adopt(&adopted, &loaded);
    assert_true(loaded.lines.open == NULL && loaded.lines.count == 0);
    people_done(&loaded); /* what was taken from it lives on */
    people_count(&adopted, made.live, made.newest);
    assert_all_known(&adopted, PAIRS);
    bytes = adopted.bytes;
    assert_int_equal(bytes, people_bytes_anew(&adopted));
    assert_int_equal(adopted.pairs, made.pairs);
    /* Three times as many: every part is renewed. */
    for (uint64_t i = PAIRS; i < UINT64_C(3) * PAIRS; i++) {
        touch(&adopted, i, REACH_S + 5);
    }
    assert_true(adopted.bytes > bytes);
    assert_int_equal(adopted.live, 3 * PAIRS);
    assert_all_known(&adopted, UINT64_C(3) * PAIRS);
    assert_int_equal(adopted.bytes, people_bytes_anew(&adopted));
    people_done(&adopted);
    people_done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_any_size_are_zeroed_and_can_be_written),
        cmocka_unit_test(what_cannot_be_had_is_null),
        cmocka_unit_test(a_slab_hands_out_until_it_is_used_up),
        cmocka_unit_test(what_is_given_back_takes_no_memory_and_no_neighbour),
        cmocka_unit_test(people_that_were_loaded_live_on_and_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
