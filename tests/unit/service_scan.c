/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "service/bytes.h"
#include "service/scan.h"

enum { LENGTH_MAX = 300 };

static bool is_stop(unsigned char byte)
{
    return byte == '"' || byte == '\\' || byte < 0x20;
}

static bool bit(const uint64_t *words, size_t i)
{
    return (words[i / SCAN_BLOCK] >> (i % SCAN_BLOCK) & 1) != 0;
}

/* The scan against a look at each byte. The bytes are a block of their own on the heap, and the
 * words are full of what must not stay there. */
static void check(enum scan_kind kind, const unsigned char *bytes, size_t length)
{
    uint64_t stops[SCAN_WORDS(LENGTH_MAX)], highs[SCAN_WORDS(LENGTH_MAX)];
    struct marks marks = {.stops = stops, .highs = highs, .any_high = true, .any_delete = true};
    char *copy = malloc(length == 0 ? 1 : length);
    bool high = false, deleted = false;

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    memset(stops, 0xff, sizeof stops);
    memset(highs, 0xff, sizeof highs);
    scan_of(kind)(copy, length, &marks);
    for (size_t i = 0; i < SCAN_WORDS(length) * SCAN_BLOCK; i++) {
        unsigned char byte = i < length ? bytes[i] : ' ';

        if (bit(stops, i) != is_stop(byte) || bit(highs, i) != (byte >= 0x80))
            fail_msg("%s: byte %zu of %zu, %02x", scan_name(kind), i, length, (unsigned)byte);
        high = high || byte >= 0x80;
        deleted = deleted || byte == 0x7f;
    }
    assert_int_equal(marks.any_high, high);
    assert_int_equal(marks.any_delete, deleted);
    free(copy);
}

static void every_byte_is_marked_as_what_it_is(void **state)
{
    unsigned char bytes[LENGTH_MAX];

    (void)state;
    for (enum scan_kind kind = 0; kind < SCAN_KINDS; kind++) {
        for (unsigned byte = 0; scan_of(kind) != NULL && byte < 256; byte++) {
            /* beside bytes of which a carry could make something else, at each place of a word */
            for (size_t at = 0; at < 20; at++) {
                memset(bytes, byte % 2 == 0 ? 0x7f : 0xff, 100);
                bytes[at] = bytes[64 + at] = (unsigned char)byte;
                check(kind, bytes, 100);
            }
        }
    }
}

static void every_length_is_marked_to_its_end(void **state)
{
    unsigned char bytes[LENGTH_MAX];

    (void)state;
    for (enum scan_kind kind = 0; kind < SCAN_KINDS; kind++) {
        for (size_t length = 0; scan_of(kind) != NULL && length <= LENGTH_MAX; length++) {
            for (size_t i = 0; i < length; i++)
                bytes[i] = (unsigned char)(i * 37 + length);
            check(kind, bytes, length);
            memset(bytes, 'x', length);
            check(kind, bytes, length);
            for (size_t i = 0; length > 0 && i < 2; i++) {
                bytes[length - 1] = i == 0 ? 0x7f : 0x80; /* where only the last look sees it */
                check(kind, bytes, length);
            }
        }
    }
}

static void there_is_always_a_best_one(void **state)
{
    (void)state;
    assert_non_null(scan_of(SCAN_PORTABLE));
    assert_non_null(scan_best());
    for (enum scan_kind kind = 0; kind < SCAN_KINDS; kind++) {
        if (scan_of(kind) != NULL && scan_of(kind) == scan_best())
            return;
    }
    fail_msg("the best one is none of them");
}

static void the_head_of_a_text_is_its_first_eight_bytes(void **state)
{
    static const char text[] = "abcdefghij";

    (void)state;
    for (size_t length = 0; length < sizeof text; length++) {
        char *copy = malloc(length == 0 ? 1 : length);
        uint64_t wanted = 0;

        assert_non_null(copy);
        memcpy(copy, text, length);
        for (size_t i = 0; i < length && i < BYTES_TOGETHER; i++)
            wanted |= (uint64_t)(unsigned char)text[i] << (8 * i);
        assert_true(bytes_head(copy, length) == wanted);
        free(copy);
    }
    assert_true(bytes_head("\xff\xfe\xfd", 3) == 0xfdfeff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_marked_as_what_it_is),
        cmocka_unit_test(every_length_is_marked_to_its_end),
        cmocka_unit_test(there_is_always_a_best_one),
        cmocka_unit_test(the_head_of_a_text_is_its_first_eight_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
