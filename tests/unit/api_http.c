/* SPDX-License-Identifier: Apache-2.0
 *
 * The adapter over real sockets: connections that last, framing that is in doubt, clients that are
 * slow or gone.
 */
#include "api/http.h"

#include <pthread.h>

#include "api/listen.h"
#include "tests/unit/api_client.h"

static struct fixture fixture;
static struct http_server *server;
static struct client_answer answer;

static struct http_options options_for_tests(void)
{
    return (struct http_options){.host = "127.0.0.1",
                                 .threads = 2,
                                 .connections_max = 256,
                                 .context = &fixture.context,
                                 .wall_ms = client_wall_ms,
                                 .mono_ms = client_mono_ms,
                                 .mono_us = client_mono_us};
}

static void start_server(const struct http_options *options)
{
    struct ctr_error error = {0};

    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 200, 20, "/a", NULL);
    fixture_events(&fixture, 7, 0, "a b/%", NULL);
    fixture_publish(&fixture);
    if (http_server_start(options, &server, &error) != CTR_OK)
        fail_msg("%s", error.text);
}

static int start(void **state)
{
    struct http_options options = options_for_tests();

    (void)state;
    start_server(&options);
    return 0;
}

/* Deadlines short enough to wait for, and far enough apart to be told from each other. */
static int start_hasty(void **state)
{
    struct http_options options = options_for_tests();

    (void)state;
    options.limits_ms[DEADLINE_HEADER] = 300;
    options.limits_ms[DEADLINE_BODY] = 700;
    options.limits_ms[DEADLINE_ANSWER] = 1000;
    options.limits_ms[DEADLINE_IDLE] = 3000;
    start_server(&options);
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

static int dial(void)
{
    int fd = client_connect(http_server_port(server));

    assert_true(fd >= 0);
    return fd;
}

static uint64_t counted(_Atomic uint64_t *counter)
{
    return atomic_load(counter);
}

static void a_hundred_requests_share_one_connection(void **state)
{
    int fd = dial();

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(client_say(fd, "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_read(fd, false, &answer));
        assert_int_equal(answer.status, 200);
        assert_null(client_header(&answer, "Connection"));
        assert_non_null(strstr(answer.body, "\"impressions\":200,\"clicks\":20,\"ctr\":0.1,"));
    }
    assert_int_equal(counted(&fixture.counters.opened), 1);
    assert_int_equal(counted(&fixture.counters.closed), 0);
    assert_int_equal(counted(&fixture.counters.routes[0].responses[HTTP_STATUS_200]), 100);
    (void)close(fd);
}

static void errors_keep_the_connection_too(void **state)
{
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
                               "DELETE /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /v1/ctr?page= HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 404);
    assert_string_equal(client_header(&answer, "Content-Type"), "application/problem+json");
    assert_string_equal(client_header(&answer, "Cache-Control"), "no-store");
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 405);
    assert_string_equal(client_header(&answer, "Allow"), "GET, HEAD");
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 400);
    assert_null(client_header(&answer, "Connection"));
    (void)close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    int fd = dial();
    char request[128];
    char expected[32];

    (void)state;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(request, sizeof request, "GET /v1/ctr?page=p%d HTTP/1.1\r\nHost: x\r\n\r\n",
                       i);
        assert_true(client_say(fd, request));
    }
    for (int i = 0; i < 20; i++) {
        (void)snprintf(expected, sizeof expected, "{\"page\":\"p%d\",", i);
        assert_true(client_read(fd, false, &answer));
        assert_memory_equal(answer.body, expected, strlen(expected));
    }
    (void)close(fd);
}

static void head_has_the_length_but_not_the_body(void **state)
{
    int fd = dial();
    char length[256];

    (void)state;
    assert_true(client_say(fd, "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    (void)snprintf(length, sizeof length, "%s", client_header(&answer, "Content-Length"));
    for (int i = 0; i < 3; i++) {
        assert_true(client_say(fd, "HEAD /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_read(fd, true, &answer));
        assert_int_equal(answer.status, 200);
        assert_string_equal(client_header(&answer, "Content-Length"), length);
    }
    (void)close(fd);
}

/* What stands behind a 304 on its connection must be the next answer and nothing else. */
static void a_304_has_no_body_and_keeps_the_connection(void **state)
{
    char request[512];
    char tag[256];
    char length[32];
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_string_equal(client_header(&answer, "Vary"), "Accept-Encoding");
    (void)snprintf(tag, sizeof tag, "%s", client_header(&answer, "ETag"));
    (void)snprintf(length, sizeof length, "%zu", answer.body_length);
    (void)snprintf(request, sizeof request,
                   "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"other\"\r\n"
                   "If-None-Match: %s\r\n\r\n",
                   tag);
    for (int i = 0; i < 3; i++) {
        assert_true(client_say(fd, request));
        assert_true(client_read(fd, true, &answer));
        assert_int_equal(answer.status, 304);
        assert_string_equal(client_header(&answer, "ETag"), tag);
        assert_string_equal(client_header(&answer, "Content-Length"), length);
        assert_null(client_header(&answer, "Content-Type"));
        assert_null(client_header(&answer, "Connection"));
        assert_true(client_say(fd, "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_read(fd, false, &answer));
        assert_int_equal(answer.status, 200);
        assert_memory_equal(answer.body, "{\"page\":\"/a\"", 12);
    }
    assert_int_equal(counted(&fixture.counters.routes[0].responses[HTTP_STATUS_304]), 3);
    (void)close(fd);
}

static void a_large_answer_is_compressed_for_who_asks(void **state)
{
    size_t plain;
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_null(client_header(&answer, "Content-Encoding"));
    plain = answer.body_length;
    assert_true(client_say(fd, "HEAD /v1/status HTTP/1.1\r\nHost: x\r\n"
                               "Accept-Encoding: br, gzip\r\n\r\n"
                               "GET /v1/status HTTP/1.1\r\nHost: x\r\n"
                               "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n"));
    assert_true(client_read(fd, true, &answer));
    assert_string_equal(client_header(&answer, "Content-Encoding"), "gzip");
    assert_true(client_read(fd, false, &answer));
    assert_string_equal(client_header(&answer, "Content-Encoding"), "gzip");
    assert_memory_equal(answer.body, "\x1f\x8b", 2);
    assert_true(answer.body_length < plain / 2);
    (void)close(fd);
}

static void http_1_0_works(void **state)
{
    char bytes[8192];
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, "GET /v1/ctr?page=/a HTTP/1.0\r\n\r\n"));
    assert_true(client_drain(fd, 2000, bytes, sizeof bytes));
    assert_non_null(strstr(bytes, " 200 OK\r\n"));
    assert_non_null(strstr(bytes, "\"impressions\":200"));
    (void)close(fd);
    fd = dial();
    assert_true(client_say(fd, "GET /livez HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_true(client_say(fd, "GET /livez HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    (void)close(fd);
}

static void the_raw_target_reaches_the_router(void **state)
{
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, "GET /v1/ctr?page=a%20b%2F%25 HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /v1/ctr?page=a%00 HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /v1%2Fctr HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET http://x/v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_memory_equal(answer.body, "{\"page\":\"a b/%\",", 16);
    assert_non_null(strstr(answer.body, "\"impressions\":7,"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 400);
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 404);
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"impressions\":200,"));
    (void)close(fd);
}

#define POST_HEAD "POST /v1/ctr:batchGet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

static void a_body_may_come_in_pieces_or_chunks(void **state)
{
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, POST_HEAD "Content-Length: 28\r\n\r\n{\"items\":[{\"pa"));
    client_sleep_ms(30);
    assert_true(client_say(fd, "ge\":\"/a\"},{}]}"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"impressions\":200,"));
    assert_true(client_say(fd, POST_HEAD "Expect: 100-continue\r\nContent-Length: 12\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 100);
    assert_true(client_say(fd, "{\"items\":[]}"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_int_equal(counted(&fixture.counters.opened), 1);
    assert_null(client_header(&answer, "Connection"));
    (void)close(fd);
}

/* How the lines between chunks ended cannot be seen. */
static void chunks_are_the_last_of_their_connection(void **state)
{
    char bytes[16384];
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                         "e\r\n{\"items\":[{\"pa\r\n"));
    client_sleep_ms(30);
    assert_true(client_say(fd, "E\r\nge\":\"/a\"},{}]}\r\n0\r\n\r\n"
                               "GET /v1/ctr?page=hidden HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_drain(fd, 2000, bytes, sizeof bytes));
    assert_non_null(strstr(bytes, " 200 OK\r\n"));
    assert_non_null(strstr(bytes, "Connection: close"));
    assert_non_null(strstr(bytes, "\"impressions\":200,"));
    assert_null(strstr(bytes, "hidden"));
    (void)close(fd);
}

/* Answers in the bytes, by their own framing: where libmicrohttpd 0.9.75 refuses by itself it sends
 * its head twice, the second as the beginning of the body of the first. */
static size_t count_answers(const char *bytes)
{
    size_t count = 0;

    while (strncmp(bytes, "HTTP/1.", 7) == 0) {
        const char *head_end = strstr(bytes, "\r\n\r\n");
        const char *length = strstr(bytes, "Content-Length: ");
        size_t body_length = length == NULL ? 0 : strtoul(length + 16, NULL, 10);

        count++;
        if (head_end == NULL || strlen(head_end + 4) < body_length)
            break;
        bytes = head_end + 4 + body_length;
    }
    return count;
}

/* 413 is what libmicrohttpd says to a chunk size beyond its integers. */
static bool refused(const char *bytes)
{
    return strncmp(bytes + 8, " 400 ", 5) == 0 || strncmp(bytes + 8, " 413 ", 5) == 0;
}

#define HIDDEN "GET /v1/ctr?page=hidden HTTP/1.1\r\nHost: x\r\n\r\n"

/* Each of these is one request to somebody and two to somebody else. */
static void doubtful_framing_is_answered_once_with_400_and_closed(void **state)
{
    static const char *const probes[] = {
        POST_HEAD "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding: chunked\r\nContent-Length: 48\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: 0\r\nContent-Length: 48\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: 48\r\nContent-Length: 0\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length : 48\r\n\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_HEAD
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: +48\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: 0x30\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: 48, 48\r\n\r\n" HIDDEN,
        POST_HEAD "Host: y\r\nContent-Length: 0\r\n\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n" HIDDEN,
        POST_HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\nContent-Length: 48\r\n\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        "HEAD /v1/ctr HTTP/1.1\r\nHost: x\r\nContent-Length: 48\r\n\r\n" HIDDEN,
        "POST /v1/ctr:batchGet HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\n\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\nX\tY: 1\r\n\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n" HIDDEN,
        POST_HEAD "Content-Length: 0\r\n 48\r\n\r\n" HIDDEN,
        POST_HEAD "X: y\nContent-Length: 48\r\n\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\nHost: x\r\n\r\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\nHost: x\n\n" HIDDEN,
        "GET /v1/ctr HTTP/1.1\r\nHost: x\rX: y\r\n\r\n" HIDDEN,
        "GET  /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n" HIDDEN,
        "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" HIDDEN,
    };
    char bytes[16384];

    (void)state;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        int fd = dial();
        bool closed;

        (void)client_say(fd, probes[i]);
        closed = client_drain(fd, 1000, bytes, sizeof bytes);
        if (count_answers(bytes) != 1 || !refused(bytes) || !closed)
            print_message("probe %zu:\n%s\n->\n%s\n", i, probes[i], bytes);
        assert_null(strstr(bytes, "hidden"));
        assert_int_equal(count_answers(bytes), 1);
        assert_true(refused(bytes));
        assert_true(closed);
        (void)close(fd);
    }
}

/* Here one answer is as good as a refusal, two are never. */
static void odd_but_single_requests_get_one_answer(void **state)
{
    static const char *const probes[] = {
        "GET /v1/ctr?page=a b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /v1/ctr HTTP/2.0\r\nHost: x\r\nConnection: close\r\n\r\n",
        "\r\n\r\nGET /v1/ctr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    };
    char bytes[16384];

    (void)state;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        int fd = dial();
        bool closed;

        (void)client_say(fd, probes[i]);
        closed = client_drain(fd, 1000, bytes, sizeof bytes);
        if (count_answers(bytes) > 1 || !closed)
            print_message("probe %zu -> %s\n", i, bytes);
        assert_true(count_answers(bytes) <= 1);
        assert_true(closed);
        (void)close(fd);
    }
}

static void a_body_over_the_limit_is_413(void **state)
{
    static char piece[65536];
    char bytes[8192];
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, POST_HEAD "Content-Length: 2097153\r\n\r\n"));
    assert_true(client_drain(fd, 2000, bytes, sizeof bytes));
    assert_non_null(strstr(bytes, " 413 "));
    assert_non_null(strstr(bytes, "1048576 bytes"));
    (void)close(fd);
    fd = dial();
    memset(piece, ' ', sizeof piece);
    assert_true(client_say(fd, POST_HEAD "Content-Length: 1048577\r\n\r\n"));
    for (int i = 0; i < 16; i++)
        assert_true(client_send(fd, piece, sizeof piece));
    assert_true(client_say(fd, " "));
    assert_true(client_drain(fd, 2000, bytes, sizeof bytes));
    assert_non_null(strstr(bytes, " 413 "));
    (void)close(fd);
    fd = dial();
    assert_true(client_say(fd, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 17; i++) {
        assert_true(client_say(fd, "10000\r\n"));
        assert_true(client_send(fd, piece, sizeof piece));
        assert_true(client_say(fd, "\r\n"));
    }
    assert_true(client_say(fd, "0\r\n\r\n"));
    assert_true(client_drain(fd, 2000, bytes, sizeof bytes));
    assert_non_null(strstr(bytes, " 413 "));
    (void)close(fd);
}

/* Sends the text a byte at a time until the peer closes; returns after how many ms it did. */
static int64_t dribble(int fd, const char *text)
{
    int64_t began_ms = client_mono_ms();
    char bytes[4096];

    for (size_t i = 0; text[i] != '\0' && client_mono_ms() - began_ms < 4000; i++) {
        if (!client_send(fd, text + i, 1) || client_drain(fd, 40, bytes, sizeof bytes))
            break;
    }
    return client_mono_ms() - began_ms;
}

#define LONG_HEADER                                                                                \
    "X: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"  \
    "8901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static void slow_headers_are_cut(void **state)
{
    int fd = dial();
    int64_t lived_ms = dribble(fd, "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n" LONG_HEADER);

    (void)state;
    assert_true(lived_ms >= 250 && lived_ms < 1200);
    assert_int_equal(counted(&fixture.counters.cut), 1);
    (void)close(fd);
}

static void slow_headers_of_a_later_request_are_cut_too(void **state)
{
    int fd = dial();
    int64_t lived_ms;

    (void)state;
    assert_true(client_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    client_sleep_ms(600); /* longer than headers may take, shorter than a connection may idle */
    lived_ms = dribble(fd, "GET /v1/ctr?page=0123456789012345678901234567890123456789 HTTP/1.1");
    assert_true(lived_ms >= 250 && lived_ms < 1200);
    (void)close(fd);
}

static void a_slow_body_is_cut(void **state)
{
    int fd = dial();
    int64_t lived_ms;

    (void)state;
    assert_true(client_say(fd, POST_HEAD "Content-Length: 200\r\n\r\n"));
    lived_ms = dribble(fd, LONG_HEADER);
    assert_true(lived_ms >= 600 && lived_ms < 1800);
    (void)close(fd);
}

static void an_idle_connection_is_cut_late(void **state)
{
    int fd = dial();
    int64_t began_ms;
    char bytes[64];

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_true(client_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_read(fd, false, &answer));
        assert_int_equal(answer.status, 200);
        client_sleep_ms(450);
    }
    began_ms = client_mono_ms();
    assert_true(client_drain(fd, 5000, bytes, sizeof bytes));
    assert_true(client_mono_ms() - began_ms >= 2000);
    (void)close(fd);
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    static char requests[400000];
    int small = 4096;
    int fd = dial();
    int64_t began_ms = client_mono_ms();
    size_t used = 0;

    (void)state;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    while (used + 64 < sizeof requests)
        used += (size_t)snprintf(requests + used, sizeof requests - used,
                                 "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(client_send(fd, requests, used));
    for (int i = 0; i < 100 && counted(&fixture.counters.closed) == 0; i++)
        client_sleep_ms(30);
    assert_int_equal(counted(&fixture.counters.cut), 1);
    assert_int_equal(counted(&fixture.counters.closed), 1);
    assert_true(client_mono_ms() - began_ms >= 900);
    (void)close(fd);
}

enum { CROWD = 8, CROWD_REQUESTS = 200 };

/* Records only: a failed assert in another thread ends the run without a report. */
static void *visit(void *argument)
{
    size_t *fine = argument;
    struct client_answer *own = malloc(sizeof *own);
    int fd = client_connect(http_server_port(server));

    for (int i = 0; own != NULL && i < CROWD_REQUESTS; i++) {
        if (!client_say(fd, "GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n") ||
            !client_read(fd, false, own) || own->status != 200)
            break;
        *fine += 1;
    }
    (void)close(fd);
    free(own);
    return NULL;
}

static void many_clients_at_once_are_all_served(void **state)
{
    pthread_t threads[CROWD];
    size_t fine[CROWD] = {0};

    (void)state;
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit, &fine[i]), 0);
    for (int i = 0; i < CROWD; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(fine[i], CROWD_REQUESTS);
    }
}

static void clients_that_vanish_harm_nobody(void **state)
{
    static const struct linger reset = {1, 0};

    (void)state;
    for (int i = 0; i < 50; i++) {
        int fd = dial();

        for (int k = 0; k < 20; k++)
            (void)client_say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        (void)close(fd);
    }
    many_clients_at_once_are_all_served(state);
}

static void a_taken_port_is_told(void **state)
{
    struct http_options options = options_for_tests();
    struct http_server *second = NULL;
    struct ctr_error error = {0};
    char expected[64];

    (void)state;
    options.port = http_server_port(server);
    (void)snprintf(expected, sizeof expected, "listen: 127.0.0.1:%u is in use",
                   (unsigned)options.port);
    assert_int_equal(http_server_start(&options, &second, &error), CTR_IO);
    assert_memory_equal(error.text, expected, strlen(expected));
    options.admin = true;
    assert_int_equal(http_server_start(&options, &second, &error), CTR_IO);
    assert_memory_equal(error.text, "admin_listen: ", 14);
    options.host = "example.org";
    assert_int_equal(http_server_start(&options, &second, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "\"example.org\" is not an IP address"));
    assert_null(second);
}

static void every_thread_listens_on_the_same_port(void **state)
{
    const struct listen_options options = {"listen", "127.0.0.1", 0};
    struct ctr_error error = {0};
    uint16_t port = 0;
    int fds[4];

    (void)state;
    assert_int_equal(listen_open(&options, 4, fds, &port, &error), CTR_OK);
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in address;
        socklen_t length = sizeof address;

        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&address, &length), 0);
        assert_int_equal(ntohs(address.sin_port), port);
        (void)close(fds[i]);
    }
}

static void a_port_is_free_again_after_a_stop(void **state)
{
    struct http_options options = options_for_tests();
    struct ctr_error error = {0};
    int fd = dial();

    assert_true(client_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    options.port = http_server_port(server);
    http_server_stop(server); /* closes first, so that its side is in TIME_WAIT */
    server = NULL;
    (void)close(fd);
    assert_int_equal(http_server_start(&options, &server, &error), CTR_OK);
    assert_int_equal(http_server_port(server), options.port);
    atomic_store(&fixture.counters.routes[0].responses[HTTP_STATUS_200], 0);
    atomic_store(&fixture.counters.opened, 0);
    atomic_store(&fixture.counters.closed, 0);
    a_hundred_requests_share_one_connection(state);
}

static void ipv6_works(void **state)
{
    static const char *const hosts[] = {"::1", "[::1]"};
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct http_options options = options_for_tests();
    int probe = socket(AF_INET6, SOCK_STREAM, 0);

    (void)state;
    if (probe < 0 || bind(probe, (const struct sockaddr *)&address, sizeof address) != 0)
        skip();
    (void)close(probe);
    for (size_t i = 0; i < 2; i++) {
        struct http_server *other = NULL;
        struct ctr_error error = {0};
        int fd = socket(AF_INET6, SOCK_STREAM, 0);

        options.host = hosts[i];
        assert_int_equal(http_server_start(&options, &other, &error), CTR_OK);
        address.sin6_port = htons(http_server_port(other));
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
        assert_true(client_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_true(client_read(fd, false, &answer));
        assert_int_equal(answer.status, 200);
        (void)close(fd);
        http_server_stop(other);
    }
}

static void draining_answers_and_closes(void **state)
{
    int fd = dial();
    char byte;

    (void)state;
    http_server_drain(server);
    assert_true(client_say(fd, "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(client_header(&answer, "Connection"), "close");
    assert_int_equal(client_byte(fd, 2000, &byte), 0);
    (void)close(fd);
}

static void quiesced_it_takes_no_connection_but_keeps_those_it_has(void **state)
{
    int fd = dial();

    (void)state;
    assert_true(client_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    http_server_quiesce(server);
    assert_int_equal(client_connect(http_server_port(server)), -1);
    assert_true(client_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    (void)close(fd);
}

static void health_has_a_listener_of_its_own(void **state)
{
    struct http_options options = options_for_tests();
    struct http_server *admin = NULL;
    struct ctr_error error = {0};
    int fd;

    (void)state;
    options.admin = true;
    options.threads = 1;
    assert_int_equal(http_server_start(&options, &admin, &error), CTR_OK);
    fd = client_connect(http_server_port(admin));
    assert_true(client_say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(client_header(&answer, "Content-Type"),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 404);
    (void)close(fd);
    http_server_stop(admin);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)
#define HASTY(test)  cmocka_unit_test_setup_teardown(test, start_hasty, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_hundred_requests_share_one_connection),
        SERVED(errors_keep_the_connection_too),
        SERVED(pipelined_requests_are_answered_in_order),
        SERVED(head_has_the_length_but_not_the_body),
        SERVED(http_1_0_works),
        SERVED(the_raw_target_reaches_the_router),
        SERVED(a_body_may_come_in_pieces_or_chunks),
        SERVED(chunks_are_the_last_of_their_connection),
        SERVED(doubtful_framing_is_answered_once_with_400_and_closed),
        SERVED(odd_but_single_requests_get_one_answer),
        SERVED(a_body_over_the_limit_is_413),
        HASTY(slow_headers_are_cut),
        HASTY(slow_headers_of_a_later_request_are_cut_too),
        HASTY(a_slow_body_is_cut),
        HASTY(an_idle_connection_is_cut_late),
        HASTY(a_client_that_does_not_read_is_cut),
        SERVED(clients_that_vanish_harm_nobody),
        SERVED(a_taken_port_is_told),
        SERVED(a_304_has_no_body_and_keeps_the_connection),
        SERVED(a_large_answer_is_compressed_for_who_asks),
        cmocka_unit_test(every_thread_listens_on_the_same_port),
        SERVED(a_port_is_free_again_after_a_stop),
        SERVED(ipv6_works),
        SERVED(draining_answers_and_closes),
        SERVED(quiesced_it_takes_no_connection_but_keeps_those_it_has),
        SERVED(health_has_a_listener_of_its_own),
        SERVED(many_clients_at_once_are_all_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
