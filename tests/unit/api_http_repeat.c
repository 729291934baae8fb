/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are given once more: the same as if they were made anew, over real sockets. How
 * often the store was taken tells which of the two it was: an answer takes it once, looking whether
 * a kept one holds takes it once more.
 */
#include "api/http.h"

#include "api/tokens.h"
#include "tests/unit/api_client.h"

enum { MADE = 1, LOOKED_AND_MADE = 2, REPEATED = 1 };

#define ASK "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n"

static struct fixture fixture;
static struct http_server *server;
static struct client_answer answer;
static int connection;
static _Atomic unsigned taken;
static _Atomic unsigned step_at; /* the take in which counts change */
static _Atomic int64_t wall_ms;

static int64_t read_wall(void)
{
    return wall_ms;
}

static struct store *take(void *owner)
{
    if (++taken == step_at) {
        fixture_events(&fixture, 1000, 0, "/a", NULL);
        fixture_publish(&fixture);
    }
    return ((struct fixture *)owner)->store;
}

static int start(void **state)
{
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 1,
                                   .connections_max = 100,
                                   .context = &fixture.context,
                                   .wall_ms = read_wall,
                                   .mono_ms = client_mono_ms,
                                   .mono_us = client_mono_us};
    struct ctr_error error = {0};

    (void)state;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 200, 20, "/a", NULL);
    fixture_publish(&fixture);
    fixture.context.take = take;
    fixture.context.desk_owner = &fixture;
    wall_ms = FIXTURE_TS + 5000;
    step_at = 0;
    if (http_server_start(&options, &server, &error) != CTR_OK)
        fail_msg("%s", error.text);
    connection = client_connect(http_server_port(server));
    assert_true(connection >= 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    (void)close(connection);
    http_server_stop(server);
    tokens_free(fixture.context.tokens);
    fixture_done(&fixture);
    return 0;
}

/* Asks, and says how often the store was taken for it. A 304 tells a length and has no body. */
static unsigned ask(const char *request)
{
    bool headed = strncmp(request, "HEAD", 4) == 0 || strstr(request, "If-None-Match: *") != NULL;

    taken = 0;
    assert_true(client_say(connection, request));
    assert_true(client_read(connection, headed, &answer));
    return taken;
}

static void warm(void)
{
    assert_int_equal(ask(ASK "\r\n"), MADE);
    assert_int_equal(ask(ASK "\r\n"), LOOKED_AND_MADE);
}

static void what_is_repeated_is_what_was_made_under_a_name_of_its_own(void **state)
{
    static struct client_answer made;
    char id[256];

    (void)state;
    assert_int_equal(ask(ASK "\r\n"), MADE);
    made = answer;
    assert_int_equal(ask(ASK "\r\n"), LOOKED_AND_MADE);
    (void)snprintf(id, sizeof id, "%s", client_header(&answer, "X-Request-Id"));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(ASK "\r\n"), REPEATED);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.body_length, made.body_length);
        assert_memory_equal(answer.body, strstr(made.bytes, "\r\n\r\n") + 4, made.body_length);
        assert_int_equal(answer.head_length, made.head_length);
        assert_string_not_equal(client_header(&answer, "X-Request-Id"), id);
        (void)snprintf(id, sizeof id, "%s", client_header(&answer, "X-Request-Id"));
        assert_int_equal(strlen(id), 32);
    }
    ask(ASK "X-Request-Id: mine\r\n\r\n");
    assert_string_equal(client_header(&answer, "X-Request-Id"), "mine");
    ask(ASK "\r\n");
    assert_int_equal(strlen(client_header(&answer, "X-Request-Id")), 32);
    assert_int_equal(atomic_load(&fixture.counters.routes[0].responses[HTTP_STATUS_200]), 9);
    assert_int_equal(atomic_load(&fixture.counters.response_bytes), 9 * made.body_length);
}

static void many_at_once_each_get_their_own_name(void **state)
{
    enum { CLIENTS = 20, ROUNDS = 10 };
    int fds[CLIENTS];
    char text[1024];

    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(http_server_port(server));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            (void)snprintf(text, sizeof text,
                           ASK "X-Request-Id: a%d.%d\r\n\r\n" ASK "X-Request-Id: b%d.%d\r\n\r\n", i,
                           round, i, round);
            assert_true(client_say(fds[i], text));
        }
        for (int i = 0; i < CLIENTS; i++) {
            for (int half = 0; half < 2; half++) {
                assert_true(client_read(fds[i], false, &answer));
                (void)snprintf(text, sizeof text, "%s%d.%d", half == 0 ? "a" : "b", i, round);
                assert_string_equal(client_header(&answer, "X-Request-Id"), text);
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
}

static void a_step_or_the_next_millisecond_ends_it(void **state)
{
    (void)state;
    warm();
    fixture_events(&fixture, 1000, 0, "/a", NULL);
    fixture_publish(&fixture);
    assert_int_equal(ask(ASK "\r\n"), LOOKED_AND_MADE);
    assert_non_null(strstr(answer.body, "\"impressions\":1200,"));
    assert_int_equal(ask(ASK "\r\n"), REPEATED);
    assert_non_null(strstr(answer.body, "\"impressions\":1200,"));
    wall_ms++;
    warm();
    assert_int_equal(ask(ASK "\r\n"), REPEATED);
    wall_ms--; /* no millisecond is another one, whichever comes first */
    warm();
}

/* The step comes between the look at the picture and the answer: that has the new numbers, and is
 * not found under either picture. */
static void a_step_before_the_answer_keeps_nothing_that_is_found(void **state)
{
    (void)state;
    (void)ask(ASK "\r\n");
    wall_ms++;
    assert_int_equal(ask(ASK "\r\n"), MADE);
    step_at = 2;
    assert_int_equal(ask(ASK "\r\n"), LOOKED_AND_MADE);
    step_at = 0;
    assert_non_null(strstr(answer.body, "\"impressions\":1200,"));
    assert_int_equal(ask(ASK "\r\n"), LOOKED_AND_MADE);
    assert_int_equal(ask(ASK "\r\n"), REPEATED);
    assert_non_null(strstr(answer.body, "\"impressions\":1200,"));
}

static void targets_do_not_mix(void **state)
{
    char text[256];
    char page[32];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            (void)snprintf(text, sizeof text, "GET /v1/ctr?page=p%d HTTP/1.1\r\nHost: x\r\n\r\n",
                           i);
            (void)snprintf(page, sizeof page, "{\"page\":\"p%d\",", i);
            (void)ask(text);
            assert_memory_equal(answer.body, page, strlen(page));
        }
    }
}

static void what_hangs_on_more_is_made_each_time(void **state)
{
    static const char *const requests[] = {
        "HEAD /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n",
        ASK "If-None-Match: \"x\"\r\n\r\n",
        ASK "Origin: https://a.example\r\n\r\n",
        ASK "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
        ASK "If-None-Match: \"x\"\r\nIf-None-Match: *\r\n\r\n",
        "GET /v1/top?level=page HTTP/1.1\r\nHost: x\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        warm();
        for (int round = 0; round < 3; round++)
            assert_int_equal(ask(requests[i]), MADE);
        wall_ms++;
    }
    warm();
    assert_int_equal(ask(ASK "If-None-Match: *\r\n\r\n"), MADE);
    assert_int_equal(answer.status, 304);
    assert_int_equal(ask(ASK "Accept: text/html\r\n\r\n"), 0);
    assert_int_equal(answer.status, 406);
    for (int round = 0; round < 3; round++) {
        assert_true(ask("GET /v1/ctr?page=/a&window=2m HTTP/1.1\r\nHost: x\r\n\r\n") >= MADE);
        assert_int_equal(answer.status, 400);
    }
}

static void tokens_are_looked_at_each_time(void **state)
{
    (void)state;
    warm();
    assert_int_equal(ask(ASK "\r\n"), REPEATED);
    fixture.context.tokens = tokens_new();
    assert_int_equal(ask(ASK "\r\n"), 0);
    assert_int_equal(answer.status, 401);
}

static void one_that_closes_closes_only_its_own(void **state)
{
    int other = client_connect(http_server_port(server));
    char rest[64];

    (void)state;
    warm();
    assert_int_equal(ask(ASK "Connection: close\r\n\r\n"), REPEATED);
    assert_string_equal(client_header(&answer, "Connection"), "close");
    assert_true(client_drain(connection, 5000, rest, sizeof rest));
    (void)close(connection);
    connection = other;
    assert_int_equal(ask(ASK "\r\n"), REPEATED);
    assert_null(client_header(&answer, "Connection"));
    http_server_drain(server);
    assert_int_equal(ask(ASK "\r\n"), MADE);
    assert_string_equal(client_header(&answer, "Connection"), "close");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(what_is_repeated_is_what_was_made_under_a_name_of_its_own),
        TEST(many_at_once_each_get_their_own_name),
        TEST(a_step_or_the_next_millisecond_ends_it),
        TEST(a_step_before_the_answer_keeps_nothing_that_is_found),
        TEST(targets_do_not_mix),
        TEST(what_hangs_on_more_is_made_each_time),
        TEST(tokens_are_looked_at_each_time),
        TEST(one_that_closes_closes_only_its_own),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
