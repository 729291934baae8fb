/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/journal.h"

#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "storage/pack.h"

static struct journal_part *sample(size_t count)
{
    struct journal_part *part = journal_part_new();

    assert_non_null(part);
    for (size_t i = 0; i < count; i++) {
        uint32_t flags = (uint32_t)(i * 31 % JOURNAL_FLAGS_END);
        struct journal_event event = {
            .visitor = i % 3 == 0 ? 0 : UINT64_MAX - i,
            .print = (flags & JOURNAL_ID) == 0 ? 0 : i * UINT64_C(0x9e3779b97f4a7c15),
            .page_hash = 1 + i % 7,
            .box_hash = i % 5 == 0 ? 0 : 100 + i % 11,
            .ts_ms = 1795454400000 + (int64_t)(i * 7919 % 600000), /* not in order */
            .flags = flags,
        };

        assert_int_equal(journal_reserve(part), CTR_OK);
        journal_add(part, &event);
    }
    return part;
}

static void events_come_back_as_they_were_packed(void **state)
{
    static const size_t counts[] = {0, 1, 2, 1000};

    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct journal_part *part = sample(counts[c]);
        struct journal_part *back = NULL;
        struct packer packer = {0};
        struct unpacker unpacker;

        assert_int_equal(journal_pack(part, &packer), CTR_OK);
        unpacker = (struct unpacker){.at = packer.bytes, .end = packer.bytes + packer.length};
        assert_int_equal(journal_unpack(&unpacker, &back), CTR_OK);
        assert_true(unpacker.at == unpacker.end);
        assert_int_equal(back->count, part->count);
        for (size_t i = 0; i < part->count; i++) {
            assert_int_equal(back->events[i].visitor, part->events[i].visitor);
            assert_int_equal(back->events[i].print, part->events[i].print);
            assert_int_equal(back->events[i].page_hash, part->events[i].page_hash);
            assert_int_equal(back->events[i].box_hash, part->events[i].box_hash);
            assert_int_equal(back->events[i].ts_ms, part->events[i].ts_ms);
            assert_int_equal(back->events[i].flags, part->events[i].flags);
        }
        if (part->count > 0) {
            assert_int_equal(back->newest_ms, part->newest_ms);
        }
        journal_part_give(part);
        journal_part_give(back);
        free(packer.bytes);
    }
}

static void the_newest_is_the_largest_time_not_the_last(void **state)
{
    struct journal_part *part = journal_part_new();

    (void)state;
    for (int64_t ts_ms = 5; ts_ms > 0; ts_ms -= 2) {
        assert_int_equal(journal_reserve(part), CTR_OK);
        journal_add(part, &(struct journal_event){.ts_ms = ts_ms});
    }
    assert_int_equal(part->newest_ms, 5);
    journal_part_give(part);
}

/* A cut anywhere is noticed: nothing of it is used. */
static void what_was_cut_off_is_corrupt(void **state)
{
    struct journal_part *part = sample(50);
    struct packer packer = {0};

    (void)state;
    assert_int_equal(journal_pack(part, &packer), CTR_OK);
    for (size_t length = 0; length < packer.length; length++) {
        struct journal_part *back = NULL;
        unsigned char *copy = malloc(length + 1); /* so that a sanitizer sees what lies beyond */
        struct unpacker unpacker = {.at = copy, .end = copy + length};

        assert_non_null(copy);
        memcpy(copy, packer.bytes, length);
        assert_int_equal(journal_unpack(&unpacker, &back), CTR_CORRUPT);
        assert_null(back);
        free(copy);
    }
    journal_part_give(part);
    free(packer.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_as_they_were_packed),
        cmocka_unit_test(the_newest_is_the_largest_time_not_the_last),
        cmocka_unit_test(what_was_cut_off_is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
