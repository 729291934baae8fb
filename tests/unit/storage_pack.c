/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pack.h"

#include "tests/support/test.h"

#include <string.h>

static const uint64_t unsigneds[] = {
    0, 1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)INT64_MAX, UINT64_C(1) << 63, UINT64_MAX};
static const int64_t signeds[] = {
    0, -1, 1, 63, -64, 64, -65, INT32_MIN, INT32_MAX, INT64_MIN + 1, INT64_MIN, INT64_MAX};

enum {
    UNSIGNEDS = sizeof unsigneds / sizeof unsigneds[0],
    SIGNEDS = sizeof signeds / sizeof signeds[0]
};

static struct packer pack_all(void)
{
    struct packer packer = {0};

    for (size_t i = 0; i < UNSIGNEDS; i++) {
        pack_unsigned(&packer, unsigneds[i]);
    }
    for (size_t i = 0; i < SIGNEDS; i++) {
        pack_signed(&packer, signeds[i]);
    }
    pack_bytes(&packer, "", 0);
    pack_bytes(&packer, "a\0b", 3);
    return packer;
}

static void what_was_packed_is_unpacked(void **state)
{
    struct packer packer = pack_all();
    struct unpacker unpacker = {.at = packer.bytes, .end = packer.bytes + packer.length};
    const char *bytes = NULL;
    size_t length = 9;

    (void)state;
    assert_false(packer.failed);
    for (size_t i = 0; i < UNSIGNEDS; i++) {
        assert_true(unpack_unsigned(&unpacker) == unsigneds[i]);
    }
    for (size_t i = 0; i < SIGNEDS; i++) {
        assert_true(unpack_signed(&unpacker) == signeds[i]);
    }
    assert_non_null(unpack_bytes(&unpacker, 0, &length));
    assert_int_equal(length, 0);
    bytes = unpack_bytes(&unpacker, 3, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 3);
    assert_false(unpacker.failed);
    assert_ptr_equal(unpacker.at, unpacker.end);
    packer_done(&packer);
    assert_null(packer.bytes);
}

static void the_encoding_is_leb128_with_zigzag(void **state)
{
    static const unsigned char wanted[] = {0xac, 0x02, 0x03, 0x00, 0x02, 'h', 'i'};
    struct packer packer = {0};

    (void)state;
    pack_unsigned(&packer, 300);
    pack_signed(&packer, -2);
    pack_signed(&packer, 0);
    pack_bytes(&packer, "hi", 2);
    assert_int_equal(packer.length, sizeof wanted);
    assert_memory_equal(packer.bytes, wanted, sizeof wanted);
    packer_done(&packer);
}

/* At any length: what is given was packed, until it fails and stays failed with zeros. */
static void cut_off_bytes_fail_and_stay_failed(void **state)
{
    struct packer packer = pack_all();

    (void)state;
    for (size_t cut = 0; cut < packer.length; cut++) {
        struct unpacker unpacker = {.at = packer.bytes, .end = packer.bytes + cut};
        size_t length = 9;

        for (size_t i = 0; i < UNSIGNEDS; i++) {
            uint64_t value = unpack_unsigned(&unpacker);

            assert_true(unpacker.failed ? value == 0 : value == unsigneds[i]);
        }
        for (size_t i = 0; i < SIGNEDS; i++) {
            int64_t value = unpack_signed(&unpacker);

            assert_true(unpacker.failed ? value == 0 : value == signeds[i]);
        }
        (void)unpack_bytes(&unpacker, 10, &length);
        assert_null(unpack_bytes(&unpacker, 10, &length));
        assert_int_equal(length, 0);
        assert_true(unpacker.failed);
    }
    packer_done(&packer);
}

static void bytes_longer_than_allowed_fail(void **state)
{
    struct packer packer = {0};
    struct unpacker unpacker;
    size_t length = 9;

    (void)state;
    pack_bytes(&packer, "abcd", 4);
    unpacker = (struct unpacker){.at = packer.bytes, .end = packer.bytes + packer.length};
    assert_null(unpack_bytes(&unpacker, 3, &length));
    assert_true(unpacker.failed);
    assert_int_equal(length, 0);
    packer_done(&packer);
}

static void an_integer_without_end_fails(void **state)
{
    unsigned char bytes[16];
    struct unpacker unpacker = {.at = bytes, .end = bytes + sizeof bytes};

    (void)state;
    memset(bytes, 0x80, sizeof bytes);
    assert_true(unpack_unsigned(&unpacker) == 0);
    assert_true(unpacker.failed);
}

static void a_failed_packer_takes_nothing_more(void **state)
{
    struct packer packer = {.failed = true};

    (void)state;
    pack_unsigned(&packer, 1);
    pack_bytes(&packer, "abc", 3);
    assert_int_equal(packer.length, 0);
    assert_null(packer.bytes);
}

static void a_packer_grows(void **state)
{
    struct packer packer = {0};
    struct unpacker unpacker;

    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        pack_unsigned(&packer, i * i * i);
    }
    unpacker = (struct unpacker){.at = packer.bytes, .end = packer.bytes + packer.length};
    for (uint64_t i = 0; i < 100000; i++) {
        assert_true(unpack_unsigned(&unpacker) == i * i * i);
    }
    packer_done(&packer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_unpacked),
        cmocka_unit_test(the_encoding_is_leb128_with_zigzag),
        cmocka_unit_test(cut_off_bytes_fail_and_stay_failed),
        cmocka_unit_test(bytes_longer_than_allowed_fail),
        cmocka_unit_test(an_integer_without_end_fails),
        cmocka_unit_test(a_failed_packer_takes_nothing_more),
        cmocka_unit_test(a_packer_grows),
    };

    return cmocka_run_group_tests_name("storage/pack", tests, NULL, NULL);
}
