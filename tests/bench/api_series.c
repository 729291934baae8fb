/* SPDX-License-Identifier: Apache-2.0
 *
 * What a day of one key costs: GET /v1/series over 24 hours by minutes, from a snapshot's file with
 * KEYS pages that have a row in every minute, to the last byte of the answer; and alone its parts,
 * the file and the text. One JSON line a target, the median and the slowest of 200. Argument: keys
 * (500).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/request.h"
#include "api/router.h"
#include "storage/checkpoint.h"
#include "storage/snapshot.h"
#include "storage/store_minutes.h"

enum { KEYS_DEFAULT = 500, MINUTES = 1445, READS = 200, PATH_BYTES = 64, TARGET_BYTES = 256 };
#define BEGIN_MS INT64_C(1795392000000) /* midnight */

struct bench {
    struct store *store;
    struct snapshot *snapshot;
    struct api_context context;
    int64_t offset, now_ms, disk_us;
};

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void must(enum ctr_status status, const char *what)
{
    if (status != CTR_OK) {
        (void)fprintf(stderr, "%s: status %d\n", what, (int)status);
        exit(1);
    }
}

/* ---- the service around the handler -------------------------------------------------------- */

static void facts(void *owner, struct service_facts *ret_facts)
{
    (void)owner;
    memset(ret_facts, 0, sizeof *ret_facts);
}

static bool collect(void *owner, const struct history_point *point)
{
    struct api_history *history = owner;

    if ((history->count & (history->count - 1)) == 0) {
        size_t capacity = history->count == 0 ? 1 : history->count * 2;
        struct history_point *items = realloc(history->items, capacity * sizeof *items);

        if (items == NULL) {
            return false;
        }
        history->items = items;
    }
    history->items[history->count++] = *point;
    return true;
}

static enum ctr_status read_history(void *owner, const struct api_history_question *question,
                                    struct api_history *ret_history)
{
    struct bench *bench = owner;
    int64_t begun_us = now_us();
    enum ctr_status status = CTR_OK;

    *ret_history = (struct api_history){.saved_cut = snapshot_cut(bench->snapshot)};
    status = history_read(snapshot_history(bench->snapshot), &question->key, question->from_ms,
                          question->until_ms, collect, ret_history, NULL);
    bench->disk_us += now_us() - begun_us;
    return status;
}

static void open_all(struct bench *bench, uint32_t keys, const char *path)
{
    struct store_options options = {.clock = CLOCK_WALL,
                                    .late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 1000000,
                                    .ids_max = 1000000,
                                    .minutes_max = 10000000,
                                    .keys_max = keys + 8,
                                    .held_max = 1000000};
    uint32_t index = 0;

    must(window_set_parse("1m,10m", &options.windows, NULL), "windows");
    must(store_new(&options, &bench->store, NULL), "store");
    must(store_partition_open(bench->store, "events", 0, &index), "partition");
    partition_start(store_partition(bench->store, 0), 0, false);
    must(snapshot_open(path, &bench->snapshot, NULL), "snapshot");
    bench->context = (struct api_context){.store = bench->store,
                                          .facts = facts,
                                          .history = read_history,
                                          .history_owner = bench,
                                          .version = "bench"};
}

static void give(struct bench *bench, enum event_type type, uint32_t key, uint32_t visitor)
{
    char page[32], name[32];
    struct event event = {.type = type, .ts_ms = bench->now_ms};

    event.page = (struct text){page, (size_t)snprintf(page, sizeof page, "/page/%u", key)};
    event.visitor = (struct text){name, (size_t)snprintf(name, sizeof name, "v%u", visitor)};
    must(store_record_event(bench->store, 0, bench->offset++, bench->now_ms, bench->now_ms, &event),
         "event");
}

/* A minute in which every page is seen by some and clicked by few; saved every ten. */
static void pass_minute(struct bench *bench, uint32_t keys, int minute)
{
    struct partition *partition = store_partition(bench->store, 0);
    struct checkpoint *cut = NULL;

    bench->now_ms = BEGIN_MS + minute * MINUTE_MS;
    for (uint32_t key = 0; key < keys; key++) {
        for (uint32_t i = 0; i < 3 + (key * 7 + (uint32_t)minute) % 11; i++) {
            give(bench, EVENT_VIEW, key, (uint32_t)minute * 13 + i);
        }
        for (uint32_t i = 0; i < (key + (uint32_t)minute) % 3; i++) {
            give(bench, EVENT_CLICK, key, (uint32_t)minute * 13 + i);
        }
    }
    bench->now_ms += MINUTE_MS;
    partition_confirm(partition, partition_next(partition), bench->now_ms);
    must(store_advance(bench->store, bench->now_ms, false), "advance");
    if (minute % 10 == 9) {
        must(store_cut(bench->store, minute == 9, &cut), "cut");
        must(snapshot_save(bench->snapshot, cut, bench->now_ms, NULL), "save");
        checkpoint_free(cut);
    }
}

/* ---- measuring ----------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static void measure(struct bench *bench, const char *what, uint32_t keys, const char *arguments)
{
    static int64_t all_us[READS], disk_us[READS];
    size_t bytes = 0;
    size_t median = READS / 2;

    for (uint32_t i = 0; i < READS; i++) {
        char target[TARGET_BYTES];
        struct api_request request = {.method = API_GET, .target = target, .now_ms = bench->now_ms};
        struct api_response response;
        int64_t begun_us = 0;

        (void)snprintf(target, sizeof target, "/v1/series?page=/page/%u&%s", i % keys, arguments);
        bench->disk_us = 0;
        begun_us = now_us();
        api_respond(&bench->context, false, &request, &response);
        all_us[i] = now_us() - begun_us;
        disk_us[i] = bench->disk_us;
        bytes = response.body_length;
        must(response.status == 200 ? CTR_OK : CTR_INVALID, target);
        api_response_done(&response);
    }
    qsort(all_us, READS, sizeof all_us[0], compare);
    qsort(disk_us, READS, sizeof disk_us[0], compare);
    (void)printf("{\"bench\":\"api_series\",\"what\":\"%s\",\"keys\":%u,\"bytes\":%zu,"
                 "\"ms_p50\":%.2f,\"ms_max\":%.2f,\"disk_ms_p50\":%.2f}\n",
                 what, keys, bytes, (double)all_us[median] / 1000, (double)all_us[READS - 1] / 1000,
                 (double)disk_us[median] / 1000);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    static const char day[] = "from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z";
    uint32_t keys = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : KEYS_DEFAULT;
    char directory[PATH_BYTES] = "/tmp/livectr-bench-XXXXXX";
    char path[PATH_BYTES + 16], arguments[TARGET_BYTES];

    if (keys == 0 || mkdtemp(directory) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/db", directory);
    open_all(&bench, keys, path);
    for (int minute = 0; minute < MINUTES; minute++) {
        pass_minute(&bench, keys, minute);
    }
    measure(&bench, "a day by minutes", keys, day);
    (void)snprintf(arguments, sizeof arguments, "%s&step=10m", day);
    measure(&bench, "a day by ten minutes", keys, arguments);
    (void)snprintf(arguments, sizeof arguments, "%s&step=1h", day);
    measure(&bench, "a day by hours", keys, arguments);
    measure(&bench, "an hour by minutes", keys, "to=2026-11-24T00:00:00Z");
    (void)snprintf(arguments, sizeof arguments, "%s&compare=1d,2d", day);
    measure(&bench, "a day by minutes, twice compared", keys, arguments);
    store_free(bench.store);
    snapshot_close(bench.snapshot);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/db-wal", directory);
    (void)unlink(path);
    return rmdir(directory) == 0 ? 0 : 1;
}
