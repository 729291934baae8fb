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
    guard.http_1_0 = http_1_0;
    if (method == API_POST && headers[0].name == NULL)
        guard.lengths = 1;
    for (size_t i = 0; i < 3 && headers[i].name != NULL; i++)
        guard_add_header(&guard, text_of(headers[i].name), text_of(headers[i].value));
    return guard_refusal(&guard, method, &kind);
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

/* Judges a head as libmicrohttpd leaves it: `head` has '0' where it wrote a zero. */
static const char *judge_in_place(const char *head)
{
    static char buffer[256];
    struct guard guard = {0};
    struct guard_line line = {0};
    enum problem_kind kind;
    size_t length = strlen(head);
    const char *at = buffer;

    memset(buffer, 'x', sizeof buffer);
    for (size_t i = 0; i < length; i++)
        buffer[i] = head[i] == '0' ? '\0' : head[i];
    line.method = text_of(at);
    for (at += strlen(at) + 1; *at == ' '; at++)
        ;
    line.in_place = at;
    line.target = text_of(at);
    for (at += strlen(at) + 1; *at != 'H'; at++)
        ;
    line.version = at;
    guard_begin(&guard, &line);
    for (at += strlen(at); at < buffer + length;) {
        struct text name, value;

        for (; at < buffer + length && *at == '\0'; at++)
            ;
        if (at == buffer + length)
            break;
        name = text_of(at);
        for (at += name.length + 1; *at == ' '; at++)
            ;
        value = text_of(at);
        at += value.length;
        guard_add_header(&guard, name, value);
    }
    guard.hosts = 1;
    guard_end(&guard);
    return guard_refusal(&guard, API_GET, &kind);
}

static void lines_that_do_not_end_in_crlf_are_refused(void **state)
{
    static const char *const bad[] = {
        "GET0/a0HTTP/1.10Name0 value0000",         /* LF after the request line */
        "GET0/a0HTTP/1.100Name0value0Other0v0000", /* LF after a header */
        "GET0/a0HTTP/1.100Name0value000",          /* LF as the empty line, or before it */
        "GET0 /a0HTTP/1.100Name0value0000",        /* two spaces */
        "GET0/a0xHTTP/1.100Name0value0000",        /* a NUL in the target */
        "GET0/a0HTTP/1.100Name0value00rest0000",   /* what follows a NUL is no header */
    };

    (void)state;
    assert_null(judge_in_place("GET0/a0HTTP/1.100Name0 value0000"));
    assert_null(judge_in_place("GET0/a0HTTP/1.100Name0value00Other0   v0000"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *refusal = judge_in_place(bad[i]);

        if (refusal == NULL)
            print_message("%s\n", bad[i]);
        assert_non_null(refusal);
    }
}

/* 0.9.75 moves what it folds out of its buffer. */
static void folded_headers_are_refused(void **state)
{
    static const char head[] = "GET\0/a\0HTTP/1.1\0\0Name\0value\0\0 more\0\0\0";
    static const char moved[] = "Namemore";
    const struct guard_line line = {text_of(head), text_of(head + 4), head + 7, head + 4};
    struct guard guard = {.hosts = 1};
    enum problem_kind kind;

    (void)state;
    guard_begin(&guard, &line);
    assert_false(guard.bad_line);
    guard_add_header(&guard, text_of(moved), text_of(head + 22));
    guard_end(&guard);
    assert_non_null(guard_refusal(&guard, API_GET, &kind));
}

static const char *judge_target(const char *method, const char *target)
{
    const struct guard_line line = {text_of(method), text_of(target), "HTTP/1.0", NULL};
    struct guard guard = {0};
    enum problem_kind kind;

    guard_begin(&guard, &line);
    return guard_refusal(&guard, API_OTHER, &kind);
}

static void a_target_is_a_path_or_a_url(void **state)
{
    (void)state;
    assert_null(judge_target("GET", "/"));
    assert_null(judge_target("GET", "http://x/a"));
    assert_null(judge_target("GET", "HTTPS://x"));
    assert_null(judge_target("OPTIONS", "*"));
    assert_non_null(judge_target("GET", "*"));
    assert_non_null(judge_target("GET", ""));
    assert_non_null(judge_target("GET", "a"));
    assert_non_null(judge_target("GET", "x:443"));
    assert_non_null(judge_target("GET", "http://"));
    assert_non_null(judge_target("GET", "http:///a"));
    assert_non_null(judge_target("GET", "ftp://x/a"));
    assert_non_null(judge_target("CONNECT", "/a"));
}

static void values_hold_no_control_characters(void **state)
{
    static const struct header bad[][3] = {
        {{"X", "a\rb"}}, {{"X", "a\x01"}}, {{"X", "\x7F"}}, {{"X", "a\nb"}}};
    static const struct header fine[3] = {{"X", "a\tb"}, {"Y", "\xC3\xA9"}, {"Z", ""}};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_non_null(judge(API_GET, false, bad[i]));
    assert_null(judge(API_GET, false, fine));
}

static void a_post_says_how_long_it_is(void **state)
{
    struct guard guard = {.hosts = 1};
    enum problem_kind kind;

    (void)state;
    assert_non_null(guard_refusal(&guard, API_POST, &kind));
    assert_int_equal(kind, PROBLEM_LENGTH);
    guard_add_header(&guard, text_of("Transfer-Encoding"), text_of("chunked"));
    assert_null(guard_refusal(&guard, API_POST, &kind));
    assert_true(guard_closes(&guard));
}

static void too_many_and_too_long_headers_are_431(void **state)
{
    struct guard guard = {.hosts = 1};
    enum problem_kind kind;

    (void)state;
    for (int i = 0; i < GUARD_HEADERS_MAX; i++)
        guard_add_header(&guard, text_of("X"), text_of("y"));
    assert_null(guard_refusal(&guard, API_GET, &kind));
    guard_add_header(&guard, text_of("X"), text_of("y"));
    assert_non_null(guard_refusal(&guard, API_GET, &kind));
    assert_int_equal(kind, PROBLEM_HEADERS);
    guard = (struct guard){.hosts = 1, .header_bytes = GUARD_HEADER_BYTES_MAX - 2};
    guard_add_header(&guard, text_of("X"), text_of("y"));
    assert_null(guard_refusal(&guard, API_GET, &kind));
    guard_add_header(&guard, text_of("X"), text_of(""));
    assert_non_null(guard_refusal(&guard, API_GET, &kind));
    assert_int_equal(kind, PROBLEM_HEADERS);
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
    assert_non_null(guard_refusal(&guard, API_GET, &kind));
    guard.http_1_0 = true;
    assert_null(guard_refusal(&guard, API_GET, &kind));
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
        assert_non_null(guard_refusal(&guard, API_POST, &kind));
        assert_int_equal(kind, PROBLEM_TOO_LARGE);
    }
}

static void a_body_is_kept_to_its_limit_and_read_to_twice_that(void **state)
{
    static char piece[65536];
    struct exchange *exchange = exchange_new("/x?y", 0);

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
        cmocka_unit_test(lines_that_do_not_end_in_crlf_are_refused),
        cmocka_unit_test(folded_headers_are_refused),
        cmocka_unit_test(a_target_is_a_path_or_a_url),
        cmocka_unit_test(values_hold_no_control_characters),
        cmocka_unit_test(a_post_says_how_long_it_is),
        cmocka_unit_test(too_many_and_too_long_headers_are_431),
        cmocka_unit_test(http_1_0_has_no_chunks),
        cmocka_unit_test(http_1_1_needs_a_host),
        cmocka_unit_test(a_body_comes_with_post_only),
        cmocka_unit_test(a_body_far_over_the_limit_is_refused_at_once),
        cmocka_unit_test(a_body_is_kept_to_its_limit_and_read_to_twice_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
