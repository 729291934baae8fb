/* SPDX-License-Identifier: Apache-2.0
 *
 * What a read costs without HTTP: api_respond() for one key, for batches and for lists, and the
 * parts of a batch alone. CPU time of one thread. One JSON line a case.
 *
 *   bench_api_reads [PAGES [BOXES]]    placements: so many pages with so many boxes each (500, 40)
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/router.h"
#include "storage/listing.h"
#include "storage/moment.h"

enum { BODY_ROOM = 131072, BODIES = 64, READERS = 16, READ_MS = 1000 };
#define BEGIN_MS INT64_C(1795455000000)

struct bench {
    struct store *store;
    struct api_context context;
    unsigned pages, boxes;
    int64_t offset, now_ms;
};

struct body {
    char bytes[BODY_ROOM];
    size_t length;
};

static struct body bodies[BODIES];

static int64_t cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void must(enum ctr_status status, const char *what)
{
    if (status != CTR_OK) {
        (void)fprintf(stderr, "%s: status %d\n", what, (int)status);
        exit(1);
    }
}

static uint64_t dice_state = 20261123;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice_state >> 33) % sides;
}

static void report(const char *name, int64_t ns, double times, double boxes)
{
    (void)printf("{\"case\":\"%s\",\"us\":%.2f,\"ns_per_box\":%.1f}\n", name,
                 (double)ns / times / 1000, (double)ns / times / boxes);
    (void)fflush(stdout);
}

/* ---- the numbers --------------------------------------------------------------------------- */

static void open_store(struct bench *bench)
{
    struct store_options options = {.clock = CLOCK_WALL,
                                    .late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 20000000,
                                    .ids_max = 1000000,
                                    .minutes_max = 10000000,
                                    .keys_max = 2000000,
                                    .held_max = 20000000,
                                    .hash_secret = {20261123}};
    uint32_t index = 0;

    must(window_set_parse("1m,10m,1h,24h", &options.windows, NULL), "windows");
    must(store_new(&options, &bench->store, NULL), "store");
    must(store_partition_open(bench->store, "events", 0, &index), "partition");
    partition_start(store_partition(bench->store, 0), 0, false);
    bench->context = (struct api_context){.store = bench->store, .version = "bench"};
}

static void give(struct bench *bench, enum event_type type, unsigned page, unsigned box)
{
    char texts[3][48];
    struct event event = {.type = type, .ts_ms = bench->now_ms};

    event.page =
        (struct text){texts[0], (size_t)snprintf(texts[0], sizeof texts[0], "/offer/%u", page)};
    event.box = (struct text){
        texts[1], (size_t)snprintf(texts[1], sizeof texts[1], "opbox.carousel.%u", box)};
    event.visitor =
        (struct text){texts[2], (size_t)snprintf(texts[2], sizeof texts[2], "v%u", dice(10000))};
    must(store_record_event(bench->store, 0, bench->offset++, bench->now_ms, bench->now_ms, &event),
         "event");
}

static void advance(struct bench *bench)
{
    struct partition *partition = store_partition(bench->store, 0);

    bench->now_ms += 1000;
    partition_confirm(partition, partition_next(partition), bench->now_ms);
    must(store_advance(bench->store, bench->now_ms, false), "advance");
}

/* Every placement is seen a few times and some are clicked. */
static void fill(struct bench *bench)
{
    bench->now_ms = BEGIN_MS;
    for (unsigned page = 0; page < bench->pages; page++) {
        for (unsigned box = 0; box < bench->boxes; box++) {
            for (unsigned views = 1 + dice(bench->pages > 10000 ? 2 : 60); views > 0; views--)
                give(bench, EVENT_VIEW, page, box);
            if (dice(3) == 0)
                give(bench, EVENT_CLICK, page, box);
        }
        if (page % 512 == 511)
            advance(bench);
    }
    advance(bench);
}

/* ---- asking -------------------------------------------------------------------------------- */

static void make_body(const struct bench *bench, unsigned items, struct body *body)
{
    body->length = (size_t)snprintf(body->bytes, BODY_ROOM, "{\"window\":\"10m\",\"items\":[");
    for (unsigned i = 0; i < items; i++)
        body->length += (size_t)snprintf(body->bytes + body->length, BODY_ROOM - body->length,
                                         "%s{\"page\":\"/offer/%u\",\"box\":\"opbox.carousel.%u\"}",
                                         i == 0 ? "" : ",", dice(bench->pages), dice(bench->boxes));
    body->length += (size_t)snprintf(body->bytes + body->length, BODY_ROOM - body->length, "]}");
}

static size_t ask(const struct bench *bench, const char *target, const struct body *body)
{
    struct api_request request = {.method = body == NULL ? API_GET : API_POST,
                                  .target = target,
                                  .content_type = "application/json",
                                  .body = body == NULL ? NULL : body->bytes,
                                  .body_length = body == NULL ? 0 : body->length,
                                  .now_ms = bench->now_ms};
    struct api_response response;
    size_t length;

    api_respond(&bench->context, false, &request, &response);
    if (response.status != 200) {
        (void)fprintf(stderr, "%s: %.*s\n", target, (int)response.body_length, response.body);
        exit(1);
    }
    length = response.body_length;
    api_response_done(&response);
    return length;
}

/* Batches of so many, `kinds` different ones in turn; `moving`: the picture changes each time. */
static void bench_batch(struct bench *bench, const char *name, unsigned items, unsigned kinds,
                        bool moving)
{
    unsigned times = moving ? 200 : 400000 / items / 4 + 100;
    int64_t ns = 0;

    for (unsigned i = 0; i < kinds; i++)
        make_body(bench, items, &bodies[i]);
    for (unsigned i = 0; !moving && i < kinds; i++)
        (void)ask(bench, "/v1/ctr:batchGet", &bodies[i]);
    for (unsigned i = 0; i < times; i++) {
        int64_t begun_ns;

        if (moving)
            advance(bench);
        begun_ns = cpu_ns();
        (void)ask(bench, "/v1/ctr:batchGet", &bodies[i % kinds]);
        ns += cpu_ns() - begun_ns;
    }
    report(name, ns, times, items);
}

static void bench_get(struct bench *bench, const char *name, const char *target, unsigned times,
                      bool moving, double rows)
{
    int64_t ns = 0;

    if (!moving)
        (void)ask(bench, target, NULL);
    for (unsigned i = 0; i < times; i++) {
        int64_t begun_ns;

        if (moving)
            advance(bench);
        begun_ns = cpu_ns();
        (void)ask(bench, target, NULL);
        ns += cpu_ns() - begun_ns;
    }
    report(name, ns, times, rows);
}

/* ---- the parts of a batch ------------------------------------------------------------------ */

static void bench_parts(struct bench *bench)
{
    enum { ITEMS = 100, TIMES = 2000 };
    struct api_request request = {.content_type = "application/json"};
    struct figures figures[ITEMS];
    struct reading reading;
    struct batch_body batch;
    struct problem problem;
    struct writer writer;
    int64_t parts[4] = {0};
    double sum = 0;

    make_body(bench, ITEMS, &bodies[0]);
    request.body = bodies[0].bytes;
    request.body_length = bodies[0].length;
    for (int i = 0; i < TIMES; i++) {
        int64_t at[5] = {cpu_ns()};

        must(body_read(&request, &batch, &problem), "body");
        at[1] = cpu_ns();
        store_read(bench->store, 1, batch.names, batch.count, figures, &reading);
        at[2] = cpu_ns();
        writer_init(&writer, ANSWER_BYTES_MAX);
        for (size_t k = 0; k < batch.count; k++) {
            writer_open(&writer, '{');
            answer_write_names(&writer, batch.names[k].page, batch.names[k].box);
            answer_write_numbers(&writer, &figures[k]);
            writer_close(&writer, '}');
        }
        at[3] = cpu_ns();
        writer_done(&writer);
        writer_init(&writer, ANSWER_BYTES_MAX);
        for (size_t k = 0; k < batch.count; k++)
            writer_real(&writer, (double)(k + 1) / (double)(figures[k].totals.impressions + 7));
        at[4] = cpu_ns();
        sum += (double)writer.length;
        writer_done(&writer);
        body_done(&batch);
        for (int k = 0; k < 4; k++)
            parts[k] += at[k + 1] - at[k];
    }
    report("part_body", parts[0], TIMES, ITEMS);
    report("part_store", parts[1], TIMES, ITEMS);
    report("part_rendering", parts[2], TIMES, ITEMS);
    report("part_one_real", parts[3], TIMES, ITEMS);
    (void)sum;
}

/* ---- many readers -------------------------------------------------------------------------- */

struct reader {
    const struct bench *bench;
    const _Atomic bool *stop;
    uint64_t batches;
    int64_t cpu_ns;
};

static void *read_on(void *owner)
{
    struct reader *reader = owner;
    int64_t begun_ns = cpu_ns();

    while (!atomic_load(reader->stop)) {
        (void)ask(reader->bench, "/v1/ctr:batchGet", &bodies[reader->batches % BODIES]);
        reader->batches++;
    }
    reader->cpu_ns = cpu_ns() - begun_ns;
    return NULL;
}

static void bench_readers(struct bench *bench, unsigned count)
{
    pthread_t threads[READERS];
    struct reader readers[READERS];
    _Atomic bool stop = false;
    uint64_t batches = 0;
    int64_t ns = 0;
    const struct timespec meanwhile = {.tv_sec = READ_MS / 1000};
    char name[48];

    for (unsigned i = 0; i < BODIES; i++)
        make_body(bench, 100, &bodies[i]);
    for (unsigned i = 0; i < count; i++) {
        readers[i] = (struct reader){.bench = bench, .stop = &stop};
        if (pthread_create(&threads[i], NULL, read_on, &readers[i]) != 0)
            exit(1);
    }
    (void)nanosleep(&meanwhile, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        batches += readers[i].batches;
        ns += readers[i].cpu_ns;
    }
    (void)snprintf(name, sizeof name, "batch_100_by_%u_threads", count);
    report(name, ns, (double)batches, 100);
}

int main(int count, char **arguments)
{
    static struct bench bench;

    bench.pages = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 500;
    bench.boxes = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 40;
    open_store(&bench);
    fill(&bench);
    bench_get(&bench, "placements_first", "/v1/top?limit=100&level=placement", 1, true, 100);
    bench_parts(&bench);
    bench_get(&bench, "get", "/v1/ctr?page=%2Foffer%2F7&box=opbox.carousel.3", 50000, false, 1);
    bench_batch(&bench, "batch_1", 1, BODIES, false);
    bench_batch(&bench, "batch_10", 10, BODIES, false);
    bench_batch(&bench, "batch_100", 100, BODIES, false);
    bench_batch(&bench, "batch_1000", 1000, 4, false);
    bench_batch(&bench, "batch_100_same", 100, 1, false);
    bench_batch(&bench, "batch_100_moving", 100, BODIES, true);
    bench_get(&bench, "top_100", "/v1/top?limit=100&level=placement", 20, false, 100);
    bench_get(&bench, "top_100_moving", "/v1/top?limit=100&level=placement", 10, true, 100);
    bench_get(&bench, "pages_100", "/v1/pages?limit=100", 20, false, 100);
    bench_get(&bench, "pages_100_moving", "/v1/pages?limit=100", 10, true, 100);
    bench_get(&bench, "boxes_of_a_page", "/v1/boxes?page=%2Foffer%2F7", 100, false,
              (double)bench.boxes);
    bench_readers(&bench, 1);
    bench_readers(&bench, READERS);
    store_free(bench.store);
    return 0;
}
