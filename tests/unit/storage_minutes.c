/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/minutes.h"

#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "storage/moment.h"

enum { MANY = 20000, TEXT_BYTES = 32 };
#define BEGIN_MS INT64_C(1795454580000)

static struct minute_key key_of(const char *page, const char *box)
{
    return (struct minute_key){.hash = 7, /* all collide unless a test says otherwise */
                               .level = 3,
                               .page = {.bytes = page, .length = strlen(page)},
                               .box = {.bytes = box, .length = strlen(box)}};
}

static void add(struct minute_block *block, const struct minute_key *key, int64_t minute_ms,
                int number, int32_t value)
{
    struct minute_row *row = NULL;

    assert_int_equal(minute_block_row(block, key, 5, minute_ms, &row), CTR_OK);
    row->numbers[number] += value;
}

static void a_row_is_made_of_zeros_once_and_found_again(void **state)
{
    struct minute_block *block = minute_block_new(BEGIN_MS);
    struct minute_key key = key_of("/a", "b");
    struct minute_row *row = NULL;

    (void)state;
    assert_null(minute_block_find(block, &key));
    assert_int_equal(minute_block_row(block, &key, 5, BEGIN_MS, &row), CTR_OK);
    for (int number = 0; number < MINUTE_NUMBERS; number++) {
        assert_int_equal(row->numbers[number], 0);
    }
    row->numbers[MINUTE_CLICKS] = 3;
    add(block, &key, BEGIN_MS, MINUTE_CLICKS, 4);
    assert_int_equal(minute_block_find(block, &key)->numbers[MINUTE_CLICKS], 7);
    assert_int_equal(block->rows_count, 1);
    assert_int_equal(block->keys_count, 1);
    assert_int_equal(block->keys[0].kid, 5);
    assert_int_equal(block->minute_ms, BEGIN_MS);
    minute_block_give(block);
}

static void keys_with_one_hash_are_told_apart_by_all_they_are(void **state)
{
    struct minute_block *block = minute_block_new(MOMENT_NONE);
    struct minute_key keys[] = {key_of("/a", "b"), key_of("/a", ""),  key_of("", "b"),
                                key_of("/ab", ""), key_of("", "/ab"), key_of("/a", "c"),
                                key_of("", ""),    key_of("", ""),    key_of("", "")};
    enum { COUNT = sizeof keys / sizeof keys[0] };

    (void)state;
    keys[COUNT - 1].other = true;
    keys[COUNT - 2].level = 1;
    for (int32_t k = 0; k < COUNT; k++) {
        add(block, &keys[k], BEGIN_MS, MINUTE_LATE, k + 1);
    }
    assert_int_equal(block->keys_count, COUNT);
    for (int32_t k = 0; k < COUNT; k++) {
        const struct minute_row *row = minute_block_find(block, &keys[k]);
        struct minute_key back = minute_block_key(block, row->key);

        assert_int_equal(row->numbers[MINUTE_LATE], k + 1);
        assert_int_equal(back.hash, keys[k].hash);
        assert_int_equal(back.level, keys[k].level);
        assert_int_equal(back.other, keys[k].other);
        assert_int_equal(back.page.length, keys[k].page.length);
        assert_memory_equal(back.page.bytes, keys[k].page.bytes, back.page.length);
        assert_int_equal(back.box.length, keys[k].box.length);
        assert_memory_equal(back.box.bytes, keys[k].box.bytes, back.box.length);
    }
    minute_block_give(block);
}

static void rows_of_one_key_are_linked_newest_first(void **state)
{
    struct minute_block *block = minute_block_new(MOMENT_NONE);
    struct minute_key key = key_of("/a", "b");
    struct minute_key another = key_of("/b", "b");
    const struct minute_row *row = NULL;

    (void)state;
    add(block, &key, BEGIN_MS, MINUTE_CLICKS, 1);
    add(block, &another, BEGIN_MS, MINUTE_CLICKS, 9);
    add(block, &key, BEGIN_MS - MINUTE_MS, MINUTE_CLICKS, 2);
    add(block, &key, BEGIN_MS, MINUTE_CLICKS, 4); /* the older of its rows */
    row = minute_block_find(block, &key);
    assert_int_equal(row->minute_ms, BEGIN_MS - MINUTE_MS);
    assert_int_equal(row->numbers[MINUTE_CLICKS], 2);
    row = &block->rows[row->next];
    assert_int_equal(row->minute_ms, BEGIN_MS);
    assert_int_equal(row->numbers[MINUTE_CLICKS], 5);
    assert_int_equal(row->next, MINUTE_NONE);
    assert_int_equal(block->rows_count, 3);
    minute_block_give(block);
}

static void many_keys_are_all_found_and_the_index_stays_free_enough(void **state)
{
    struct minute_block *block = minute_block_new(BEGIN_MS);
    char page[TEXT_BYTES];

    (void)state;
    for (int32_t k = 0; k < MANY; k++) {
        struct minute_key key;

        (void)snprintf(page, sizeof page, "/page/%d", k);
        key = key_of(page, "");
        key.hash = (uint64_t)(k / 2) * UINT64_C(0x9E3779B97F4A7C15); /* in pairs */
        add(block, &key, BEGIN_MS, MINUTE_IMPRESSIONS, k);
        assert_true(block->keys_count * 8 <= block->index_count * 5);
    }
    for (int32_t k = 0; k < MANY; k++) {
        struct minute_key key;

        (void)snprintf(page, sizeof page, "/page/%d", k);
        key = key_of(page, "");
        key.hash = (uint64_t)(k / 2) * UINT64_C(0x9E3779B97F4A7C15);
        assert_int_equal(minute_block_find(block, &key)->numbers[MINUTE_IMPRESSIONS], k);
    }
    assert_true(minute_block_bytes(block) >=
                MANY * (sizeof(struct minute_row) + sizeof(struct minute_block_key)));
    minute_block_give(block);
}

static void a_copy_stands_alone_and_goes_on(void **state)
{
    struct minute_block *block = minute_block_new(BEGIN_MS);
    struct minute_key key = key_of("/a", "b");
    struct minute_key another = key_of("/b", "b");
    struct minute_block *copy = NULL;

    (void)state;
    add(block, &key, BEGIN_MS, MINUTE_CLICKS, 1);
    minute_block_take(block);
    copy = minute_block_copy(block);
    assert_non_null(copy);
    assert_int_equal(copy->users, 1);
    assert_int_equal(copy->index_count, 0);
    assert_int_equal(copy->minute_ms, BEGIN_MS);
    add(block, &key, BEGIN_MS, MINUTE_CLICKS, 1);
    minute_block_give(block);
    minute_block_give(block);
    assert_int_equal(minute_block_find(copy, &key)->numbers[MINUTE_CLICKS], 1);
    assert_null(minute_block_find(copy, &another));
    add(copy, &another, BEGIN_MS, MINUTE_CLICKS, 8);
    add(copy, &key, BEGIN_MS, MINUTE_CLICKS, 2);
    assert_int_equal(minute_block_find(copy, &key)->numbers[MINUTE_CLICKS], 3);
    assert_int_equal(minute_block_find(copy, &another)->numbers[MINUTE_CLICKS], 8);
    assert_int_equal(copy->keys_count, 2);
    minute_block_give(copy);
}

static void an_empty_block_can_be_copied_and_given_back(void **state)
{
    struct minute_block *block = minute_block_new(MOMENT_NONE);
    struct minute_block *copy = minute_block_copy(block);
    struct minute_key key = key_of("", "");

    (void)state;
    assert_non_null(copy);
    assert_null(minute_block_find(copy, &key));
    add(copy, &key, BEGIN_MS, MINUTE_CLICKS, 1);
    assert_int_equal(minute_block_find(copy, &key)->numbers[MINUTE_CLICKS], 1);
    minute_block_give(copy);
    minute_block_give(block);
    minute_block_give(NULL);
}

/* Three keys with one hash, hundreds of minutes each, told of twice, and a copy that goes on. */
static void each_minute_of_a_key_has_one_row_among_corrections(void **state)
{
    enum { MINUTES = 300, KEYS = 3 };
    struct minute_block *block = minute_block_new(MOMENT_NONE);
    struct minute_key keys[KEYS] = {key_of("/a", "b"), key_of("/a", ""), key_of("", "b")};
    struct minute_block *copy = NULL;

    (void)state;
    for (int32_t turn = 1; turn <= 2; turn++) {
        for (int32_t i = 0; i < MINUTES * KEYS; i++) {
            add(block, &keys[i % KEYS], BEGIN_MS + i / KEYS * MINUTE_MS, MINUTE_CLICKS, i);
        }
    }
    assert_int_equal(block->rows_count, MINUTES * KEYS);
    copy = minute_block_copy(block);
    assert_non_null(copy);
    for (int32_t i = 0; i < MINUTES * KEYS; i++) {
        add(copy, &keys[i % KEYS], BEGIN_MS + i / KEYS * MINUTE_MS, MINUTE_CLICKS, i);
        assert_int_equal(copy->rows[i].numbers[MINUTE_CLICKS], 3 * i);
    }
    add(copy, &keys[0], BEGIN_MS - MINUTE_MS, MINUTE_CLICKS, 1);
    assert_int_equal(copy->rows_count, MINUTES * KEYS + 1);
    minute_block_give(copy);
    minute_block_give(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_made_of_zeros_once_and_found_again),
        cmocka_unit_test(keys_with_one_hash_are_told_apart_by_all_they_are),
        cmocka_unit_test(rows_of_one_key_are_linked_newest_first),
        cmocka_unit_test(each_minute_of_a_key_has_one_row_among_corrections),
        cmocka_unit_test(many_keys_are_all_found_and_the_index_stays_free_enough),
        cmocka_unit_test(a_copy_stands_alone_and_goes_on),
        cmocka_unit_test(an_empty_block_can_be_copied_and_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
