/* SPDX-License-Identifier: Apache-2.0
 *
 * Too much of everything, over real sockets: connections, arguments, headers, requests that wait.
 */
#include "api/http.h"

#include "tests/unit/api_client.h"

static struct fixture fixture;
static struct http_server *server;
static struct client_answer answer;

enum { CONNECTIONS = 32, PER_ADDRESS = 24, WAIT_MS = 100, SLOW_MS = 20, CROWD = 60 };

static void slow_facts(void *owner, struct service_facts *ret_facts)
{
    client_sleep_ms(SLOW_MS);
    fixture_facts(owner, ret_facts);
}

static void begin(uint32_t connections, uint32_t per_address, int64_t wait_ms)
{
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 1,
                                   .connections_max = connections,
                                   .per_address_max = per_address,
                                   .wait_max_ms = wait_ms,
                                   .context = &fixture.context,
                                   .wall_ms = client_wall_ms,
                                   .mono_ms = client_mono_ms,
                                   .mono_us = client_mono_us};
    struct ctr_error error = {0};

    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 200, 20, "/a", NULL);
    fixture_publish(&fixture);
    if (http_server_start(&options, &server, &error) != CTR_OK)
        fail_msg("%s", error.text);
}

static int start(void **state)
{
    (void)state;
    begin(1000, 0, 0);
    return 0;
}

static int start_small(void **state)
{
    (void)state;
    begin(CONNECTIONS, 0, 0);
    return 0;
}

static int start_fair(void **state)
{
    (void)state;
    begin(1000, PER_ADDRESS, 0);
    return 0;
}

static int start_slow(void **state)
{
    (void)state;
    begin(1000, 0, WAIT_MS);
    fixture.context.facts = slow_facts;
    return 0;
}

static int start_patient(void **state)
{
    (void)state;
    begin(1000, 0, 0);
    fixture.context.facts = slow_facts;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server);
    server = NULL;
    fixture_done(&fixture);
    return 0;
}

/* A connection and the status of its first answer, 0: closed. */
static unsigned visit(int *ret_fd)
{
    *ret_fd = client_connect(http_server_port(server));
    assert_true(*ret_fd >= 0);
    (void)client_say(*ret_fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    return client_read(*ret_fd, false, &answer) ? answer.status : 0;
}

static void expect_problem(unsigned status, const char *type)
{
    char expected[96];

    (void)snprintf(expected, sizeof expected, "{\"type\":\"/problems/%s\",", type);
    assert_int_equal(answer.status, status);
    assert_string_equal(client_header(&answer, "Content-Type"), "application/problem+json");
    assert_memory_equal(answer.body, expected, strlen(expected));
}

static void who_comes_when_it_is_full_is_told_or_closed(void **state)
{
    int fds[CONNECTIONS + 4];
    int told = CONNECTIONS - CONNECTIONS / 16;

    (void)state;
    for (int i = 0; i < told; i++)
        assert_int_equal(visit(&fds[i]), 200);
    for (int i = told; i < CONNECTIONS; i++) {
        /* Left open, so that it counts: the answer that closes it is not asked for. */
        fds[i] = client_connect(http_server_port(server));
        assert_true(fds[i] >= 0);
    }
    for (int i = CONNECTIONS; i < CONNECTIONS + 4; i++)
        assert_int_equal(visit(&fds[i]), 0);
    assert_true(client_say(fds[told], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fds[told], false, &answer));
    expect_problem(503, "overloaded");
    assert_string_equal(client_header(&answer, "Retry-After"), "1");
    assert_string_equal(client_header(&answer, "Connection"), "close");
    assert_true(atomic_load(&fixture.counters.turned_away) >= 6);
    for (int i = 0; i < CONNECTIONS + 4; i++)
        (void)close(fds[i]);
    while (atomic_load(&fixture.counters.closed) < CONNECTIONS + 4)
        client_sleep_ms(5);
    assert_int_equal(visit(&fds[0]), 200);
    (void)close(fds[0]);
}

static void idle_connections_make_room_within_moments(void **state)
{
    int fds[CONNECTIONS];
    int64_t began_ms;
    char bytes[256];

    (void)state;
    for (int i = 0; i < CONNECTIONS - 2; i++)
        assert_int_equal(visit(&fds[i]), 200);
    began_ms = client_mono_ms();
    assert_true(client_drain(fds[0], 5000, bytes, sizeof bytes));
    assert_true(client_mono_ms() - began_ms >= 800);
    for (int i = 0; i < CONNECTIONS - 2; i++)
        (void)close(fds[i]);
}

static void an_address_with_too_many_is_told_429(void **state)
{
    int fds[PER_ADDRESS + 1];

    (void)state;
    for (int i = 0; i < PER_ADDRESS; i++)
        assert_int_equal(visit(&fds[i]), 200);
    (void)visit(&fds[PER_ADDRESS]);
    expect_problem(429, "too-many-connections");
    assert_string_equal(client_header(&answer, "Retry-After"), "1");
    assert_string_equal(client_header(&answer, "Connection"), "close");
    (void)close(fds[0]);
    (void)close(fds[PER_ADDRESS]);
    while (atomic_load(&fixture.counters.closed) < 2)
        client_sleep_ms(5);
    assert_int_equal(visit(&fds[0]), 200);
    for (int i = 0; i < PER_ADDRESS; i++)
        (void)close(fds[i]);
}

/* 60 requests of 20 ms each, by one thread: answered in turn, the last would wait 1.2 s. */
static void what_waited_too_long_is_shed(void **state)
{
    int fds[CROWD];
    int answered = 0, shed = 0;
    int64_t began_ms;

    (void)state;
    for (int i = 0; i < CROWD; i++)
        fds[i] = client_connect(http_server_port(server));
    began_ms = client_mono_ms();
    for (int i = 0; i < CROWD; i++)
        assert_true(client_say(fds[i], "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (int i = 0; i < CROWD; i++) {
        assert_true(client_read(fds[i], false, &answer));
        if (answer.status == 200)
            answered++;
        else
            shed++;
        if (answer.status != 200)
            expect_problem(503, "overloaded");
        (void)close(fds[i]);
    }
    assert_true(answered >= 5);
    assert_true(shed >= CROWD / 3);
    assert_int_equal(atomic_load(&fixture.counters.shed), shed);
    assert_true(client_mono_ms() - began_ms < (CROWD - shed + 10) * (SLOW_MS + 10));
}

static void ask_long(const char *before, const char *piece, int times, const char *after)
{
    static char request[65536];
    size_t used = (size_t)snprintf(request, sizeof request, "%s", before);
    int fd = client_connect(http_server_port(server));

    for (int i = 0; i < times; i++)
        used += (size_t)snprintf(request + used, sizeof request - used, "%s", piece);
    (void)snprintf(request + used, sizeof request - used, "%s", after);
    assert_true(client_say(fd, request));
    assert_true(client_read(fd, false, &answer));
    (void)close(fd);
}

#define LINE_END " HTTP/1.1\r\nHost: x\r\n"

static void too_much_in_one_request_is_told(void **state)
{
    (void)state;
    ask_long("GET /v1/ctr?", "a=1&", 500, LINE_END "\r\n");
    expect_problem(400, "invalid-argument");
    ask_long("GET /v1/ctr?", "&", 8000, LINE_END "\r\n");
    expect_problem(400, "invalid-argument");
    ask_long("GET /v1/ctr?page=", "a", 8192 - 17 + 4, LINE_END "\r\n");
    expect_problem(400, "invalid-argument");
    ask_long("GET /v1/ctr?page=", "a", 8192 - 17 + 5 + 1, LINE_END "\r\n");
    expect_problem(414, "target-too-long");
    ask_long("GET /livez" LINE_END, "X: 1\r\n", 99, "\r\n");
    assert_int_equal(answer.status, 200);
    ask_long("GET /livez" LINE_END, "X: 1\r\n", 100, "\r\n");
    expect_problem(431, "headers-too-large");
    ask_long("GET /livez" LINE_END "X: ", "abcd", 3500, "\r\n\r\n");
    expect_problem(431, "headers-too-large");
    ask_long("POST /v1/ctr:batchGet" LINE_END, "", 0, "\r\n");
    expect_problem(411, "length-required");
}

/* The end of each connection comes together with its request, while the thread is busy. */
static void clients_that_have_gone_are_noticed(void **state)
{
    int fds[10];
    int64_t until_ms = client_mono_ms() + 5000;

    (void)state;
    for (int i = 0; i < 10; i++)
        fds[i] = client_connect(http_server_port(server));
    for (int i = 0; i < 10; i++) {
        assert_true(client_say(fds[i], "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_int_equal(shutdown(fds[i], SHUT_WR), 0);
    }
    for (int i = 0; i < 10; i++) {
        assert_true(client_read(fds[i], false, &answer));
        assert_int_equal(answer.status, 200);
    }
    while (atomic_load(&fixture.counters.closed) < 10 && client_mono_ms() < until_ms)
        client_sleep_ms(5);
    assert_int_equal(atomic_load(&fixture.counters.closed), 10);
    for (int i = 0; i < 10; i++)
        (void)close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_comes_when_it_is_full_is_told_or_closed, start_small,
                                        stop),
        cmocka_unit_test_setup_teardown(idle_connections_make_room_within_moments, start_small,
                                        stop),
        cmocka_unit_test_setup_teardown(an_address_with_too_many_is_told_429, start_fair, stop),
        cmocka_unit_test_setup_teardown(what_waited_too_long_is_shed, start_slow, stop),
        cmocka_unit_test_setup_teardown(too_much_in_one_request_is_told, start, stop),
        cmocka_unit_test_setup_teardown(clients_that_have_gone_are_noticed, start_patient, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
