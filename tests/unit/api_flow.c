/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are made while they are sent, over real sockets: chunks, readers that are slow or
 * gone, and the end of the service.
 */
#include <pthread.h>

#include <sys/stat.h>

#include "api/export.h"
#include "api/router.h"
#include "api/streams.h"
#include "tests/unit/api_client.h"

static struct fixture fixture;
static struct http_server *server;
static struct client_answer answer;
static char folder[] = "/tmp/livectr-flow-XXXXXX";

enum { PAGES = 20000, FLOW_LIMIT_MS = 500, BYTES_MAX = 1 << 20 };
static char bytes[BYTES_MAX];

static _Atomic size_t logged_bytes; /* of the last export that ended */

static void keep_record(void *owner, const struct access_record *record)
{
    (void)owner;
    if (strncmp(record->target, "/v1/export", 10) == 0)
        atomic_store(&logged_bytes, record->access->bytes);
}

static void fill(void)
{
    char page[160];

    for (int i = 0; i < PAGES; i++) {
        (void)snprintf(page, sizeof page, "/a/page/with/a/long/name/%0100d", i);
        fixture_event(&fixture, EVENT_VIEW, page, NULL);
    }
    fixture_publish(&fixture);
}

static int start(void **state)
{
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 2,
                                   .connections_max = 256,
                                   .context = &fixture.context,
                                   .wall_ms = client_wall_ms,
                                   .mono_ms = client_mono_ms,
                                   .mono_us = client_mono_us,
                                   .log = keep_record};
    const struct exports_options exports = {
        .max = 2, .folder = folder, .counters = &fixture.counters};
    const struct streams_options streams = {.context = &fixture.context,
                                            .wall_ms = client_wall_ms,
                                            .mono_ms = client_mono_ms,
                                            .max = 100,
                                            .heartbeat_ms = 3 * FLOW_LIMIT_MS};
    struct ctr_error error = {0};

    (void)state;
    options.limits_ms[DEADLINE_FLOW] = FLOW_LIMIT_MS;
    fixture_start(&fixture, PAGES + 100);
    fill();
    assert_int_equal(exports_new(&exports, &fixture.context.exports), CTR_OK);
    assert_int_equal(streams_new(&streams, &fixture.context.streams), CTR_OK);
    assert_int_equal(streams_start(fixture.context.streams, &error), CTR_OK);
    if (http_server_start(&options, &server, &error) != CTR_OK)
        fail_msg("%s", error.text);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server);
    server = NULL;
    streams_free(fixture.context.streams); /* both assert that nothing was left */
    exports_free(fixture.context.exports);
    fixture_done(&fixture);
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int dial(const char *request)
{
    int fd = client_connect(http_server_port(server));

    assert_true(fd >= 0);
    assert_true(client_say(fd, request));
    return fd;
}

#define EXPORT "GET /v1/export?level=page HTTP/1.1\r\nHost: x\r\n\r\n"
#define STREAM "GET /v1/stream?key=/a HTTP/1.1\r\nHost: x\r\n\r\n"
#define CTR    "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n"

static bool await(_Atomic uint64_t *counter, uint64_t wanted)
{
    int64_t until_ms = client_mono_ms() + 10000;

    while (atomic_load(counter) < wanted && client_mono_ms() < until_ms)
        client_sleep_ms(5);
    return atomic_load(counter) == wanted;
}

/* Counts the bytes of one chunk's data; 0 for the last one, -1 where it breaks off. */
static long read_chunk(int fd, char *ret_bytes, size_t size)
{
    char line[32];
    size_t used = 0;
    unsigned long length;
    size_t got = 0;

    while (used < 2 || line[used - 2] != '\r' || line[used - 1] != '\n') {
        if (used + 1 == sizeof line || client_byte(fd, 5000, line + used) != 1)
            return -1;
        used++;
    }
    line[used] = '\0';
    length = strtoul(line, NULL, 16);
    assert_true(length + 2 < size);
    while (got < length + 2) {
        ssize_t more = recv(fd, ret_bytes + got, length + 2 - got, 0);

        if (more <= 0)
            return -1;
        got += (size_t)more;
    }
    ret_bytes[length] = '\0';
    return (long)length;
}

static void read_head(int fd)
{
    assert_true(client_read(fd, true, &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(client_header(&answer, "Transfer-Encoding"), "chunked");
}

static struct http_route_counters *export_counters(void)
{
    unsigned route = 0;

    while (strcmp(api_route_path(route), "/v1/export") != 0)
        route++;
    return &fixture.counters.routes[route];
}

static uint64_t durations(struct http_route_counters *counters)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < HTTP_DURATION_BUCKETS; i++)
        sum += http_counter_read(&counters->buckets[i]);
    return sum;
}

static void a_long_answer_comes_in_chunks_and_the_connection_goes_on(void **state)
{
    int fd = dial(EXPORT CTR);
    size_t total = 0;
    size_t rows = 0;
    long length;

    (void)state;
    read_head(fd);
    while ((length = read_chunk(fd, bytes, sizeof bytes)) > 0) {
        total += (size_t)length;
        for (const char *at = bytes; (at = strstr(at, "{\"level\"")) != NULL; at++)
            rows++;
    }
    assert_int_equal(length, 0);
    assert_true(total > 5000000);
    assert_true(rows > PAGES - 500 && rows <= PAGES); /* less those cut by the end of a chunk */
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_int_equal(atomic_load(&fixture.counters.exports_made), 1);
    assert_int_equal(http_counter_read(&export_counters()->responses[HTTP_STATUS_200]), 1);
    assert_int_equal(durations(export_counters()), 1);
    assert_int_equal(atomic_load(&logged_bytes), total);
    (void)close(fd);
}

static void http_1_0_reads_until_the_close(void **state)
{
    int fd = dial("GET /v1/export?level=page HTTP/1.0\r\n\r\n");
    size_t total = 0;
    char last = '\0';
    ssize_t got;

    (void)state;
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        total += (size_t)got;
        last = bytes[got - 1];
    }
    assert_int_equal(got, 0);
    assert_true(total > 5000000);
    assert_int_equal(last, '}');
    (void)close(fd);
}

/* libmicrohttpd 0.9.75 sends the last chunk of a body that there is none of, which the next answer
 * would be read behind: so none follows, and nothing is said about chunks. */
static void head_says_neither_length_nor_byte(void **state)
{
    static const char *const requests[] = {"HEAD /v1/export HTTP/1.1\r\nHost: x\r\n\r\n" CTR,
                                           "HEAD /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n" CTR};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = dial(requests[i]);
        char byte;

        assert_true(client_read(fd, true, &answer));
        assert_int_equal(answer.status, 200);
        assert_null(client_header(&answer, "Content-Length"));
        assert_null(client_header(&answer, "Transfer-Encoding"));
        assert_string_equal(client_header(&answer, "Connection"), "close");
        assert_int_equal(client_byte(fd, 5000, &byte), 0);
        (void)close(fd);
    }
    assert_string_equal(client_header(&answer, "X-Accel-Buffering"), "no");
}

/* Refused after it was begun: still a whole answer. */
static void a_refusal_may_come_late(void **state)
{
    int fds[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(EXPORT CTR);
        assert_true(client_read(fds[i], i < 2, &answer));
        assert_int_equal(answer.status, i < 2 ? 200 : 503);
    }
    assert_string_equal(client_header(&answer, "Retry-After"), "1");
    for (int i = 0; i < 3; i++)
        (void)close(fds[i]);
}

/* Refused after the copy was begun. */
static void a_copy_without_room_is_refused_as_the_export_it_was(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(rmdir(folder), 0);
    fd = dial(EXPORT CTR);
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(answer.status, 503);
    assert_non_null(strstr(answer.body, "/problems/spool"));
    assert_true(client_read(fd, false, &answer));
    assert_int_equal(answer.status, 200);
    assert_int_equal(http_counter_read(&export_counters()->responses[HTTP_STATUS_503]), 1);
    assert_int_equal(durations(export_counters()), 1);
    (void)close(fd);
}

static void a_reader_that_stands_still_is_cut_and_counted(void **state)
{
    int64_t began_ms = client_mono_ms();
    int fd = dial(EXPORT);

    (void)state;
    assert_true(await(&fixture.counters.stalled, 1));
    assert_true(client_mono_ms() - began_ms >= FLOW_LIMIT_MS - 100);
    assert_true(await(&fixture.counters.closed, 1));
    assert_int_equal(atomic_load(&fixture.counters.cut), 1);
    assert_int_equal(atomic_load(&fixture.counters.exports_made), 0);
    (void)close(fd);
}

/* The whole takes several times the limit, but it never stands still. */
static void a_reader_that_is_slow_is_not(void **state)
{
    static const int small = 65536;
    int fd = client_connect(http_server_port(server));
    int64_t began_ms = client_mono_ms();
    size_t total = 0;
    ssize_t got;

    (void)state;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_true(client_say(fd, EXPORT));
    while (client_mono_ms() - began_ms < 4 * FLOW_LIMIT_MS) {
        got = recv(fd, bytes, 32768, 0);
        assert_true(got > 0);
        total += (size_t)got;
        client_sleep_ms(FLOW_LIMIT_MS / 10);
    }
    assert_int_equal(atomic_load(&fixture.counters.exports_made), 0); /* it was slow */
    while ((got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        total += (size_t)got;
        if (got >= 5 && memcmp(bytes + got - 5, "0\r\n\r\n", 5) == 0)
            break;
    }
    assert_true(got >= 5 && total > 5000000);
    assert_int_equal(atomic_load(&fixture.counters.cut), 0);
    (void)close(fd);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void move(void)
{
    struct partition *partition = store_partition(fixture.store, fixture.partition);
    struct event event = {
        .type = EVENT_VIEW, .ts_ms = store_progress(fixture.store).to_ms, .page = {"/a", 2}};

    assert_int_equal(store_record_event(fixture.store, fixture.partition, fixture.offset,
                                        event.ts_ms, MOMENT_NONE, &event),
                     CTR_OK);
    fixture.offset++;
    partition_reach(partition, fixture.offset, event.ts_ms);
    partition_end(partition, fixture.offset, event.ts_ms);
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
}

/* Reads chunks until one holds the words; false: the stream ended. */
static bool await_words(int fd, const char *words)
{
    while (read_chunk(fd, bytes, sizeof bytes) > 0) {
        if (strstr(bytes, words) != NULL)
            return true;
    }
    return false;
}

static void events_come_as_to_moves(void **state)
{
    int fd = dial(STREAM);

    (void)state;
    read_head(fd);
    assert_string_equal(client_header(&answer, "Content-Type"), "text/event-stream");
    assert_true(await_words(fd, "id: 2026-11-23T17:30:01.000Z\n"));
    move();
    assert_true(await_words(fd, "id: 2026-11-23T17:30:02.000Z\n"));
    move();
    assert_true(await_words(fd, "id: 2026-11-23T17:30:03.000Z\n"));
    assert_true(await_words(fd, ": nothing new\n")); /* long beyond the limit, with all read */
    assert_true(await_words(fd, ": nothing new\n"));
    assert_int_equal(atomic_load(&fixture.counters.cut), 0);
    (void)close(fd);
}

static void many_streams_and_a_stuck_one(void **state)
{
    enum { STREAMS = 60 };
    int fds[STREAMS];
    int stuck = dial(STREAM);

    (void)state;
    for (int i = 0; i < STREAMS; i++) {
        fds[i] = dial(STREAM);
        read_head(fds[i]);
    }
    for (int round = 2; round < 10; round++) {
        char id[64];

        (void)snprintf(id, sizeof id, "id: 2026-11-23T17:30:%02d.000Z\n", round);
        move();
        for (int i = 0; i < STREAMS; i++)
            assert_true(await_words(fds[i], id));
    }
    for (int i = 0; i < STREAMS; i++)
        (void)close(fds[i]);
    (void)close(stuck);
    assert_true(await(&fixture.counters.streams_closed, STREAMS + 1));
}

static void streams_that_were_left_make_room(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        (void)close(dial(STREAM));
    assert_true(await(&fixture.counters.streams_opened, 100));
    assert_true(await(&fixture.counters.streams_closed, 100)); /* by the heartbeat, at the latest */
}

/* ---- the end --------------------------------------------------------------------------------- */

static void quiesced_streams_end_cleanly(void **state)
{
    int fds[20];
    int64_t began_ms;
    long length;

    (void)state;
    for (int i = 0; i < 20; i++) {
        fds[i] = dial(STREAM);
        read_head(fds[i]);
        assert_true(await_words(fds[i], "data: "));
    }
    http_server_drain(server);
    move();
    assert_true(await_words(fds[0], "id: 2026-11-23T17:30:02.000Z\n")); /* draining they go on */
    http_server_quiesce(server);
    began_ms = client_mono_ms();
    http_server_settle(server, 5000);
    assert_true(client_mono_ms() - began_ms < 3000); /* nobody was waited for */
    for (int i = 0; i < 20; i++) {
        do
            length = read_chunk(fds[i], bytes, sizeof bytes);
        while (length > 0);
        assert_int_equal(length, 0); /* the last chunk, not just a close */
    }
    for (int i = 0; i < 20; i++)
        (void)close(fds[i]);
    assert_int_equal(atomic_load(&fixture.counters.streams_closed), 20);
}

static void a_stop_without_a_word_ends_streams_and_exports_too(void **state)
{
    int stream = dial(STREAM);
    int copy = dial(EXPORT);

    (void)state;
    read_head(stream);
    read_head(copy);
    http_server_stop(server);
    server = NULL;
    (void)close(stream);
    (void)close(copy);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_long_answer_comes_in_chunks_and_the_connection_goes_on),
        SERVED(http_1_0_reads_until_the_close),
        SERVED(head_says_neither_length_nor_byte),
        SERVED(a_refusal_may_come_late),
        SERVED(a_copy_without_room_is_refused_as_the_export_it_was),
        SERVED(a_reader_that_stands_still_is_cut_and_counted),
        SERVED(a_reader_that_is_slow_is_not),
        SERVED(events_come_as_to_moves),
        SERVED(many_streams_and_a_stuck_one),
        SERVED(streams_that_were_left_make_room),
        SERVED(quiesced_streams_end_cleanly),
        SERVED(a_stop_without_a_word_ends_streams_and_exports_too),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
