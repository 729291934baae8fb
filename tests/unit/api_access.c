/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of a request over real sockets, and the record of it.
 */
#include "api/access.h"

#include <pthread.h>

#include "tests/unit/api_client.h"

enum { RECORDS_MAX = 64 };

/* What the callback was given, by the server's threads. */
struct kept {
    struct access access;
    char target[256], agent[256];
    int64_t duration_us;
    bool admin, whole, local;
};

static struct fixture fixture;
static struct http_server *server;
static struct client_answer answer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept records[RECORDS_MAX];
static size_t records_count;

static void keep(void *owner, const struct access_record *record)
{
    (void)pthread_mutex_lock(&lock);
    if (owner == &fixture) {
        struct kept *kept = &records[records_count++ % RECORDS_MAX];
        const struct sockaddr_in *client = (const void *)record->client;

        *kept = (struct kept){.access = *record->access,
                              .duration_us = record->duration_us,
                              .admin = record->admin,
                              .whole = record->whole,
                              .local = client->sin_addr.s_addr == htonl(INADDR_LOOPBACK)};
        (void)snprintf(kept->target, sizeof kept->target, "%s", record->target);
        (void)snprintf(kept->agent, sizeof kept->agent, "%s",
                       record->agent == NULL ? "none" : record->agent);
    }
    (void)pthread_mutex_unlock(&lock);
}

/* The record number `index`, once it is there: it is given after the answer was sent. */
static struct kept record_at(size_t index)
{
    struct kept kept = {.whole = false};
    bool found = false;

    for (int i = 0; i < 5000 && !found; i++) {
        (void)pthread_mutex_lock(&lock);
        found = records_count > index;
        kept = records[index];
        (void)pthread_mutex_unlock(&lock);
        if (!found)
            client_sleep_ms(1);
    }
    assert_true(found);
    return kept;
}

static int start(void **state)
{
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 1,
                                   .connections_max = 16,
                                   .context = &fixture.context,
                                   .wall_ms = client_wall_ms,
                                   .mono_ms = client_mono_ms,
                                   .mono_us = client_mono_us,
                                   .log = keep,
                                   .log_owner = &fixture,
                                   .limits_ms = {[DEADLINE_ANSWER] = 300}};
    struct ctr_error error = {0};

    (void)state;
    records_count = 0;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 5, 1, "/a", NULL);
    fixture_publish(&fixture);
    assert_int_equal(http_server_start(&options, &server, &error), CTR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server);
    fixture_done(&fixture);
    return 0;
}

static void ask(int fd, const char *request)
{
    assert_true(client_say(fd, request));
    assert_true(client_read(fd, strncmp(request, "HEAD", 4) == 0, &answer));
}

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void a_name_that_is_well_formed_comes_back(void **state)
{
    int fd = client_connect(http_server_port(server));

    (void)state;
    ask(fd, "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\nX-Request-Id: Root=1-67:a/b+c@d~e_f.g\r\n"
            "traceparent: " TRACE "\r\nUser-Agent: probe/1\r\n\r\n");
    assert_int_equal(answer.status, 200);
    assert_string_equal(client_header(&answer, "X-Request-Id"), "Root=1-67:a/b+c@d~e_f.g");
    assert_string_equal(client_header(&answer, "traceparent"), TRACE);
    ask(fd, "GET /nowhere HTTP/1.1\r\nHost: x\r\nx-request-id: b\r\n\r\n");
    assert_int_equal(answer.status, 404);
    assert_string_equal(client_header(&answer, "X-Request-Id"), "b");
    assert_null(client_header(&answer, "traceparent"));
    /* A refusal in the first call, too. */
    ask(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: c\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 400);
    assert_string_equal(client_header(&answer, "X-Request-Id"), "c");
    (void)close(fd);
}

static void any_other_name_is_replaced_by_one_of_ours(void **state)
{
    static const char *const odd[] = {
        "",
        "X-Request-Id: \r\n",
        "X-Request-Id: a b\r\n",
        "X-Request-Id: a\"b\r\n",
        "X-Request-Id: a,b\r\n",
        "X-Request-Id: \xC3\xA9\r\n",
        "X-Request-Id: 12345678901234567890123456789012345678901234567890123456789012345\r\n"};
    char seen[sizeof odd / sizeof odd[0]][64];
    int fd = client_connect(http_server_port(server));

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char request[256];
        const char *id;

        (void)snprintf(request, sizeof request, "GET /livez HTTP/1.1\r\nHost: x\r\n%s\r\n", odd[i]);
        ask(fd, request);
        id = client_header(&answer, "X-Request-Id");
        assert_non_null(id);
        assert_int_equal(strlen(id), 32);
        assert_int_equal(strspn(id, "0123456789abcdef"), 32);
        (void)snprintf(seen[i], sizeof seen[i], "%.63s", id);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[k], seen[i]);
    }
    (void)close(fd);
}

static void a_record_says_what_was_asked_and_answered(void **state)
{
    int fd = client_connect(http_server_port(server));
    struct kept kept;

    (void)state;
    ask(fd,
        "GET /v1/ctr?page=%2Fa HTTP/1.1\r\nHost: x\r\nX-Request-Id: first\r\ntraceparent: " TRACE
        "\r\nUser-Agent: probe/1\r\n\r\n");
    kept = record_at(0);
    assert_string_equal(kept.access.method, "GET");
    assert_string_equal(kept.access.request_id, "first");
    assert_string_equal(kept.access.traceparent, TRACE);
    assert_string_equal(kept.target, "/v1/ctr?page=%2Fa");
    assert_string_equal(kept.agent, "probe/1");
    assert_int_equal(kept.access.status, 200);
    assert_string_equal(api_route_name(kept.access.route), "/v1/ctr");
    assert_int_equal(kept.access.bytes, answer.body_length);
    assert_true(kept.whole && kept.local && !kept.admin);
    assert_true(kept.access.handled_us >= 0 && kept.duration_us >= kept.access.handled_us);
    ask(fd, "HEAD /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n");
    kept = record_at(1);
    assert_string_equal(kept.access.method, "HEAD");
    assert_int_equal(kept.access.bytes, 0);
    assert_string_equal(kept.agent, "none");
    assert_string_equal(kept.access.traceparent, "");
    ask(fd, "PROPFINDABCDEFGHIJ /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    kept = record_at(2);
    assert_string_equal(kept.access.method, "PROPFINDABCDEFG");
    assert_int_equal(kept.access.status, 404);
    assert_string_equal(api_route_name(kept.access.route), "other");
    ask(fd, "GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n");
    kept = record_at(3);
    assert_int_equal(kept.access.status, 400);
    assert_string_equal(api_route_name(kept.access.route), "refused");
    (void)close(fd);
}

static void latency_is_counted_under_the_route(void **state)
{
    int fd = client_connect(http_server_port(server));
    uint64_t counted = 0;

    (void)state;
    ask(fd, "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(fd, "GET /v1/ctr?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)record_at(1);
    for (int i = 0; i < HTTP_DURATION_BUCKETS; i++)
        counted += http_counter_read(&fixture.counters.routes[0].buckets[i]);
    assert_int_equal(counted, 2);
    assert_int_equal(http_counter_read(&fixture.counters.routes[0].responses[HTTP_STATUS_200]), 1);
    assert_int_equal(http_counter_read(&fixture.counters.routes[0].responses[HTTP_STATUS_400]), 1);
    assert_int_equal(http_counters_busy_ms(&fixture.counters, INT64_MAX), 0);
    (void)close(fd);
}

/* It asks for more than the sockets' buffers hold and reads nothing, until its time is up. */
static void an_answer_that_is_not_read_is_told_as_cut(void **state)
{
    static char requests[64000];
    int small = 4096;
    int fd = client_connect(http_server_port(server));
    size_t used = 0;

    (void)state;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    while (used + 64 < sizeof requests)
        used += (size_t)snprintf(requests + used, sizeof requests - used,
                                 "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(client_send(fd, requests, used));
    for (int i = 0; i < 5000 && http_counter_read(&fixture.counters.closed) == 0; i++)
        client_sleep_ms(2);
    assert_int_equal(http_counter_read(&fixture.counters.cut), 1);
    assert_int_equal(http_counter_read(&fixture.counters.closed), 1);
    (void)pthread_mutex_lock(&lock);
    assert_true(records_count > 0);
    for (size_t i = 0; i < records_count && i < RECORDS_MAX; i++) {
        const struct kept *kept = &records[(records_count - 1 - i) % RECORDS_MAX];

        assert_true(kept->whole == (i > 0)); /* the last one was cut */
        assert_true(i > 0 || kept->duration_us >= 299000);
    }
    (void)pthread_mutex_unlock(&lock);
    (void)close(fd);
}

static void a_traceparent_is_taken_by_the_letter(void **state)
{
#define LATER "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    static const char *const good[] = {TRACE, LATER, LATER "-what-will-be",
                                       "00-00000000000000000000000000000001-0000000000000001-00"};
    static const char *const bad[] = {"",
                                      "00",
                                      TRACE "-",
                                      TRACE "-more",
                                      LATER ".more",
                                      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
                                      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
                                      "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(access_traceparent_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (access_traceparent_valid(bad[i]))
            print_message("taken: %s\n", bad[i]);
        assert_false(access_traceparent_valid(bad[i]));
    }
}

static void ids_of_two_processes_differ(void **state)
{
    struct access_names first, second;
    struct access one = {.status = 0}, other = {.status = 0};

    (void)state;
    access_names_init(&first, 1000, 5);
    access_names_init(&second, 1001, 5);
    access_begin(&one, &first, "GET", NULL, NULL);
    access_begin(&other, &second, "GET", NULL, NULL);
    assert_memory_not_equal(one.request_id, other.request_id, 16);
    assert_true(access_id_valid(one.request_id));
    access_begin(&other, &first, "GET", NULL, NULL);
    assert_memory_equal(one.request_id, other.request_id, 16); /* the process */
    assert_memory_not_equal(one.request_id + 16, other.request_id + 16, 16);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

static void methods_are_case_sensitive(void **state)
{
    (void)state;
    assert_int_equal(access_method("GET"), API_GET);
    assert_int_equal(access_method("HEAD"), API_HEAD);
    assert_int_equal(access_method("POST"), API_POST);
    assert_int_equal(access_method("get"), API_OTHER);
    assert_int_equal(access_method("QUERY"), API_OTHER);
}

static void what_has_no_body_is_told_as_no_bytes(void **state)
{
    struct access access = {.method = "GET"};
    struct api_response response = {.status = 304, .body_length = 812};

    (void)state;
    access_answer(&access, &response);
    assert_int_equal(access.bytes, 0);
    response.status = 200;
    access_answer(&access, &response);
    assert_int_equal(access.bytes, 812);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_name_that_is_well_formed_comes_back),
        WITH_SERVER(any_other_name_is_replaced_by_one_of_ours),
        WITH_SERVER(a_record_says_what_was_asked_and_answered),
        WITH_SERVER(latency_is_counted_under_the_route),
        WITH_SERVER(an_answer_that_is_not_read_is_told_as_cut),
        cmocka_unit_test(a_traceparent_is_taken_by_the_letter),
        cmocka_unit_test(methods_are_case_sensitive),
        cmocka_unit_test(what_has_no_body_is_told_as_no_bytes),
        cmocka_unit_test(ids_of_two_processes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
