/* SPDX-License-Identifier: Apache-2.0
 *
 * What many listeners on GET /v1/stream cost: a process with a live store of 50,000 keys, and a
 * second one with all the clients. From the return of the step that closed a slice (the earliest
 * moment at which any reader could see it) to the event's arrival at each client, on the one
 * monotonic clock of the machine; CPU and memory of the serving process alone.
 *
 *   bench_service_streams [STREAMS, default 1000] [SECONDS, default 20] [DISTINCT subscriptions,
 *                         default 1] [KEYS of each, default 10] [STUCK readers, default 0]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "api/counters.h"
#include "api/http.h"
#include "api/streams.h"
#include "service/clock.h"
#include "service/rss.h"
#include "storage/moment.h"

enum { TICKS = 20, RATE = 10000, PAGES = 2000, BOXES = 24, SECONDS_MAX = 4096, WARM_S = 3 };
#define EPOCH_MS INT64_C(1795454400000)

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS 0x20 /* hidden from POSIX programs */
#endif

/* What both processes see. */
struct shared {
    _Atomic uint16_t port;
    _Atomic uint32_t connected;
    _Atomic bool measuring, stopping, done;
    _Atomic int64_t closed_us[SECONDS_MAX]; /* when the slice that ends at EPOCH_MS + i s closed */
};

struct wanted {
    uint32_t streams, seconds, distinct, keys, stuck;
};

/* ---- the clients ------------------------------------------------------------------------------
 */

struct client {
    int fd;
    bool stuck;
    size_t used;
    char line[64]; /* the beginning of the current line */
};

struct delays {
    size_t count, capacity;
    int64_t *us;
};

static int dial(const struct shared *shared, const struct wanted *wanted, uint32_t number)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(atomic_load(&shared->port)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char request[8192];
    int length = snprintf(request, sizeof request, "GET /v1/stream?window=10m");

    for (uint32_t key = 0; key < wanted->keys; key++) {
        length += snprintf(request + length, sizeof request - (size_t)length,
                           "&key=/offer/%u%%09opbox.%u", number % wanted->distinct, key % BOXES);
    }
    length +=
        snprintf(request + length, sizeof request - (size_t)length, " HTTP/1.1\r\nHost: x\r\n\r\n");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, (size_t)length, 0) != length) {
        abort();
    }
    return fd;
}

static void note_line(const struct shared *shared, const struct client *client, int64_t now_us,
                      struct delays *delays)
{
    int64_t to_ms = 0;
    int64_t second = 0;

    if (client->used < 28 || memcmp(client->line, "id: ", 4) != 0 ||
        !moment_parse(client->line + 4, 24, &to_ms)) {
        return;
    }
    second = (to_ms - EPOCH_MS) / 1000;
    if (!atomic_load(&shared->measuring) || second < 0 || second >= SECONDS_MAX ||
        atomic_load(&shared->closed_us[second]) == 0 || delays->count == delays->capacity) {
        return;
    }
    delays->us[delays->count++] = now_us - atomic_load(&shared->closed_us[second]);
}

static void read_client(const struct shared *shared, struct client *client, struct delays *delays)
{
    static char bytes[65536];
    int64_t now_us = clock_mono_us();
    ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);

    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] == '\n') {
            note_line(shared, client, now_us, delays);
            client->used = 0;
        } else if (client->used < sizeof client->line) {
            client->line[client->used++] = bytes[i];
        }
    }
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* What so many thousandths are not above. */
static double share_ms(const struct delays *delays, size_t thousandths)
{
    size_t at = delays->count * thousandths / 1000;

    return (double)delays->us[at < delays->count ? at : delays->count - 1] / 1000;
}

static void report_delays(struct delays *delays)
{
    qsort(delays->us, delays->count, sizeof delays->us[0], compare);
    if (delays->count == 0) {
        return;
    }
    (void)printf("{\"part\":\"delay\",\"events\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
                 "\"p999_ms\":%.2f,\"max_ms\":%.2f}\n",
                 delays->count, share_ms(delays, 500), share_ms(delays, 990), share_ms(delays, 999),
                 share_ms(delays, 1000));
    (void)fflush(stdout);
}

static int run_clients(struct shared *shared, const struct wanted *wanted)
{
    uint32_t all = wanted->streams + wanted->stuck;
    struct client *clients = calloc(all, sizeof *clients);
    struct delays delays = {.capacity = (size_t)wanted->streams * (wanted->seconds + 10)};
    struct epoll_event ready[256];
    int poller = epoll_create1(0);

    delays.us = calloc(delays.capacity, sizeof *delays.us);
    while (atomic_load(&shared->port) == 0) {
        (void)sleep(1);
    }
    for (uint32_t i = 0; i < all; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = i}};

        clients[i] = (struct client){.fd = dial(shared, wanted, i), .stuck = i >= wanted->streams};
        if (!clients[i].stuck) {
            (void)epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].fd, &event);
        }
        atomic_store(&shared->connected, i + 1);
    }
    while (!atomic_load(&shared->stopping)) {
        int count = epoll_wait(poller, ready, 256, 100);

        for (int i = 0; i < count; i++) {
            read_client(shared, &clients[ready[i].data.u32], &delays);
        }
    }
    report_delays(&delays);
    free(delays.us);
    free(clients);
    return 0;
}

/* ---- the service ------------------------------------------------------------------------------
 */

struct bench {
    struct store *store;
    struct shared *shared;
    struct http_counters counters;
    struct api_context context;
    int64_t offset, now_ms, ingest_us;
    int64_t advance_us_max;
};

static uint64_t dice_state = 20261129;

static uint64_t dice(void)
{
    uint64_t mixed = dice_state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static void send_event(struct bench *bench, uint64_t page_number, uint64_t box_number)
{
    char page[32], box[32], visitor[32];
    struct event event = {.type = dice() % 100 < 3 ? EVENT_CLICK : EVENT_VIEW,
                          .ts_ms = bench->now_ms};

    event.page = (struct text){
        page, (size_t)snprintf(page, sizeof page, "/offer/%llu", (unsigned long long)page_number)};
    event.box = (struct text){
        box, (size_t)snprintf(box, sizeof box, "opbox.%llu", (unsigned long long)box_number)};
    event.visitor = (struct text){visitor, (size_t)snprintf(visitor, sizeof visitor, "v-%llu",
                                                            (unsigned long long)(dice() % 50000))};
    if (store_record_event(bench->store, 0, bench->offset++, bench->now_ms, bench->now_ms,
                           &event) != CTR_OK) {
        abort();
    }
}

static void advance(struct bench *bench, int64_t now_ms)
{
    int64_t before_ms = store_progress(bench->store).to_ms;
    int64_t begun_us = clock_mono_us();
    int64_t second = 0;

    partition_confirm(store_partition(bench->store, 0), bench->offset, now_ms);
    if (store_advance(bench->store, now_ms, false) != CTR_OK) {
        abort();
    }
    if (clock_mono_us() - begun_us > bench->advance_us_max) {
        bench->advance_us_max = clock_mono_us() - begun_us;
    }
    second = (store_progress(bench->store).to_ms - EPOCH_MS) / 1000;
    if (store_progress(bench->store).to_ms != before_ms && second >= 0 && second < SECONDS_MAX) {
        atomic_store(&bench->shared->closed_us[second], clock_mono_us());
    }
    bench->now_ms = now_ms;
}

static int64_t thread_cpu_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *ingest(void *argument)
{
    struct bench *bench = argument;
    int64_t begun_ms = clock_mono_ms();

    for (int64_t tick = 1; !atomic_load(&bench->shared->done); tick++) {
        for (int i = 0; i < RATE / TICKS; i++) {
            send_event(bench, dice() % PAGES, dice() % BOXES);
        }
        advance(bench, EPOCH_MS + tick * (1000 / TICKS));
        bench->ingest_us = thread_cpu_us();
        while (clock_mono_ms() < begun_ms + tick * (1000 / TICKS)) {
            const struct timespec pause = {.tv_nsec = 500000};

            (void)nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static void make_store(struct bench *bench)
{
    struct store_options options = {.dedup_horizon_ms = 60000,
                                    .lateness_ms = 120000,
                                    .late_ms = 48 * 3600000,
                                    .future_ms = 60000,
                                    .people_horizon_ms = 600000,
                                    .visitors_max = 10000000,
                                    .ids_max = 1000000,
                                    .minutes_max = 4000000,
                                    .keys_max = 100000,
                                    .held_max = 2000000};
    uint32_t partition = 0;

    bench->now_ms = EPOCH_MS - 2000;
    if (window_set_parse("1m,10m,1h,24h", &options.windows, NULL) != CTR_OK ||
        store_new(&options, &bench->store, NULL) != CTR_OK ||
        store_partition_open(bench->store, "events", 0, &partition) != CTR_OK) {
        abort();
    }
    partition_start(store_partition(bench->store, partition), 0, false);
    for (uint64_t place = 0; place < PAGES * BOXES; place++) {
        send_event(bench, place / BOXES, place % BOXES);
    }
    advance(bench, EPOCH_MS);
}

static int64_t cpu_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

struct usage {
    int64_t cpu_us, ingest_us;
    uint64_t events;
};

static struct usage use(struct bench *bench)
{
    return (struct usage){cpu_us(), bench->ingest_us, atomic_load(&bench->counters.stream_events)};
}

static void report_usage(const char *part, const struct usage *before, const struct usage *after,
                         uint32_t seconds, const struct bench *bench)
{
    (void)printf("{\"part\":\"%s\",\"cpu_percent\":%.1f,\"ingest_cpu_percent\":%.1f,"
                 "\"events\":%llu,\"longest_advance_ms\":%.1f}\n",
                 part, (double)(after->cpu_us - before->cpu_us) / seconds / 10000,
                 (double)(after->ingest_us - before->ingest_us) / seconds / 10000,
                 (unsigned long long)(after->events - before->events),
                 (double)bench->advance_us_max / 1000);
    (void)fflush(stdout);
}

/* The listeners come, are served for a while, and the end is seen by all of them. */
static void measure(struct bench *bench, const struct wanted *wanted, uint16_t port)
{
    struct shared *shared = bench->shared;
    uint32_t all = wanted->streams + wanted->stuck;
    struct usage before, after;
    int64_t rss = 0;

    (void)sleep(WARM_S);
    before = use(bench);
    (void)sleep(WARM_S);
    after = use(bench);
    report_usage("alone", &before, &after, WARM_S, bench);
    rss = rss_bytes();
    atomic_store(&shared->port, port);
    while (atomic_load(&bench->counters.streams_opened) < all) {
        (void)sleep(1);
    }
    (void)sleep(1);
    (void)printf("{\"part\":\"memory\",\"streams\":%u,\"rss_mb\":%.0f,\"bytes_a_stream\":%.0f}\n",
                 all, (double)rss / 1048576, (double)(rss_bytes() - rss) / all);
    bench->advance_us_max = 0;
    atomic_store(&shared->measuring, true);
    before = use(bench);
    (void)sleep(wanted->seconds);
    after = use(bench);
    atomic_store(&shared->measuring, false);
    report_usage("streams", &before, &after, wanted->seconds, bench);
    (void)printf("{\"part\":\"cut\",\"stalled\":%llu,\"closed\":%llu}\n",
                 (unsigned long long)atomic_load(&bench->counters.stalled),
                 (unsigned long long)atomic_load(&bench->counters.streams_closed));
    (void)fflush(stdout);
}

static void end(struct bench *bench, struct http_server *server)
{
    int64_t begun_us = clock_mono_us();

    http_server_quiesce(server);
    http_server_settle(server, 5000);
    (void)printf("{\"part\":\"end\",\"ms\":%.0f,\"closed\":%llu}\n",
                 (double)(clock_mono_us() - begun_us) / 1000,
                 (unsigned long long)atomic_load(&bench->counters.streams_closed));
    (void)fflush(stdout);
    atomic_store(&bench->shared->stopping, true);
    http_server_stop(server);
}

static uint32_t argument(int argc, char **argv, int at, uint32_t otherwise)
{
    return argc > at ? (uint32_t)strtoul(argv[at], NULL, 10) : otherwise;
}

static int serve(struct shared *shared, const struct wanted *wanted)
{
    static struct bench bench;
    const struct streams_options streams = {.context = &bench.context,
                                            .wall_ms = clock_wall_ms,
                                            .mono_ms = clock_mono_ms,
                                            .max = 100000};
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 2,
                                   .connections_max = 20000,
                                   .context = &bench.context,
                                   .wall_ms = clock_wall_ms,
                                   .mono_ms = clock_mono_ms,
                                   .mono_us = clock_mono_us};
    struct http_server *server = NULL;
    struct ctr_error error = {.text = ""};
    pthread_t thread;

    bench.shared = shared;
    make_store(&bench);
    bench.context =
        (struct api_context){.store = bench.store, .version = "bench", .http = &bench.counters};
    if (streams_new(&streams, &bench.context.streams) != CTR_OK ||
        streams_start(bench.context.streams, &error) != CTR_OK ||
        http_server_start(&options, &server, &error) != CTR_OK ||
        pthread_create(&thread, NULL, ingest, &bench) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    measure(&bench, wanted, http_server_port(server));
    end(&bench, server);
    atomic_store(&shared->done, true);
    (void)pthread_join(thread, NULL);
    streams_free(bench.context.streams);
    store_free(bench.store);
    return 0;
}

int main(int argc, char **argv)
{
    struct wanted wanted = {.streams = argument(argc, argv, 1, 1000),
                            .seconds = argument(argc, argv, 2, 20),
                            .distinct = argument(argc, argv, 3, 1),
                            .keys = argument(argc, argv, 4, 10),
                            .stuck = argument(argc, argv, 5, 0)};
    struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t clients = 0;
    int code = 0;

    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (shared == MAP_FAILED) {
        return 1;
    }
    clients = fork();
    if (clients == 0) {
        return run_clients(shared, &wanted);
    }
    code = serve(shared, &wanted);
    (void)waitpid(clients, NULL, 0);
    return code;
}
