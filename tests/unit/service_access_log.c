/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of requests: which are in it, how they look, and that nobody waits for its reader.
 */
#include "service/access_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/router.h"
#include "service/clock.h"
#include "service/log.h"
#include "tests/support/test.h"

enum { WAIT_MS = 10000, STOP_MS = 5000 };

/* 2026-11-23T17:30:00.123Z */
#define TIME_MS INT64_C(1795455000123)

static struct http_counters counters;
static struct access_log *access_log;
static struct access access_of_request;
static struct sockaddr_in client;

/* What was written, and whether the reader reads at all. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char written[1 << 20];
static size_t written_length;
static atomic_bool clogged, tried, torn;

static bool take(const char *bytes, size_t length, int patience_ms)
{
    (void)patience_ms;
    atomic_store(&tried, true);
    if (length == 0 || bytes[length - 1] != '\n') {
        atomic_store(&torn, true); /* a line of somebody else could come in between */
    }
    if (atomic_load(&clogged)) {
        (void)poll(NULL, 0, 1);
        return false;
    }
    (void)pthread_mutex_lock(&lock);
    if (written_length + length < sizeof written) {
        memcpy(written + written_length, bytes, length);
        written_length += length;
    }
    (void)pthread_mutex_unlock(&lock);
    return true;
}

static int64_t told_ms(void)
{
    return TIME_MS;
}

static struct access_record a_request(void)
{
    memset(&access_of_request, 0, sizeof access_of_request);
    client = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0x0A000102)}};
    (void)snprintf(access_of_request.method, sizeof access_of_request.method, "GET");
    (void)snprintf(access_of_request.request_id, sizeof access_of_request.request_id, "abc-1");
    access_of_request.status = 200;
    access_of_request.bytes = 345;
    access_of_request.handled_us = 70;
    return (struct access_record){.access = &access_of_request,
                                  .target = "/v1/ctr?page=secret",
                                  .agent = "probe/1",
                                  .client = (const struct sockaddr *)&client,
                                  .duration_us = 90,
                                  .whole = true};
}

static void expect_line(const struct access_log_options *options,
                        const struct access_record *record, const char *expected)
{
    char line[ACCESS_LINE_BYTES + 1];
    size_t length = access_log_format(options, record, TIME_MS, line);

    line[length] = '\0';
    assert_string_equal(line, expected);
}

static void a_line_is_pairs_or_json(void **state)
{
    struct access_log_options options = {.format = ACCESS_LOGFMT};
    struct access_record record = a_request();

    (void)state;
    expect_line(&options, &record,
                "time=2026-11-23T17:30:00.123Z level=info event=request request_id=abc-1 "
                "method=\"GET\" route=/v1/ctr status=200 bytes=345 duration_us=90 handled_us=70 "
                "client=10.0.1.2 listener=api agent=\"probe/1\"\n");
    options.format = ACCESS_JSON;
    options.query = ACCESS_QUERY_YES;
    access_of_request.status = 503;
    access_of_request.route = HTTP_ROUTE_REFUSED;
    (void)snprintf(access_of_request.traceparent, sizeof access_of_request.traceparent,
                   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    record.admin = true;
    record.whole = false;
    record.agent = NULL;
    record.client = NULL;
    expect_line(&options, &record,
                "{\"time\":\"2026-11-23T17:30:00.123Z\",\"level\":\"warn\",\"event\":\"request\","
                "\"request_id\":\"abc-1\",\"method\":\"GET\",\"route\":\"refused\",\"status\":503,"
                "\"bytes\":345,\"duration_us\":90,\"handled_us\":70,\"client\":\"unknown\","
                "\"listener\":\"admin\",\"sent\":\"cut\","
                "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
                "\"parent_id\":\"00f067aa0ba902b7\",\"target\":\"/v1/ctr?page=secret\"}\n");
}

static void a_client_cannot_write_a_line_of_its_own(void **state)
{
    struct access_log_options options = {.format = ACCESS_JSON, .query = ACCESS_QUERY_YES};
    struct access_record record = a_request();
    static char agent[4000], target[4000];
    char line[ACCESS_LINE_BYTES];
    size_t length = 0;

    (void)state;
    record.agent = "a\"b\\c\x1B[2J\r\nlevel=error \x7F\xA9";
    record.target = "/";
    for (int format = ACCESS_LOGFMT; format <= ACCESS_JSON; format++) {
        options.format = (enum access_format)format;
        length = access_log_format(&options, &record, TIME_MS, line);
        line[length - 1] = '\0';
        assert_non_null(strstr(line, "\"a\\\"b\\\\c?[2J??level=error ??\""));
        assert_null(strchr(line, '\n'));
    }
    /* The longest there is: every byte becomes two. */
    memset(agent, '"', sizeof agent - 1);
    memset(target, '\\', sizeof target - 1);
    memset(access_of_request.method, '\\', sizeof access_of_request.method - 1);
    memset(access_of_request.request_id, 'i', sizeof access_of_request.request_id - 1);
    (void)snprintf(access_of_request.traceparent, sizeof access_of_request.traceparent,
                   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    access_of_request.bytes = SIZE_MAX / 2;
    access_of_request.handled_us = record.duration_us = INT64_MIN;
    record.agent = agent;
    record.target = target;
    record.whole = false;
    length = access_log_format(&options, &record, TIME_MS, line);
    assert_true(length <= ACCESS_LINE_BYTES);
    assert_memory_equal(line + length - 2, "}\n", 2);
}

static void start(enum access_mode mode, uint32_t sample)
{
    const struct access_log_options options = {
        .mode = mode, .sample = sample, .wall_ms = told_ms, .write = take, .counters = &counters};
    struct ctr_error error;

    memset(&counters, 0, sizeof counters);
    written_length = 0;
    atomic_store(&clogged, false);
    atomic_store(&tried, false);
    assert_int_equal(access_log_start(&options, &access_log, &error), CTR_OK);
}

static size_t lines_of(const char *what)
{
    size_t count = 0;

    written[written_length] = '\0';
    for (const char *at = strstr(written, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static void put(unsigned status, size_t times)
{
    struct access_record record = a_request();

    access_of_request.status = status;
    for (size_t i = 0; i < times; i++) {
        access_log_put(access_log, &record);
    }
}

static void one_of_so_many_is_logged_and_every_error(void **state)
{
    (void)state;
    start(ACCESS_SAMPLED, 10);
    put(200, 95);
    put(404, 7);
    put(503, 3);
    put(304, 5);
    access_log_stop(access_log, STOP_MS);
    assert_int_equal(lines_of("status=200"), 10);
    assert_int_equal(lines_of("status=404"), 7);
    assert_int_equal(lines_of("status=503"), 3);
    assert_int_equal(lines_of("status=304"), 0);
    assert_int_equal(http_counter_read(&counters.log_lines), 20);
    assert_int_equal(http_counter_read(&counters.log_dropped), 0);
    start(ACCESS_ALL, 10);
    put(200, 95);
    access_log_stop(access_log, STOP_MS);
    assert_int_equal(lines_of("status=200"), 95);
    start(ACCESS_OFF, 10);
    assert_null(access_log);
    access_log_stop(access_log, STOP_MS);
}

/* Until so much was written, at most WAIT_MS. */
static void await_written(size_t length)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    size_t seen = 0;

    while (seen < length && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
        (void)pthread_mutex_lock(&lock);
        seen = written_length;
        (void)pthread_mutex_unlock(&lock);
    }
}

/* More lines than the ring holds, for a reader that reads nothing: each is either written in the
 * end or counted as dropped, and whoever puts them does not wait. */
static void a_reader_that_does_not_read_holds_nobody_up(void **state)
{
    enum { LINES = 5000 };
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    const struct access_log_options options = {.format = ACCESS_LOGFMT};
    struct access_record record = a_request();
    char line[ACCESS_LINE_BYTES];
    size_t length = access_log_format(&options, &record, TIME_MS, line);
    size_t dropped = 0;

    (void)state;
    start(ACCESS_ALL, 1);
    atomic_store(&clogged, true);
    put(200, LINES); /* returns, though nothing is ever written meanwhile */
    while (!atomic_load(&tried) && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(written_length, 0);
    dropped = http_counter_read(&counters.log_dropped);
    assert_true(dropped > 0 && dropped < LINES);
    assert_int_equal(http_counter_read(&counters.log_lines), LINES - dropped);
    atomic_store(&clogged, false);
    await_written((LINES - dropped) * length);
    access_log_stop(access_log, STOP_MS);
    assert_int_equal(lines_of("event=request"), LINES - dropped);
    assert_false(atomic_load(&torn));
    assert_int_equal(lines_of("\n"), LINES - dropped); /* whole ones, over the ring's end, too */
    assert_int_equal(http_counter_read(&counters.log_dropped), dropped);
}

static void the_end_does_not_wait_for_a_reader(void **state)
{
    int64_t begun_ms = clock_mono_ms();

    (void)state;
    start(ACCESS_ALL, 1);
    atomic_store(&clogged, true);
    put(200, 300);
    access_log_stop(access_log, STOP_MS);
    assert_true(clock_mono_ms() - begun_ms < STOP_MS);
    assert_int_equal(written_length, 0);
    assert_int_equal(http_counter_read(&counters.log_dropped), 300);
}

static void *put_many(void *argument)
{
    struct access_record record = *(const struct access_record *)argument;

    for (int i = 0; i < 1000; i++) {
        access_log_put(access_log, &record);
    }
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    struct access_record record = a_request();
    pthread_t threads[4];
    char expected[ACCESS_LINE_BYTES + 1];
    const struct access_log_options options = {.format = ACCESS_LOGFMT};
    size_t length = access_log_format(&options, &record, TIME_MS, expected);
    size_t lines = 0;

    (void)state;
    start(ACCESS_ALL, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &record), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    access_log_stop(access_log, STOP_MS);
    lines = http_counter_read(&counters.log_lines);
    assert_int_equal(lines + http_counter_read(&counters.log_dropped), 4000);
    assert_int_equal(written_length, lines * length);
    for (size_t i = 0; i < lines; i++) {
        assert_memory_equal(written + i * length, expected, length);
    }
}

/* stderr as a pipe that nobody reads, and one that somebody does. */
static void stderr_takes_lines_or_does_not(void **state)
{
    int ends[2], saved = dup(STDERR_FILENO);
    char line[1000], read_back[1000];
    bool taken = true;
    size_t count = 0;

    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    while (taken && count < 1000) {
        taken = log_write(line, sizeof line, 1);
        count += taken;
    }
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_false(taken);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read(ends[0], read_back, sizeof read_back), (ssize_t)sizeof line);
        assert_memory_equal(read_back, line, sizeof line);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(saved);
    assert_true(count > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_pairs_or_json),
        cmocka_unit_test(a_client_cannot_write_a_line_of_its_own),
        cmocka_unit_test(one_of_so_many_is_logged_and_every_error),
        cmocka_unit_test(a_reader_that_does_not_read_holds_nobody_up),
        cmocka_unit_test(the_end_does_not_wait_for_a_reader),
        cmocka_unit_test(lines_of_many_threads_do_not_mix),
        cmocka_unit_test(stderr_takes_lines_or_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
