/* SPDX-License-Identifier: Apache-2.0
 *
 * People at full load: RATE events a second of event time from a million visitors and 20,000 boxes
 * (Zipf), 3 % clicks, 5 % exact copies, 5 % late, into one store, advanced every 100 ms of event
 * time and cut every ten seconds of it. Says what an event costs, the longest single step (a pause
 * of the ingest thread), bytes a pair, and the process's memory. What an event costs is CPU time.
 * The events of 100 ms are made before the clock runs, so that only the store is measured; `late_`
 * figures are of the last minute, where people and ids are as many as they get.
 *
 *   bench_service_people [SECONDS of event time, default 120] [people_horizon, default 10m]
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service/clock.h"
#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/snapshot.h"
#include "storage/store_record.h"
#include "storage/store_status.h"

enum {
    RATE = 10000,
    TICKS = 10, /* advances a second */
    GROUP = 20, /* events that are recorded together: a part of those of a tick */
    VISITORS = 1000000,
    BOXES = 20000,
    PAGES = 500,
    CUT_SECONDS = 10,
    COPY_DISTANCE = 1 << 21, /* events: a little more than three minutes */
};
#define EPOCH_MS INT64_C(1795454400000)

struct sent {
    int64_t ts_ms;
    uint32_t box, visitor;
    uint64_t id;
    bool click;
};

struct made {
    struct event event;
    char page[32], box[32], visitor[32], id[32];
};

struct bench {
    struct store *store;
    struct snapshot *snapshot;
    double *zipf; /* cumulative */
    struct sent *ring;
    uint64_t sent;
    int64_t offset;
    struct made *made; /* the events of one tick */
    uint64_t sent_before;
    int64_t record_us_before, advance_us_before;
    int64_t step_us_max, cut_us_max, save_us_max, advance_us, record_us, save_us, cut_us;
    bool whole_next;
};

static uint64_t dice_state = 20261127;

/* SplitMix64: seeded, so that runs compare. */
static uint64_t dice(void)
{
    uint64_t mixed = dice_state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static double *make_zipf(void)
{
    double *sums = calloc(BOXES, sizeof *sums);
    double sum = 0;

    for (int i = 0; sums != NULL && i < BOXES; i++) {
        sum += 1.0 / pow(i + 1, 1.1);
        sums[i] = sum;
    }
    return sums;
}

static uint32_t pick_box(const double *zipf)
{
    double wanted = (double)(dice() >> 11) / 9007199254740992.0 * zipf[BOXES - 1];
    uint32_t low = 0;
    uint32_t high = BOXES - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (zipf[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct sent make_event(struct bench *bench, int64_t now_ms)
{
    struct sent event = {.ts_ms = now_ms,
                         .box = pick_box(bench->zipf),
                         .visitor = (uint32_t)(dice() % VISITORS),
                         .id = bench->sent,
                         .click = dice() % 100 < 3};
    uint64_t kind = dice() % 100;

    if (kind < 5 && bench->sent > 0) {
        uint64_t known = bench->sent < COPY_DISTANCE ? bench->sent : COPY_DISTANCE;

        event = bench->ring[(bench->sent - 1 - dice() % known) % COPY_DISTANCE];
    } else if (kind < 10) {
        event.ts_ms -= (int64_t)(dice() % (2 * 3600 * 1000));
    }
    bench->ring[bench->sent++ % COPY_DISTANCE] = event;
    return event;
}

/* Of this thread: what else runs on the machine costs nothing then, but for the caches. */
static int64_t cpu_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct text print_text(char text[32], const char *prefix, uint64_t number)
{
    return (struct text){.bytes = text,
                         .length = (size_t)snprintf(text, 32, "%s%" PRIu64, prefix, number)};
}

static void make(struct bench *bench, int64_t now_ms, struct made *made)
{
    struct sent sent = make_event(bench, now_ms);

    made->event = (struct event){.type = sent.click ? EVENT_CLICK : EVENT_VIEW,
                                 .ts_ms = sent.ts_ms,
                                 .page = print_text(made->page, "/offer/", sent.box % PAGES),
                                 .box = print_text(made->box, "opbox.carousel.", sent.box),
                                 .visitor = print_text(made->visitor, "v-", sent.visitor),
                                 .id = print_text(made->id, "451a8d1a-", sent.id)};
}

/* As the pipeline does. */
static void record_group(struct bench *bench, int64_t begin_ms, int first)
{
    struct event_hashes hashes[GROUP];

    for (int i = 0; i < GROUP; i++) {
        store_hash_event(bench->store, &bench->made[first + i].event, &hashes[i]);
    }
    for (int i = 0; i < GROUP; i++) {
        store_fetch_names(bench->store, &hashes[i]);
    }
    for (int i = 0; i < GROUP; i++) {
        int64_t now_ms = begin_ms + (first + i) * (1000 / TICKS) / (RATE / TICKS);

        if (store_record_hashed(bench->store, 0, bench->offset++, now_ms, now_ms,
                                &bench->made[first + i].event, &hashes[i]) != CTR_OK) {
            abort();
        }
    }
}

/* The events of one tick, the i-th at begin_ms + its part of the tick. */
static void send(struct bench *bench, int64_t begin_ms)
{
    int64_t begun_us = 0;

    for (int i = 0; i < RATE / TICKS; i++) {
        make(bench, begin_ms + i * (1000 / TICKS) / (RATE / TICKS), &bench->made[i]);
    }
    begun_us = cpu_us();
    for (int i = 0; i < RATE / TICKS; i += GROUP) {
        record_group(bench, begin_ms, i);
    }
    bench->record_us += cpu_us() - begun_us;
}

static int64_t longer(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static void advance(struct bench *bench, int64_t now_ms)
{
    int64_t begun_us = clock_mono_us();
    int64_t begun_cpu_us = cpu_us();
    int64_t took_us = 0;

    partition_confirm(store_partition(bench->store, 0), bench->offset, now_ms);
    if (store_advance(bench->store, now_ms, false) != CTR_OK) {
        abort();
    }
    took_us = clock_mono_us() - begun_us;
    bench->advance_us += cpu_us() - begun_cpu_us;
    bench->step_us_max = longer(bench->step_us_max, took_us);
}

static void cut(struct bench *bench, int64_t now_ms)
{
    struct checkpoint *checkpoint = NULL;
    struct ctr_error error = {.text = ""};
    int64_t begun_us = clock_mono_us();
    int64_t took_us = 0;

    if (store_cut(bench->store, bench->whole_next, &checkpoint) != CTR_OK) {
        abort();
    }
    took_us = clock_mono_us() - begun_us;
    bench->cut_us += took_us;
    bench->cut_us_max = longer(bench->cut_us_max, took_us);
    bench->whole_next = false;
    begun_us = clock_mono_us();
    if (snapshot_save(bench->snapshot, checkpoint, now_ms, &error) != CTR_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        abort();
    }
    took_us = clock_mono_us() - begun_us;
    bench->save_us += took_us;
    bench->save_us_max = longer(bench->save_us_max, took_us);
    checkpoint_free(checkpoint);
}

static double rss_mb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;
    long resident = 0;

    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) { /* NOLINT(cert-err34-c): a bench */
            resident = 0;
        }
        (void)fclose(file);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static void report(struct bench *bench, int64_t second)
{
    struct store_status status;
    double events = (double)bench->sent;
    double lately = (double)(bench->sent - bench->sent_before);

    if (store_status_read(bench->store, &status) != CTR_OK) {
        abort();
    }
    (void)printf(
        "{\"second\":%lld,\"events\":%llu,\"record_ns\":%.0f,\"advance_ns\":%.0f,"
        "\"late_record_ns\":%.0f,\"late_advance_ns\":%.0f,"
        "\"longest_advance_ms\":%.1f,\"longest_cut_ms\":%.1f,\"cut_ns\":%.0f,"
        "\"longest_save_ms\":%.0f,\"save_ns\":%.0f,\"pairs\":%llu,\"bytes_a_pair\":%.1f,"
        "\"ids\":%llu,\"store_mb\":%.0f,\"rss_mb\":%.0f,\"file_mb\":%.0f,\"duplicate\":%llu}\n",
        (long long)second, (unsigned long long)bench->sent,
        (double)bench->record_us * 1000 / events, (double)bench->advance_us * 1000 / events,
        (double)(bench->record_us - bench->record_us_before) * 1000 / lately,
        (double)(bench->advance_us - bench->advance_us_before) * 1000 / lately,
        (double)bench->step_us_max / 1000, (double)bench->cut_us_max / 1000,
        (double)bench->cut_us * 1000 / events, (double)bench->save_us_max / 1000,
        (double)bench->save_us * 1000 / events, (unsigned long long)status.people,
        (double)status.people_bytes / (double)(status.people + 1), (unsigned long long)status.ids,
        (double)status.bytes / 1048576.0, rss_mb(),
        (double)snapshot_bytes(bench->snapshot) / 1048576.0,
        (unsigned long long)status.partitions[0].counts.duplicate);
    (void)fflush(stdout);
    store_status_done(&status);
    bench->sent_before = bench->sent;
    bench->record_us_before = bench->record_us;
    bench->advance_us_before = bench->advance_us;
}

static void run(struct bench *bench, int64_t seconds)
{
    for (int64_t second = 0; second < seconds; second++) {
        for (int tick = 0; tick < TICKS; tick++) {
            int64_t now_ms = EPOCH_MS + second * 1000 + tick * (1000 / TICKS);

            send(bench, now_ms);
            advance(bench, now_ms + 1000 / TICKS);
        }
        if (second % CUT_SECONDS == CUT_SECONDS - 1) {
            cut(bench, EPOCH_MS + second * 1000);
        }
        if (second % 60 == 59 || second == seconds - 1) {
            report(bench, second + 1);
        }
    }
}

/* Nothing comes any more: what a step costs that only forgets, until all people are gone. */
static void bench_expiry(struct bench *bench, int64_t second, int64_t horizon_ms)
{
    int64_t steps = horizon_ms / 1000 + 120;
    struct store_status status;

    for (int64_t i = 0; i < steps; i++) {
        if (i == 2) { /* what was held is counted by then */
            bench->step_us_max = bench->advance_us = 0;
        }
        advance(bench, EPOCH_MS + (second + i) * 1000);
    }
    if (store_status_read(bench->store, &status) != CTR_OK) {
        abort();
    }
    (void)printf("{\"part\":\"expiry\",\"steps\":%lld,\"mean_ms\":%.2f,\"longest_ms\":%.1f,"
                 "\"pairs_left\":%llu}\n",
                 (long long)steps, (double)bench->advance_us / 1000 / (double)steps,
                 (double)bench->step_us_max / 1000, (unsigned long long)status.people);
    store_status_done(&status);
}

static void bench_restore(const struct store_options *options, const char *path)
{
    struct snapshot *snapshot = NULL;
    struct checkpoint *checkpoint = NULL;
    struct store *store = NULL;
    int64_t begun_us = clock_mono_us();
    int64_t loaded_us = 0;

    if (snapshot_open(path, &snapshot, NULL) != CTR_OK ||
        snapshot_load(snapshot, &checkpoint, NULL) != CTR_OK) {
        abort();
    }
    loaded_us = clock_mono_us() - begun_us;
    if (store_restore(options, checkpoint, &store, NULL) != CTR_OK) {
        abort();
    }
    (void)printf("{\"part\":\"restart\",\"load_ms\":%.0f,\"restore_ms\":%.0f}\n",
                 (double)loaded_us / 1000, (double)(clock_mono_us() - begun_us - loaded_us) / 1000);
    checkpoint_free(checkpoint);
    store_free(store);
    snapshot_close(snapshot);
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/livectr-bench-people-XXXXXX";
    struct bench bench = {.zipf = make_zipf(), .whole_next = true};
    struct store_options options = {.dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .late_ms = 48 * 60 * MINUTE_MS,
                                    .future_ms = MINUTE_MS,
                                    .settle_ms = 500,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .visitors_max = 200000000,
                                    .ids_max = 50000000,
                                    .minutes_max = 4000000,
                                    .keys_max = 1000000,
                                    .held_max = 2000000};
    uint32_t partition = 0;
    int64_t seconds = argc > 1 ? strtoll(argv[1], NULL, 10) : 120;
    int file = mkstemp(path);

    if (argc > 2 && !moment_parse_span(argv[2], strlen(argv[2]), &options.people_horizon_ms)) {
        return 2;
    }
    bench.ring = calloc(COPY_DISTANCE, sizeof *bench.ring);
    bench.made = calloc(RATE / TICKS, sizeof *bench.made);
    if (file < 0 || bench.zipf == NULL || bench.ring == NULL || bench.made == NULL ||
        close(file) != 0 || unlink(path) != 0 ||
        window_set_parse("1m,10m,1h,24h", &options.windows, NULL) != CTR_OK ||
        store_new(&options, &bench.store, NULL) != CTR_OK ||
        store_partition_open(bench.store, "events", 0, &partition) != CTR_OK ||
        snapshot_open(path, &bench.snapshot, NULL) != CTR_OK) {
        free(bench.ring);
        free(bench.made);
        return 1;
    }
    partition_start(store_partition(bench.store, partition), 0, false);
    run(&bench, seconds);
    bench_expiry(&bench, seconds, options.people_horizon_ms);
    store_free(bench.store);
    snapshot_close(bench.snapshot);
    bench_restore(&options, path);
    (void)unlink(path);
    free(bench.ring);
    free(bench.made);
    free(bench.zipf);
    return 0;
}
