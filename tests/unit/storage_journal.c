/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/journal.h"

#include "tests/property/storage_dice.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "storage/event.h"
#include "storage/moment.h"
#include "storage/pack.h"

#define BEGIN_MS INT64_C(1795454400000)

static struct journal_part *part_of(const struct journal_event *events, size_t count)
{
    struct journal_part *part = journal_part_new(NULL);

    assert_non_null(part);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(journal_reserve(part), CTR_OK);
        journal_add(part, &events[i]);
    }
    return part;
}

/* Unpacks a copy of exactly that many bytes, so that a sanitizer sees a read behind them. */
static enum ctr_status unpack(const unsigned char *bytes, size_t length,
                              struct journal_part **ret_part)
{
    unsigned char *copy = malloc(length == 0 ? 1 : length);
    struct unpacker unpacker = {.at = copy, .end = copy + length};
    enum ctr_status status = CTR_OK;

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    status = journal_unpack(&unpacker, ret_part);
    free(copy);
    return status;
}

static void assert_same(const struct journal_part *left, const struct journal_part *right)
{
    assert_int_equal(left->count, right->count);
    assert_int_equal(left->newest_ms, right->newest_ms);
    for (size_t i = 0; i < left->count; i++) {
        const struct journal_event a = journal_at(left, i);
        const struct journal_event b = journal_at(right, i);

        assert_true(a.visitor == b.visitor && a.page_hash == b.page_hash);
        assert_true(a.box_hash == b.box_hash && a.ts_ms == b.ts_ms && a.flags == b.flags);
        assert_true(b.print == ((a.flags & JOURNAL_ID) != 0 ? a.print : 0));
    }
}

static void assert_round_trip(const struct journal_event *events, size_t count)
{
    struct journal_part *part = part_of(events, count);
    struct journal_part *back = NULL;
    struct packer packer = {0};

    assert_int_equal(journal_pack(part, &packer), CTR_OK);
    assert_int_equal(unpack(packer.bytes, packer.length, &back), CTR_OK);
    assert_same(part, back);
    packer_done(&packer);
    journal_part_give(back);
    journal_part_give(part);
}

static void events_come_back_as_they_were_whatever_they_hold(void **state)
{
    static const struct journal_event events[] = {
        {.visitor = 1, .print = 2, .page_hash = 3, .ts_ms = BEGIN_MS, .flags = JOURNAL_ID},
        {.page_hash = 3, .box_hash = 4, .ts_ms = BEGIN_MS - 5, .flags = JOURNAL_FLAGS_END - 1},
        {.visitor = UINT64_MAX,
         .print = UINT64_MAX,
         .page_hash = UINT64_MAX,
         .box_hash = UINT64_MAX,
         .ts_ms = EVENT_TS_MS_MAX,
         .flags = JOURNAL_ID | JOURNAL_PEOPLE | JOURNAL_SHORT << 3 | JOURNAL_FOLDED << 3},
        {.visitor = 5, .page_hash = 4, .box_hash = 3, .ts_ms = 0, .flags = JOURNAL_GAP},
        {.page_hash = 0, .box_hash = 0, .ts_ms = 0, .flags = 0},
    };

    (void)state;
    assert_round_trip(events, 0);
    for (size_t count = 1; count <= sizeof events / sizeof events[0]; count++) {
        assert_round_trip(events, count);
    }
}

static void the_newest_is_the_largest_time_and_not_the_last(void **state)
{
    static const struct journal_event events[] = {{.ts_ms = 5}, {.ts_ms = 9}, {.ts_ms = 7}};
    struct journal_part *part = part_of(NULL, 0);

    (void)state;
    assert_int_equal(part->newest_ms, MOMENT_NONE);
    journal_part_give(part);
    part = part_of(events, 3);
    assert_int_equal(part->newest_ms, 9);
    journal_part_take(part);
    journal_part_give(part);
    assert_int_equal(part->count, 3); /* there is a user left */
    journal_part_give(part);
    journal_part_give(NULL);
}

static struct journal_event some_event(struct dice *dice)
{
    struct journal_event event = {.page_hash = 1 + dice_below(dice, 30),
                                  .box_hash = dice_percent(dice, 60) ? 1 + dice_below(dice, 9) : 0,
                                  .ts_ms = BEGIN_MS + dice_between(dice, 0, 600000),
                                  .flags = (uint32_t)dice_below(dice, JOURNAL_FLAGS_END)};

    event.visitor = dice_percent(dice, 90) ? dice_next(dice) | 1 : 0;
    event.print = (event.flags & JOURNAL_ID) != 0 ? dice_next(dice) : 0;
    return event;
}

static void an_event_takes_some_twenty_bytes_and_its_place_is_said_once(void **state)
{
    enum { MANY = 10000 };
    struct dice dice = {.seed = 1, .state = 1};
    struct journal_part *part = part_of(NULL, 0);
    struct packer packer = {0};

    (void)state;
    for (int i = 0; i < MANY; i++) {
        struct journal_event event = some_event(&dice);

        event.flags |= JOURNAL_ID;
        assert_int_equal(journal_reserve(part), CTR_OK);
        journal_add(part, &event);
    }
    assert_int_equal(journal_pack(part, &packer), CTR_OK);
    assert_true(packer.length < MANY * 23 + 16 * 300 + 16);
    packer_done(&packer);
    journal_part_give(part);
}

static struct packer pack_some(struct dice *dice, size_t count)
{
    struct journal_part *part = part_of(NULL, 0);
    struct packer packer = {0};

    for (size_t i = 0; i < count; i++) {
        struct journal_event event = some_event(dice);

        assert_int_equal(journal_reserve(part), CTR_OK);
        journal_add(part, &event);
    }
    assert_int_equal(journal_pack(part, &packer), CTR_OK);
    journal_part_give(part);
    return packer;
}

static void every_truncation_and_every_byte_too_many_is_corrupt(void **state)
{
    struct dice dice = {.seed = 2, .state = 2};
    struct packer packer = pack_some(&dice, 40);
    struct journal_part *part = NULL;
    size_t whole = packer.length;

    (void)state;
    for (size_t length = 0; length < whole; length++) {
        assert_int_equal(unpack(packer.bytes, length, &part), CTR_CORRUPT);
        assert_null(part);
    }
    pack_unsigned(&packer, 0);
    assert_int_equal(unpack(packer.bytes, packer.length, &part), CTR_CORRUPT);
    packer_done(&packer);
}

/* What is found to be sound nevertheless must be within what a part may hold. */
static void play(struct dice *dice)
{
    struct packer packer = pack_some(dice, 1 + dice_below(dice, 30));
    size_t flips = 1 + dice_below(dice, 4);
    struct journal_part *part = NULL;

    for (size_t i = 0; i < flips; i++) {
        size_t at = dice_below(dice, dice_percent(dice, 50) ? packer.length : 24);

        packer.bytes[at < packer.length ? at : 0] ^= (unsigned char)dice_between(dice, 1, 255);
    }
    if (unpack(packer.bytes, packer.length, &part) == CTR_OK) {
        for (size_t i = 0; i < part->count; i++) {
            const struct journal_event event = journal_at(part, i);

            ROUND_CHECK(dice, event.flags < JOURNAL_FLAGS_END, "flags of event %zu", i);
            ROUND_CHECK(dice, event.ts_ms >= 0 && event.ts_ms <= EVENT_TS_MS_MAX,
                        "time of event %zu", i);
        }
    }
    journal_part_give(part);
    packer_done(&packer);
}

static void flipped_bits_never_lead_out_of_bounds(void **state)
{
    (void)state;
    dice_play(play, 20000, 5);
}

static void what_no_journal_says_is_corrupt(void **state)
{
    struct journal_part *part = NULL;
    struct packer packer = {0};

    (void)state;
    pack_signed(&packer, 0);
    pack_unsigned(&packer, 1);
    pack_hash(&packer, 1);
    pack_hash(&packer, 2);
    pack_unsigned(&packer, 1);
    for (int wrong = 0; wrong < 4; wrong++) {
        size_t length = packer.length;

        pack_unsigned(&packer, wrong == 1 ? (uint64_t)JOURNAL_FLAGS_END << 1 : 0);
        pack_unsigned(&packer, wrong == 2 ? 1 : 0); /* there is one place */
        pack_unsigned(&packer, wrong == 3 ? (uint64_t)EVENT_TS_MS_MAX + 1 : 0);
        assert_int_equal(unpack(packer.bytes, packer.length, &part),
                         wrong == 0 ? CTR_OK : CTR_CORRUPT);
        packer.length = length;
    }
    journal_part_give(part);
    packer.length = 0;
    pack_signed(&packer, 0);
    pack_unsigned(&packer, UINT64_MAX); /* places that are not there */
    assert_int_equal(unpack(packer.bytes, packer.length, &part), CTR_CORRUPT);
    packer_done(&packer);
}

/* ---- chunks -------------------------------------------------------------------------------- */

enum { CHUNK_EVENTS = JOURNAL_CHUNK_EVENTS };

static void add(struct journal_part *part, uint64_t number)
{
    const struct journal_event event = {.visitor = number, .ts_ms = (int64_t)number};

    assert_int_equal(journal_reserve(part), CTR_OK);
    journal_add(part, &event);
}

static void assert_numbers(const struct journal_part *part, uint64_t from, size_t count)
{
    assert_int_equal(part->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(journal_at(part, i).visitor, from + i);
        assert_int_equal(journal_at(part, i).ts_ms, from + i);
    }
}

static void parts_go_on_where_the_one_before_ends_and_never_change_it(void **state)
{
    static const size_t counts[] = {
        0, 1, 5, CHUNK_EVENTS - 6, 0, 3, CHUNK_EVENTS, 3 * CHUNK_EVENTS + 7, 2};
    enum { PARTS = sizeof counts / sizeof counts[0] };
    struct journal_spares spares = {.count = 0};
    struct journal_part *parts[PARTS];
    uint64_t number = 0;

    (void)state;
    for (size_t i = 0; i < PARTS; i++) {
        parts[i] = i == 0 ? journal_part_new(&spares) : journal_part_after(parts[i - 1]);
        assert_non_null(parts[i]);
        for (size_t k = 0; k < counts[i]; k++) {
            add(parts[i], number++);
        }
    }
    assert_ptr_equal(parts[2]->chunks[0], parts[1]->chunks[0]);
    assert_int_equal(parts[5]->chunks_count, 1); /* a chunk was full, and it began one */
    assert_int_equal(parts[5]->first, 0);
    number = 0;
    for (size_t i = 0; i < PARTS; i++) { /* oldest first, as the store does */
        assert_numbers(parts[i], number, counts[i]);
        journal_part_give(parts[i]);
        number += counts[i];
    }
    assert_int_equal(spares.count, 0);
}

static void chunks_are_used_again_when_their_last_part_is_gone(void **state)
{
    struct journal_spares spares = {.count = 0};
    struct journal_part *first = journal_part_new(&spares);
    struct journal_part *second = NULL;
    const struct journal_chunk *known = NULL;

    (void)state;
    for (uint64_t i = 0; i < 2 * CHUNK_EVENTS + 10; i++) {
        add(first, i);
    }
    assert_int_equal(journal_bytes(first), (2 * CHUNK_EVENTS + 10) * 40);
    second = journal_part_after(first);
    add(second, 7);
    journal_part_take(first); /* the snapshot thread has it */
    journal_part_recycle(first, &spares);
    assert_int_equal(spares.count, 0);
    assert_numbers(first, 0, 2 * CHUNK_EVENTS + 10);
    journal_part_recycle(first, &spares);
    assert_int_equal(spares.count, 2); /* the third one holds an event of the second part */
    assert_int_equal(journal_spares_bytes(&spares), 2 << 21);
    known = spares.first;
    for (uint64_t i = 8; second->chunks_count < 2; i++) {
        add(second, i);
    }
    assert_ptr_equal(second->chunks[1], known);
    assert_int_equal(spares.count, 1);
    assert_numbers(second, 7, second->count);
    journal_part_recycle(second, &spares);
    assert_int_equal(spares.count, 3);
    journal_spares_trim(&spares, 1);
    assert_int_equal(spares.count, 1);
    journal_spares_trim(&spares, 0);
    assert_null(spares.first);
}

static void many_places_are_numbered_as_few_are(void **state)
{
    enum { EVENTS = 10000, PLACES = 3000 };
    struct journal_event *events = calloc(EVENTS, sizeof *events);

    (void)state;
    assert_non_null(events);
    for (uint64_t i = 0; i < EVENTS; i++) {
        events[i] = (struct journal_event){.visitor = i + 1,
                                           .page_hash = (i * 7919 % PLACES + 1) << 32,
                                           .box_hash = i % 2 == 0 ? 0 : i % 3,
                                           .ts_ms = BEGIN_MS - (int64_t)(i % 977)};
    }
    assert_round_trip(events, EVENTS);
    free(events);
}

static void assert_packed(struct journal_part *part, bool kept)
{
    struct packer once = {0}, scratch = {0};
    const unsigned char *bytes = NULL;
    const unsigned char *again = NULL;
    size_t length = 0;

    assert_int_equal(journal_pack(part, &once), CTR_OK);
    pack_unsigned(&scratch, 1); /* of another part */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(journal_packed(part, true, &scratch, i == 0 ? &bytes : &again, &length),
                         CTR_OK);
        assert_int_equal(length, once.length);
        assert_memory_equal(i == 0 ? bytes : again, once.bytes, length);
    }
    assert_int_equal(part->packed != NULL, kept);
    assert_true((again == part->packed) == kept);
    packer_done(&once);
    packer_done(&scratch);
}

static void a_small_part_is_packed_once_for_all_files(void **state)
{
    struct journal_part *small = journal_part_new(NULL);
    struct journal_part *large = journal_part_new(NULL);

    (void)state;
    assert_non_null(small);
    assert_non_null(large);
    for (uint64_t i = 0; i < 400000; i++) { /* 14 bytes and more each: over 4 MB */
        struct journal_part *part = i < 100 ? small : large;

        assert_int_equal(journal_reserve(part), CTR_OK);
        add(part, i);
    }
    assert_packed(small, true);
    assert_packed(large, false);
    journal_part_give(small);
    journal_part_give(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_as_they_were_whatever_they_hold),
        cmocka_unit_test(the_newest_is_the_largest_time_and_not_the_last),
        cmocka_unit_test(an_event_takes_some_twenty_bytes_and_its_place_is_said_once),
        cmocka_unit_test(many_places_are_numbered_as_few_are),
        cmocka_unit_test(a_small_part_is_packed_once_for_all_files),
        cmocka_unit_test(every_truncation_and_every_byte_too_many_is_corrupt),
        cmocka_unit_test(what_no_journal_says_is_corrupt),
        cmocka_unit_test(parts_go_on_where_the_one_before_ends_and_never_change_it),
        cmocka_unit_test(chunks_are_used_again_when_their_last_part_is_gone),
        cmocka_unit_test(flipped_bits_never_lead_out_of_bounds),
    };

    return cmocka_run_group_tests_name("storage/journal", tests, NULL, NULL);
}
