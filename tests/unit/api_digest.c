/* SPDX-License-Identifier: Apache-2.0 */
#include "api/digest.h"

#include <string.h>

#include "tests/support/test.h"

static void it_is_sha_256(void **state)
{
    char digits[DIGEST_HEX + 1];
    struct digest digest;

    (void)state;
    assert_true(digest_of("abc", 3, &digest)); /* FIPS 180-4's own example */
    digest_format(&digest, digits);
    assert_string_equal(digits, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(digest_of("", 0, &digest));
    digest_format(&digest, digits);
    assert_string_equal(digits, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void digits_are_read_in_either_case_and_nothing_else_is(void **state)
{
    static const char digits[] = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char copy[sizeof digits];
    struct digest digest;
    struct digest other;

    (void)state;
    assert_true(digest_parse(digits, DIGEST_HEX, &digest));
    assert_true(digest_of("abc", 3, &other));
    assert_true(digest_equals(&digest, &other));
    assert_false(digest_parse(digits, DIGEST_HEX - 1, &digest));
    for (size_t at = 0; at < DIGEST_HEX; at++) {
        memcpy(copy, digits, sizeof digits);
        copy[at] = "g/:@`G"[at % 6];
        assert_false(digest_parse(copy, DIGEST_HEX, &digest));
    }
}

static void one_bit_anywhere_makes_another(void **state)
{
    struct digest digest;
    struct digest other;

    (void)state;
    assert_true(digest_of("abc", 3, &digest));
    for (size_t bit = 0; bit < 8 * (size_t)DIGEST_BYTES; bit++) {
        other = digest;
        other.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_false(digest_equals(&digest, &other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_sha_256),
        cmocka_unit_test(digits_are_read_in_either_case_and_nothing_else_is),
        cmocka_unit_test(one_bit_anywhere_makes_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
