/* SPDX-License-Identifier: Apache-2.0 */
#include "api/coding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "api/router.h"
#include "tests/support/test.h"

static struct api_response response_of(size_t length)
{
    struct api_response response = {
        .status = 200, .body = malloc(length), .body_length = length, .etag = "\"1.2.3.4\""};

    assert_non_null(response.body);
    for (size_t i = 0; i < length; i++)
        response.body[i] = "{\"page\":1234}"[i % 13];
    return response;
}

static void large_bodies_are_compressed_for_those_who_ask(void **state)
{
    enum { LENGTH = 1 << 20 };
    const struct api_request request = {.accept_encoding = "br, gzip"};
    struct api_response plain = response_of(LENGTH);
    struct api_response coded = response_of(LENGTH);
    char *again = malloc(LENGTH);
    char tag[API_ETAG_BYTES];
    z_stream stream = {.avail_out = LENGTH, .next_out = (Bytef *)again};

    (void)state;
    assert_non_null(again);
    coding_apply(&request, &coded);
    assert_string_equal(coded.encoding, "gzip");
    assert_string_equal(coded.vary, "Accept-Encoding");
    (void)snprintf(tag, sizeof tag, "\"1.2.3.%zx-gzip\"", coded.body_length);
    assert_string_equal(coded.etag, tag);
    assert_true(coded.body_length < LENGTH / 10);
    stream.next_in = (Bytef *)coded.body;
    stream.avail_in = (uInt)coded.body_length;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, LENGTH);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(again, plain.body, LENGTH);
    (void)inflateEnd(&stream);
    free(again);
    api_response_done(&plain);
    api_response_done(&coded);
}

static void expect_plain(struct api_response response, const char *accept_encoding)
{
    const struct api_request request = {.accept_encoding = accept_encoding};
    size_t length = response.body_length;

    coding_apply(&request, &response);
    assert_null(response.encoding);
    assert_string_equal(response.etag, "\"1.2.3.4\"");
    assert_int_equal(response.body_length, length);
    api_response_done(&response);
}

static void all_else_stays_as_it_is(void **state)
{
    struct api_response noise = response_of(4096);
    struct api_response problem = response_of(4096);
    uint64_t dice = 1;

    (void)state;
    expect_plain(response_of(4096), NULL);
    expect_plain(response_of(4096), "gzip;q=0");
    expect_plain(response_of(CODING_BYTES_MIN - 1), "gzip");
    for (size_t i = 0; i < noise.body_length; i++) {
        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407U;
        noise.body[i] = (char)(dice >> 56);
    }
    expect_plain(noise, "gzip"); /* it would not be smaller */
    problem.status = 400;
    expect_plain(problem, "gzip");
    expect_plain(
        (struct api_response){
            .status = 200, .body_static = "ok\n", .body_length = 3, .etag = "\"1.2.3.4\""},
        "gzip");
}

static void the_smallest_that_is_compressed_is_the_bound(void **state)
{
    const struct api_request request = {.accept_encoding = "gzip"};
    struct api_response response = response_of(CODING_BYTES_MIN);

    (void)state;
    coding_apply(&request, &response);
    assert_string_equal(response.encoding, "gzip");
    api_response_done(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_bodies_are_compressed_for_those_who_ask),
        cmocka_unit_test(all_else_stays_as_it_is),
        cmocka_unit_test(the_smallest_that_is_compressed_is_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
