/* SPDX-License-Identifier: Apache-2.0
 *
 * What one event costs on its way, part by part, on one thread: decode, judge and hold, count; then
 * what a read, a list, a cut and a save cost with the keys this left behind. One JSON line a part.
 * Timings only: nothing here fails for being slow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/decode.h"
#include "storage/checkpoint.h"
#include "storage/listing.h"
#include "storage/snapshot.h"
#include "storage/store_status.h"

enum { EVENTS = 1000000, PER_SECOND = 10000, KEYS = 100000, READS = 2000, BATCH = 100 };
#define EPOCH_MS INT64_C(1795454594000)

static uint64_t dice_state = 20261123;

/* SplitMix64: seeded, so that runs compare. */
static uint64_t dice(uint64_t sides)
{
    uint64_t mixed = dice_state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (mixed ^ (mixed >> 31)) % sides;
}

static void report(const char *part, int64_t us, double count, const char *unit)
{
    (void)printf("{\"part\":\"%s\",\"%s\":%.1f,\"total_ms\":%.1f}\n", part, unit,
                 (double)us * 1000.0 / count, (double)us / 1000.0);
}

/* A placement out of KEYS, the lower ones far more often. */
static void make_names(char *ret_page, char *ret_box)
{
    uint64_t pick = dice(1 + dice(1 + dice(KEYS)));

    (void)snprintf(ret_page, 32, "/offer/%u", (unsigned)(pick / 100));
    (void)snprintf(ret_box, 32, "opbox.carousel.%u", (unsigned)(pick % 100));
}

static void bench_decode(const struct config *config)
{
    struct decoder *decoder = NULL;
    struct ctr_error error;
    struct decoded decoded;
    char text[300];
    int length = snprintf(text, sizeof text,
                          "{\"id\":\"451a8d1a-2948-4d32-9072-7212bebfdd89\",\"type\":\"view\","
                          "\"ts\":1795454594000,\"page\":\"/offer/list\","
                          "\"box\":\"opbox.carousel.1\",\"visitor\":\"v-27b615772bd61a8c\"}");
    int64_t begun_us = 0;

    if (decoder_new(config, &decoder, &error) != CTR_OK) {
        return;
    }
    begun_us = clock_mono_us();
    for (int i = 0; i < EVENTS / 5; i++) {
        decode_record(decoder, text, (size_t)length, TOPIC_TYPE_FROM_EVENT, &decoded);
    }
    report("decode", clock_mono_us() - begun_us, EVENTS / 5.0, "ns_per_event");
    decoder_free(decoder);
}

static enum ctr_status feed(struct store *store, int64_t *hold_us, int64_t *count_us)
{
    uint32_t partition = 0;
    enum ctr_status status = store_partition_open(store, "bench", 0, &partition);

    partition_start(store_partition(store, partition), 0, false);
    for (int64_t i = 0; i < EVENTS && status == CTR_OK;) {
        int64_t begun_us = clock_mono_us();
        int64_t ts_ms = EPOCH_MS + i / PER_SECOND * 1000;
        int64_t held_us = 0;

        for (int k = 0; k < PER_SECOND && status == CTR_OK; k++, i++) {
            char page[32];
            char box[32];
            struct event event = {.type = dice(30) == 0 ? EVENT_CLICK : EVENT_VIEW,
                                  .ts_ms = ts_ms + k / 10};

            make_names(page, box);
            event.page = (struct text){.bytes = page, .length = strlen(page)};
            event.box = (struct text){.bytes = box, .length = strlen(box)};
            status = store_record_event(store, partition, i, event.ts_ms, EPOCH_MS, &event);
        }
        held_us = clock_mono_us();
        *hold_us += held_us - begun_us;
        partition_end(store_partition(store, partition), i, EPOCH_MS);
        status = status == CTR_OK ? store_advance(store, EPOCH_MS, false) : status;
        *count_us += clock_mono_us() - held_us;
    }
    return status;
}

static void bench_read(const struct store *store)
{
    static char texts[BATCH][2][32];
    struct key_name names[BATCH];
    struct figures figures[BATCH];
    struct reading reading;
    struct listing *listing = NULL;
    struct list_query query = {.level = LEVEL_BOX, .window = 1, .limit = 100};
    int64_t begun_us = 0;

    for (int i = 0; i < BATCH; i++) {
        make_names(texts[i][0], texts[i][1]);
        names[i].page = (struct text){.bytes = texts[i][0], .length = strlen(texts[i][0])};
        names[i].box = (struct text){.bytes = texts[i][1], .length = strlen(texts[i][1])};
    }
    begun_us = clock_mono_us();
    for (int i = 0; i < READS; i++) {
        store_read(store, 1, names, BATCH, figures, &reading);
    }
    report("read_100_placements", clock_mono_us() - begun_us, READS, "ns_per_batch");
    begun_us = clock_mono_us();
    if (store_list(store, &query, &listing) == CTR_OK) {
        report("list_100_boxes", clock_mono_us() - begun_us, 1, "ns_per_list");
        listing_free(listing);
    }
}

static void bench_save(struct store *store, bool whole, const char *cut_part, const char *save_part,
                       struct snapshot *snapshot)
{
    struct checkpoint *checkpoint = NULL;
    struct ctr_error error;
    int64_t begun_us = clock_mono_us();

    if (store_cut(store, whole, &checkpoint) != CTR_OK) {
        return;
    }
    report(cut_part, clock_mono_us() - begun_us, 1, "ns_per_cut");
    begun_us = clock_mono_us();
    if (snapshot_save(snapshot, checkpoint, EPOCH_MS, &error) == CTR_OK) {
        report(save_part, clock_mono_us() - begun_us, 1, "ns_per_save");
    }
    checkpoint_free(checkpoint);
}

static void bench_snapshot(struct store *store)
{
    char dir[] = "/tmp/livectr-bench-XXXXXX";
    char path[64];
    struct snapshot *snapshot = NULL;
    struct ctr_error error;

    if (mkdtemp(dir) == NULL) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/livectr.db", dir);
    if (snapshot_open(path, &snapshot, &error) == CTR_OK) {
        bench_save(store, true, "cut_whole", "save_whole", snapshot);
        bench_save(store, false, "cut_unchanged", "save_unchanged", snapshot);
        snapshot_close(snapshot);
    }
    (void)unlink(path);
    (void)rmdir(dir);
}

int main(void)
{
    struct config config;
    struct store_options options;
    struct store *store = NULL;
    struct store_status status;
    struct ctr_error error;
    int64_t hold_us = 0;
    int64_t count_us = 0;

    config_defaults(&config);
    bench_decode(&config);
    options = (struct store_options){.windows = config.windows,
                                     .clock = CLOCK_EVENT,
                                     .late_ms = config.late_ms,
                                     .future_ms = config.future_ms,
                                     .people_horizon_ms = 10 * MINUTE_MS,
                                     .dedup_horizon_ms = 10 * MINUTE_MS,
                                     .lateness_ms = 2 * MINUTE_MS,
                                     .visitors_max = 20000000,
                                     .ids_max = 20000000,
                                     .minutes_max = 4000000,
                                     .keys_max = config.keys_max,
                                     .held_max = config.held_max,
                                     .hash_secret = {20261123}};
    if (store_new(&options, &store, &error) != CTR_OK ||
        feed(store, &hold_us, &count_us) != CTR_OK) {
        return 1;
    }
    report("judge_and_hold", hold_us, EVENTS, "ns_per_event");
    report("count", count_us, EVENTS, "ns_per_event");
    bench_read(store);
    bench_snapshot(store);
    if (store_status_read(store, &status) == CTR_OK) {
        uint32_t keys =
            status.keys[LEVEL_PAGE] + status.keys[LEVEL_BOX] + status.keys[LEVEL_PLACEMENT];

        (void)printf("{\"part\":\"memory\",\"keys\":%u,\"bytes_per_key\":%.1f}\n", keys,
                     (double)status.bytes / keys);
        store_status_done(&status);
    }
    store_free(store);
    return 0;
}
