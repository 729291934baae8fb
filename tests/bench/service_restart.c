/* SPDX-License-Identifier: Apache-2.0
 *
 * What a restart costs: makes a store of a million keys, ten million pairs of a visitor and a key
 * and seven million remembered events, saves it as the service does, and loads it again: as after a
 * kill (its newest image is some time old), as after a stop, and without an image.
 *
 * Every place was seen once an hour ago; since then visitors come back to places of their own,
 * which are popular as by Zipf's law with exponent 1.
 *
 *   bench_service_restart [SECONDS of event time, default 720] [RATE of events, default 10000]
 *                         [FILE to keep; with 0 seconds it is only loaded]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "storage/checkpoint.h"
#include "storage/image.h"
#include "storage/moment.h"
#include "storage/snapshot.h"
#include "storage/store_image.h"
#include "storage/store_status.h"

enum {
    PAGES = 50000,
    BOXES = 5000,
    PLACES = 945000, /* (page, box) pairs, so that all levels together are a million keys */
    VISITORS = 900000,
    PLACES_A_VISITOR = 6,
    TICKS = 10,
    CUT_SECONDS = 10,
};
#define EPOCH_MS INT64_C(1795454400000)

struct bench {
    struct store *store;
    struct snapshot *snapshot;
    int64_t offset, rate;
    int64_t cut_us_max, save_us_max, save_us, advance_us_max;
    int64_t copy_us_max, image_us;
    uint64_t image_bytes, images;
    uint64_t saves;
};

static uint64_t dice_state = 20261128;

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

/* One of a visitor's places. */
static uint64_t pick_place(uint64_t visitor)
{
    uint64_t own = mix(visitor * 16 + dice() % PLACES_A_VISITOR);
    double share = (double)(own >> 11) / 9007199254740992.0;

    return (uint64_t)exp(share * log(PLACES)) % PLACES;
}

static void send(struct bench *bench, int64_t now_ms, uint64_t visitor_number, uint64_t place)
{
    char page[32];
    char box[32];
    char visitor[32];
    char id[40];
    struct event event = {.type = dice() % 100 < 3 ? EVENT_CLICK : EVENT_VIEW, .ts_ms = now_ms};

    event.page.length =
        (size_t)snprintf(page, sizeof page, "/offer/%llu", (unsigned long long)(place % PAGES));
    event.box.length = (size_t)snprintf(box, sizeof box, "opbox.carousel.%llu",
                                        (unsigned long long)(mix(place) % BOXES));
    if (visitor_number > 0) {
        event.visitor.length =
            (size_t)snprintf(visitor, sizeof visitor, "v-%llu", (unsigned long long)visitor_number);
    }
    event.id.length = (size_t)snprintf(id, sizeof id, "451a8d1a-%lld", (long long)bench->offset);
    event.page.bytes = page;
    event.box.bytes = box;
    event.visitor.bytes = visitor;
    event.id.bytes = id;
    if (store_record_event(bench->store, 0, bench->offset++, now_ms, now_ms, &event) != CTR_OK) {
        abort();
    }
}

static int64_t longer(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static void advance(struct bench *bench, int64_t now_ms)
{
    int64_t begun_us = clock_mono_us();

    partition_confirm(store_partition(bench->store, 0), bench->offset, now_ms);
    if (store_advance(bench->store, now_ms, false) != CTR_OK) {
        abort();
    }
    bench->advance_us_max = longer(bench->advance_us_max, clock_mono_us() - begun_us);
}

static void save(struct bench *bench, bool whole, int64_t now_ms)
{
    struct checkpoint *checkpoint = NULL;
    struct ctr_error error = {.text = ""};
    int64_t begun_us = clock_mono_us();

    if (store_cut(bench->store, whole, &checkpoint) != CTR_OK) {
        abort();
    }
    bench->cut_us_max = longer(bench->cut_us_max, clock_mono_us() - begun_us);
    begun_us = clock_mono_us();
    if (snapshot_save(bench->snapshot, checkpoint, now_ms, &error) != CTR_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        abort();
    }
    bench->save_us_max = longer(bench->save_us_max, clock_mono_us() - begun_us);
    bench->save_us += clock_mono_us() - begun_us;
    bench->saves++;
    checkpoint_free(checkpoint);
}

/* A part of an image between two steps, as the pipeline does it. */
static void image(struct bench *bench)
{
    struct image_batch *batch = NULL;
    struct ctr_error error = {.text = ""};
    int64_t begun_us = clock_mono_us();

    if (!store_image_active(bench->store)) {
        return;
    }
    if (store_image_next(bench->store, 1 << 20, &batch) != CTR_OK) {
        abort();
    }
    bench->copy_us_max = longer(bench->copy_us_max, clock_mono_us() - begun_us);
    begun_us = clock_mono_us();
    if (snapshot_put_image(bench->snapshot, batch, &error) != CTR_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        abort();
    }
    bench->image_us += clock_mono_us() - begun_us;
    bench->image_bytes += batch->bytes;
    bench->images += batch->last;
    image_batch_free(batch);
}

/* Every place is seen once, by nobody in particular. */
static void warm_up(struct bench *bench)
{
    for (uint64_t place = 0; place < PLACES; place++) {
        int64_t now_ms = EPOCH_MS - 60 * MINUTE_MS + (int64_t)(place / 10);

        send(bench, now_ms, 0, place);
        if (place % 10000 == 9999) {
            advance(bench, now_ms + 1);
        }
    }
    bench->advance_us_max = 0;
}

static void run(struct bench *bench, int64_t seconds)
{
    for (int64_t second = 0; second < seconds; second++) {
        for (int tick = 0; tick < TICKS; tick++) {
            int64_t now_ms = EPOCH_MS + second * 1000 + tick * (1000 / TICKS);

            for (int64_t i = 0; i < bench->rate / TICKS; i++) {
                uint64_t visitor = 1 + dice() % VISITORS;

                send(bench, now_ms, visitor, pick_place(visitor));
            }
            advance(bench, now_ms + 1000 / TICKS);
            image(bench);
        }
        if (second % CUT_SECONDS == CUT_SECONDS - 1) {
            save(bench, second < CUT_SECONDS, EPOCH_MS + second * 1000);
            if (store_image_wanted(bench->store, false)) {
                store_image_begin(bench->store);
            }
        }
    }
}

static void report(const struct bench *bench)
{
    struct store_status status;

    if (store_status_read(bench->store, &status) != CTR_OK) {
        abort();
    }
    (void)printf(
        "{\"part\":\"made\",\"events\":%lld,\"keys\":%llu,\"pairs\":%llu,\"ids\":%llu,"
        "\"store_mb\":%.0f,\"file_mb\":%.0f,\"longest_advance_ms\":%.1f,"
        "\"longest_cut_ms\":%.1f,\"longest_save_ms\":%.1f,\"save_ns_an_event\":%.0f,"
        "\"images\":%llu,\"image_bytes_an_event\":%.0f,\"longest_copy_ms\":%.1f,"
        "\"image_ns_an_event\":%.0f}\n",
        (long long)bench->offset,
        (unsigned long long)status.keys[LEVEL_PAGE] + status.keys[LEVEL_BOX] +
            status.keys[LEVEL_PLACEMENT],
        (unsigned long long)status.people, (unsigned long long)status.ids,
        (double)status.bytes / 1048576.0, (double)snapshot_bytes(bench->snapshot) / 1048576.0,
        (double)bench->advance_us_max / 1000, (double)bench->cut_us_max / 1000,
        (double)bench->save_us_max / 1000, (double)bench->save_us * 1000 / (double)bench->offset,
        (unsigned long long)bench->images, (double)bench->image_bytes / (double)bench->offset,
        (double)bench->copy_us_max / 1000, (double)bench->image_us * 1000 / (double)bench->offset);
    (void)fflush(stdout);
    store_status_done(&status);
}

static void restart(const struct store_options *options, const char *path)
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
    (void)printf("{\"part\":\"restart\",\"load_ms\":%.0f,\"restore_ms\":%.0f,\"all_ms\":%.0f}\n",
                 (double)loaded_us / 1000, (double)(clock_mono_us() - begun_us - loaded_us) / 1000,
                 (double)(clock_mono_us() - begun_us) / 1000);
    checkpoint_free(checkpoint);
    store_free(store);
    snapshot_close(snapshot);
}

int main(int argc, char **argv)
{
    char fresh[] = "/tmp/livectr-bench-restart-XXXXXX";
    const char *path = argc > 3 ? argv[3] : fresh;
    struct bench bench = {.rate = argc > 2 ? strtoll(argv[2], NULL, 10) : 10000};
    struct store_options options = {.dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .late_ms = 48 * 60 * MINUTE_MS,
                                    .future_ms = MINUTE_MS,
                                    .settle_ms = 500,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .visitors_max = 200000000,
                                    .ids_max = 50000000,
                                    .minutes_max = 4000000,
                                    .keys_max = 2000000,
                                    .held_max = 2000000};
    uint32_t partition = 0;
    int64_t seconds = argc > 1 ? strtoll(argv[1], NULL, 10) : 720;
    int file = mkstemp(fresh);

    if (file < 0 || close(file) != 0 || unlink(fresh) != 0 ||
        window_set_parse("1m,10m,1h,24h", &options.windows, NULL) != CTR_OK) {
        return 1;
    }
    if (seconds == 0) {
        restart(&options, path);
        return 0;
    }
    if (store_new(&options, &bench.store, NULL) != CTR_OK ||
        store_partition_open(bench.store, "events", 0, &partition) != CTR_OK ||
        snapshot_open(path, &bench.snapshot, NULL) != CTR_OK) {
        return 1;
    }
    partition_start(store_partition(bench.store, partition), 0, false);
    warm_up(&bench);
    run(&bench, seconds);
    report(&bench);
    store_free(bench.store);
    snapshot_close(bench.snapshot);
    restart(&options, path);
    restart(&options, path);
    if (argc <= 3) {
        (void)unlink(path);
    }
    return 0;
}
