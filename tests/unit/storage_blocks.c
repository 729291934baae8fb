/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/blocks.h"

#include "tests/support/test.h"

enum { COUNT = 5000, WORDS = BLOCK_BYTES / sizeof(uint64_t) }; /* of three regions */

static uint64_t *take(struct blocks *blocks)
{
    uint64_t *block = blocks_take(blocks);

    assert_non_null(block);
    return block;
}

static void fill(uint64_t *block, uint64_t number)
{
    for (size_t i = 0; i < WORDS; i++) {
        block[i] = number;
    }
}

static void assert_filled(const uint64_t *block, uint64_t number)
{
    for (size_t i = 0; i < WORDS; i++) {
        assert_true(block[i] == number);
    }
}

static void blocks_are_nobody_elses(void **state)
{
    struct blocks blocks = {.open = NULL};
    uint64_t *taken[COUNT];

    (void)state;
    for (uint64_t i = 0; i < COUNT; i++) {
        taken[i] = take(&blocks);
        fill(taken[i], i + 1);
    }
    /* Every third is given back and taken again, which must hurt none of the others. */
    for (uint64_t i = 0; i < COUNT; i += 3) {
        blocks_give(&blocks, taken[i]);
    }
    for (uint64_t i = 0; i < COUNT; i += 3) {
        taken[i] = take(&blocks);
        fill(taken[i], COUNT + i);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_filled(taken[i], i % 3 == 0 ? COUNT + i : i + 1);
    }
    blocks_done(&blocks);
    assert_true(blocks.open == NULL && blocks.full == NULL);
}

static void what_was_given_back_is_taken_first(void **state)
{
    struct blocks blocks = {.open = NULL};
    void *taken[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        taken[i] = take(&blocks);
    }
    for (size_t i = 0; i < COUNT; i++) {
        blocks_give(&blocks, taken[i]);
    }
    /* One region is kept, the others went back. */
    assert_null(blocks.full);
    assert_non_null(blocks.open);
    for (int turn = 0; turn < 3; turn++) {
        void *block = take(&blocks);
        struct blocks_region *region = blocks.open;

        blocks_give(&blocks, block);
        assert_ptr_equal(blocks.open, region);
    }
    blocks_done(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_nobody_elses),
        cmocka_unit_test(what_was_given_back_is_taken_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
