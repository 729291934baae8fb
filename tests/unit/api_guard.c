/* SPDX-License-Identifier: Apache-2.0 */
#include "api/guard.h"

#include <string.h>

#include "api/exchange.h"
#include "api/text.h"
#include "tests/support/test.h"

struct header {
    const char *name, *value;
};

/* The refusal of a request with Host: x and up to three more headers, NULL when there is none. */
static const char *judge(enum api_method method, bool http_1_0, const struct header *headers)
{
    struct guard guard = {0};
    enum problem_kind kind;

    guard.hosts = 1;
    for (size_t i = 0; i < 3 && headers[i].name != NULL; i++)
        guard_add_header(&guard, text_of(headers[i].name), text_of(headers[i].value));
    return guard_refusal(&guard, method, http_1_0, &kind);
}

static void plain_requests_pass(void **state)
{
    static const struct header get[3] = {{"Accept", "*/*"}};
    static const struct header post[3] = {{"content-length", "2097152"}};
    static const struct header chunked[3] = {{"Transfer-Encoding", "Chunked"}};
    static const struct header empty[3] = {{"Content-Length", "0"}};

    (void)state;
    assert_null(judge(API_GET, false, get));
    assert_null(judge(API_GET, true, get));
    assert_null(judge(API_POST, false, post));
    assert_null(judge(API_POST, false, chunked));
    assert_null(judge(API_GET, false, empty));
    assert_null(judge(API_OTHER, false, get));
}

static void doubtful_framing_is_refused(void **state)
{
    static const struct {
        struct header headers[3];
        const char *words;
    } cases[] = {
        {{{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}, "together"},
        {{{"Content-Length", "1"}, {"Content-Length", "2"}}, "Content-Length must be given once"},
        {{{"Content-Length", "1"}, {"content-length", "1"}}, "Content-Length must be given once"},
        {{{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}, "Encoding must be"},
        {{{"HOST", "a"}}, "Host must be given once"},
        {{{"Transfer-Encoding", "gzip, chunked"}}, "only Transfer-Encoding"},
        {{{"Transfer-Encoding", "identity"}}, "only Transfer-Encoding"},
        {{{"Transfer-Encoding", ""}}, "only Transfer-Encoding"},
        {{{"Content-Length", "+1"}}, "digits only"},
        {{{"Content-Length", "-1"}}, "digits only"},
        {{{"Content-Length", "1, 1"}}, "digits only"},
        {{{"Content-Length", ""}}, "digits only"},
        {{{"Content-Length ", "1"}}, "header's name"},
        {{{"X\tY", "1"}}, "header's name"},
        {{{"X\x01", "1"}}, "header's name"},
        {{{"X(Y)", "1"}}, "header's name"},
        {{{"", "1"}}, "header's name"},
        {{{"X\xC3\xA9", "1"}}, "header's name"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *refusal = judge(API_POST, false, cases[i].headers);

        assert_non_null(refusal);
        assert_non_null(strstr(refusal, cases[i].words));
    }
}

static void http_1_0_has_no_chunks(void **state)
{
    static const struct header chunked[3] = {{"Transfer-Encoding", "chunked"}};

    (void)state;
    assert_null(judge(API_POST, false, chunked));
    assert_non_null(judge(API_POST, true, chunked));
}

static void http_1_1_needs_a_host(void **state)
{
    struct guard guard = {0};
    enum problem_kind kind;

    (void)state;
    assert_null(guard_refusal(&guard, API_GET, true, &kind));
    assert_non_null(guard_refusal(&guard, API_GET, false, &kind));
}

static void a_body_comes_with_post_only(void **state)
{
    static const struct header sized[3] = {{"Content-Length", "1"}};
    static const struct header chunked[3] = {{"Transfer-Encoding", "chunked"}};

    (void)state;
    assert_non_null(judge(API_GET, false, sized));
    assert_non_null(judge(API_HEAD, false, sized));
    assert_non_null(judge(API_OTHER, false, chunked));
}

static void a_body_far_over_the_limit_is_refused_at_once(void **state)
{
    static const char *const lengths[] = {"2097153", "18446744073709551616",
                                          "99999999999999999999999999999999"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct guard guard = {.hosts = 1};
        enum problem_kind kind;

        guard_add_header(&guard, text_of("Content-Length"), text_of(lengths[i]));
        assert_non_null(guard_refusal(&guard, API_POST, false, &kind));
        assert_int_equal(kind, PROBLEM_TOO_LARGE);
    }
}

static void a_body_is_kept_to_its_limit_and_read_to_twice_that(void **state)
{
    static char piece[65536];
    struct exchange *exchange = exchange_new("/x?y");

    (void)state;
    assert_non_null(exchange);
    assert_string_equal(exchange->target, "/x?y");
    memset(piece, 'p', sizeof piece);
    for (int i = 0; i < 16; i++)
        assert_int_equal(exchange_take(exchange, piece, sizeof piece), CTR_OK);
    assert_int_equal(exchange->length, 1048576);
    assert_false(exchange->overflown);
    assert_int_equal(exchange->body[1048575], 'p');
    assert_int_equal(exchange_take(exchange, piece, 1), CTR_OK);
    assert_true(exchange->overflown);
    for (int i = 0; i < 15; i++)
        assert_int_equal(exchange_take(exchange, piece, sizeof piece), CTR_OK);
    assert_int_equal(exchange_take(exchange, piece, sizeof piece), CTR_LIMIT);
    exchange_free(exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_pass),
        cmocka_unit_test(doubtful_framing_is_refused),
        cmocka_unit_test(http_1_0_has_no_chunks),
        cmocka_unit_test(http_1_1_needs_a_host),
        cmocka_unit_test(a_body_comes_with_post_only),
        cmocka_unit_test(a_body_far_over_the_limit_is_refused_at_once),
        cmocka_unit_test(a_body_is_kept_to_its_limit_and_read_to_twice_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
