/* SPDX-License-Identifier: Apache-2.0
 *
 * What GET /v1/export of a million keys costs, over a socket, while RATE events a second are
 * counted: time, growth of memory, whether its sums equal the site's row of the same document, and
 * what the writer notices. Without an export first, for comparison.
 *
 *   bench_service_export [KEYS, default 1000000] [RATE, default 10000] [FILE to keep the document]
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
#include <sys/socket.h>

#include "api/counters.h"
#include "api/export.h"
#include "api/http.h"
#include "service/clock.h"
#include "service/rss.h"
#include "storage/walk.h"

enum { BOXES = 5000, TICKS = 20, READ_BYTES = 1 << 20, EXPORTS = 3, ALONE_S = 6 };
#define EPOCH_MS INT64_C(1795454400000)

struct bench {
    struct store *store;
    struct http_counters counters;
    struct api_context context;
    uint64_t places, pages;
    int64_t rate, offset, now_ms;
    const char *path;
    _Atomic bool stopping;
    _Atomic int64_t advance_us_max, rss_max;
};

struct sums {
    uint64_t rows, impressions[LEVEL_COUNT], clicks[LEVEL_COUNT];
};

static uint64_t dice_state = 20261129;

/* SplitMix64: seeded, so that runs compare. */
static uint64_t mix(uint64_t mixed)
{
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static uint64_t dice(void)
{
    return mix(dice_state += UINT64_C(0x9E3779B97F4A7C15));
}

static void send_event(struct bench *bench, uint64_t place, bool whole_page)
{
    char page[32], box[32];
    struct event event = {.type = dice() % 100 < 3 ? EVENT_CLICK : EVENT_VIEW,
                          .ts_ms = bench->now_ms};

    event.page = (struct text){page, (size_t)snprintf(page, sizeof page, "/offer/%llu",
                                                      (unsigned long long)(place % bench->pages))};
    if (!whole_page) {
        event.box = (struct text){box, (size_t)snprintf(box, sizeof box, "opbox.carousel.%llu",
                                                        (unsigned long long)(mix(place) % BOXES))};
    }
    if (store_record_event(bench->store, 0, bench->offset++, bench->now_ms, bench->now_ms,
                           &event) != CTR_OK) {
        abort();
    }
}

static void advance(struct bench *bench, int64_t now_ms)
{
    int64_t begun_us = clock_mono_us();
    int64_t took_us = 0;

    partition_confirm(store_partition(bench->store, 0), bench->offset, now_ms);
    if (store_advance(bench->store, now_ms, false) != CTR_OK) {
        abort();
    }
    took_us = clock_mono_us() - begun_us;
    if (took_us > atomic_load(&bench->advance_us_max)) {
        atomic_store(&bench->advance_us_max, took_us);
    }
    bench->now_ms = now_ms;
}

static void make_store(struct bench *bench, uint64_t keys)
{
    struct store_options options = {.dedup_horizon_ms = 60000,
                                    .lateness_ms = 120000,
                                    .late_ms = 48 * 3600000,
                                    .future_ms = 60000,
                                    .settle_ms = 0,
                                    .people_horizon_ms = 600000,
                                    .visitors_max = 1000000,
                                    .ids_max = 1000000,
                                    .minutes_max = 4000000,
                                    .keys_max = (uint32_t)(keys + keys / 10 + 1000),
                                    .held_max = 2000000};
    uint32_t partition = 0;

    bench->pages = keys / 20;
    bench->places = keys - bench->pages - BOXES;
    bench->now_ms = EPOCH_MS;
    if (window_set_parse("1m,10m,1h,24h", &options.windows, NULL) != CTR_OK ||
        store_new(&options, &bench->store, NULL) != CTR_OK ||
        store_partition_open(bench->store, "events", 0, &partition) != CTR_OK) {
        abort();
    }
    partition_start(store_partition(bench->store, partition), 0, false);
    for (uint64_t place = 0; place < bench->places; place++) {
        send_event(bench, place, false);
        if (place < bench->pages) {
            send_event(bench, place, true);
        }
        if (place % 10000 == 9999) {
            advance(bench, bench->now_ms + 1000);
        }
    }
    advance(bench, bench->now_ms + 2000);
}

static void pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};

    (void)nanosleep(&pause, NULL);
}

/* Ingest as it is live: TICKS batches a second, a step a second. */
static void *ingest(void *argument)
{
    struct bench *bench = argument;
    int64_t begun_ms = clock_mono_ms();
    int64_t base_ms = bench->now_ms;

    for (int64_t tick = 1; !atomic_load(&bench->stopping); tick++) {
        int64_t due_ms = begun_ms + tick * (1000 / TICKS);

        for (int64_t i = 0; i < bench->rate / TICKS; i++) {
            send_event(bench, dice() % bench->places, i % 5 == 0);
        }
        advance(bench, base_ms + tick * (1000 / TICKS));
        while (clock_mono_ms() < due_ms) {
            pause_us(500);
        }
    }
    return NULL;
}

static void *watch_memory(void *argument)
{
    struct bench *bench = argument;

    while (!atomic_load(&bench->stopping)) {
        int64_t rss = rss_bytes();

        if (rss > atomic_load(&bench->rss_max)) {
            atomic_store(&bench->rss_max, rss);
        }
        pause_us(2000);
    }
    return NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static uint64_t number_after(const char *line, const char *name)
{
    const char *found = strstr(line, name);

    return found == NULL ? 0 : strtoull(found + strlen(name), NULL, 10);
}

static void add_line(struct sums *sums, const char *line)
{
    static const char *const levels[LEVEL_COUNT] = {"{\"level\":\"site\"", "{\"level\":\"page\"",
                                                    "{\"level\":\"box\"",
                                                    "{\"level\":\"placement\""};

    for (int level = 0; level < LEVEL_COUNT; level++) {
        if (strncmp(line, levels[level], strlen(levels[level])) == 0) {
            sums->rows++;
            sums->impressions[level] += number_after(line, "\"impressions\":");
            sums->clicks[level] += number_after(line, "\"clicks\":");
        }
    }
}

static FILE *ask(uint16_t port)
{
    static const char request[] = "GET /v1/export?window=24h HTTP/1.0\r\n"
                                  "Accept: application/x-ndjson\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, sizeof request - 1, 0) != (ssize_t)sizeof request - 1) {
        abort();
    }
    return fdopen(fd, "r");
}

static void export_once(struct bench *bench, uint16_t port)
{
    static char line[16384];
    int64_t begun_us = clock_mono_us();
    int64_t first_us = 0;
    int64_t rss = rss_bytes();
    uint64_t restarts = atomic_load(&bench->counters.exports_restarted);
    uint64_t bytes = 0;
    struct sums sums = {0};
    FILE *answer = ask(port);
    FILE *kept = bench->path == NULL ? NULL : fopen(bench->path, "w");

    atomic_store(&bench->advance_us_max, 0);
    atomic_store(&bench->rss_max, 0);
    while (fgets(line, sizeof line, answer) != NULL) {
        first_us = first_us == 0 ? clock_mono_us() : first_us;
        bytes += strlen(line);
        add_line(&sums, line);
        if (kept != NULL && line[0] == '{') {
            (void)fputs(line, kept);
        }
    }
    (void)fclose(answer);
    if (kept != NULL) {
        (void)fclose(kept);
    }
    (void)printf(
        "{\"part\":\"export\",\"rows\":%llu,\"mb\":%.1f,\"first_byte_ms\":%.0f,\"all_ms\":%.0f,"
        "\"restarts\":%llu,\"rss_growth_mb\":%.2f,\"longest_advance_ms\":%.1f,"
        "\"pages_equal_site\":%s,\"placements_equal_boxes\":%s}\n",
        (unsigned long long)sums.rows, (double)bytes / 1048576,
        (double)(first_us - begun_us) / 1000, (double)(clock_mono_us() - begun_us) / 1000,
        (unsigned long long)(atomic_load(&bench->counters.exports_restarted) - restarts),
        (double)(atomic_load(&bench->rss_max) - rss) / 1048576,
        (double)atomic_load(&bench->advance_us_max) / 1000,
        sums.impressions[LEVEL_SITE] > 0 &&
                sums.impressions[LEVEL_PAGE] == sums.impressions[LEVEL_SITE] &&
                sums.clicks[LEVEL_PAGE] == sums.clicks[LEVEL_SITE]
            ? "true"
            : "false",
        sums.impressions[LEVEL_BOX] == sums.impressions[LEVEL_PLACEMENT] &&
                sums.clicks[LEVEL_BOX] == sums.clicks[LEVEL_PLACEMENT]
            ? "true"
            : "false");
    (void)fflush(stdout);
}

/* How long the lock is held, or waited for, by one piece. */
static void measure_holds(const struct bench *bench)
{
    static const bool levels[LEVEL_COUNT] = {true, true, true, true};
    static struct walk_piece piece;
    struct walk walk;
    int64_t begun_us = clock_mono_us();
    int64_t longest_us = 0;
    int64_t pieces = 0;

    walk_begin(bench->store, 3, levels, &walk);
    while (walk.stage != WALK_DONE) {
        int64_t before_us = clock_mono_us();

        if (walk_next(bench->store, &walk, &piece) != CTR_OK) {
            abort();
        }
        pieces++;
        if (clock_mono_us() - before_us > longest_us) {
            longest_us = clock_mono_us() - before_us;
        }
    }
    (void)printf("{\"part\":\"walk\",\"pieces\":%lld,\"all_ms\":%.0f,\"mean_us\":%.0f,"
                 "\"longest_us\":%lld}\n",
                 (long long)pieces, (double)(clock_mono_us() - begun_us) / 1000,
                 (double)(clock_mono_us() - begun_us) / (double)pieces, (long long)longest_us);
    (void)fflush(stdout);
}

/* What the same time brings without an export: ingest itself takes memory. */
static void measure_alone(struct bench *bench)
{
    int64_t rss = rss_bytes();

    atomic_store(&bench->rss_max, 0);
    (void)sleep(ALONE_S);
    (void)printf("{\"part\":\"alone\",\"seconds\":%d,\"rss_mb\":%.0f,\"rss_growth_mb\":%.2f,"
                 "\"longest_advance_ms\":%.1f}\n",
                 (int)ALONE_S, (double)rss / 1048576,
                 (double)(atomic_load(&bench->rss_max) - rss) / 1048576,
                 (double)atomic_load(&bench->advance_us_max) / 1000);
    (void)fflush(stdout);
}

static void no_facts(void *owner, struct service_facts *ret_facts)
{
    (void)owner;
    memset(ret_facts, 0, sizeof *ret_facts);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const struct exports_options exports = {
        .max = 2, .counters = &bench.counters, .folder = "/tmp"};
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 2,
                                   .connections_max = 64,
                                   .context = &bench.context,
                                   .wall_ms = clock_wall_ms,
                                   .mono_ms = clock_mono_ms,
                                   .mono_us = clock_mono_us};
    struct http_server *server = NULL;
    struct ctr_error error = {.text = ""};
    pthread_t threads[2];

    bench.rate = argc > 2 ? strtoll(argv[2], NULL, 10) : 10000;
    bench.path = argc > 3 ? argv[3] : NULL;
    make_store(&bench, argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000);
    measure_holds(&bench);
    bench.context = (struct api_context){
        .store = bench.store, .facts = no_facts, .version = "bench", .http = &bench.counters};
    if (exports_new(&exports, &bench.context.exports) != CTR_OK ||
        http_server_start(&options, &server, &error) != CTR_OK ||
        pthread_create(&threads[0], NULL, ingest, &bench) != 0 ||
        pthread_create(&threads[1], NULL, watch_memory, &bench) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    measure_alone(&bench);
    for (int i = 0; i < EXPORTS; i++) {
        export_once(&bench, http_server_port(server));
    }
    atomic_store(&bench.stopping, true);
    (void)pthread_join(threads[0], NULL);
    (void)pthread_join(threads[1], NULL);
    http_server_stop(server);
    exports_free(bench.context.exports);
    store_free(bench.store);
    return 0;
}
