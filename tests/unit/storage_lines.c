/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/lines.h"

#include "tests/support/test.h"

#include <stdlib.h>

enum { COUNT = 100000, WORDS = LINE_BYTES / sizeof(uint64_t), USABLE = LINES_REGION - 1 };

static struct lines lines;
static uint32_t taken[COUNT]; /* of four regions */

static uint32_t take(void)
{
    uint32_t line = 0;

    assert_int_equal(lines_reserve(&lines, 1), CTR_OK);
    line = lines_take(&lines);
    assert_int_not_equal(line, 0);
    assert_int_equal((uintptr_t)lines_at(&lines, line) % LINE_BYTES, 0);
    return line;
}

static void fill(uint32_t line, uint64_t number)
{
    uint64_t *words = lines_at(&lines, line);

    for (size_t i = 0; i < WORDS; i++) {
        words[i] = number;
    }
}

static void assert_filled(uint32_t line, uint64_t number)
{
    const uint64_t *words = lines_at(&lines, line);

    for (size_t i = 0; i < WORDS; i++) {
        assert_true(words[i] == number);
    }
}

static void lines_are_nobody_elses(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        taken[i] = take();
        fill(taken[i], i + 1);
    }
    /* Every third is given back and taken again, which must hurt none of the others. */
    for (uint64_t i = 0; i < COUNT; i += 3) {
        lines_give(&lines, taken[i]);
    }
    for (uint64_t i = 0; i < COUNT; i += 3) {
        taken[i] = take();
        fill(taken[i], COUNT + i);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_filled(taken[i], i % 3 == 0 ? COUNT + i : i + 1);
    }
    assert_int_equal(lines.count, (COUNT + USABLE - 1) / USABLE);
    lines_done(&lines);
    assert_true(lines.open == NULL && lines.regions == NULL && lines.unused == 0);
}

static void as_many_as_were_reserved_can_be_taken(void **state)
{
    (void)state;
    assert_int_equal(lines_reserve(&lines, USABLE + 1), CTR_OK);
    assert_int_equal(lines.count, 2);
    assert_int_equal(lines.unused, 2 * USABLE);
    for (uint32_t i = 0; i < 2 * USABLE; i++) {
        assert_int_not_equal(lines_take(&lines), 0);
        assert_int_equal(lines.unused, 2 * USABLE - 1 - i);
    }
    assert_null(lines.open);
    assert_int_equal(lines_reserve(&lines, 0), CTR_OK);
    assert_int_equal(lines.count, 2);
    lines_done(&lines);
}

/* One region is kept, the others go back, and their numbers are given again. */
static void what_was_given_back_is_taken_first(void **state)
{
    struct lines_region *region = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = take();
    }
    for (size_t i = 0; i < COUNT; i++) {
        lines_give(&lines, taken[i]);
    }
    assert_int_equal(lines.unused, USABLE);
    region = lines.open;
    assert_non_null(region);
    for (int turn = 0; turn < 3; turn++) {
        lines_give(&lines, take());
        assert_ptr_equal(lines.open, region);
    }
    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = take();
        fill(taken[i], i);
    }
    assert_int_equal(lines.count, (COUNT + USABLE - 1) / USABLE);
    for (size_t i = 0; i < COUNT; i++) {
        assert_filled(taken[i], i);
    }
    lines_done(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_nobody_elses),
        cmocka_unit_test(as_many_as_were_reserved_can_be_taken),
        cmocka_unit_test(what_was_given_back_is_taken_first),
    };

    return cmocka_run_group_tests_name("storage/lines", tests, NULL, NULL);
}
