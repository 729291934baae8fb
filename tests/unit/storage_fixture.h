/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the store share: options, a store with started partitions, records in one line.
 */
#ifndef LIVECTR_TESTS_STORAGE_FIXTURE_H
#define LIVECTR_TESTS_STORAGE_FIXTURE_H

#include "tests/support/test.h"

#include <stdbool.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/minutes.h"
#include "storage/moment.h"
#include "storage/store.h"

#define HOUR_MS (60 * MINUTE_MS)
/* 2026-11-23T17:20:00.000Z: on an edge of every grain. */
#define BEGIN_MS INT64_C(1795454400000)

static inline struct text as_text(const char *bytes)
{
    return (struct text){.bytes = bytes, .length = bytes == NULL ? 0 : strlen(bytes)};
}

static inline struct store_options fixture_options(const char *windows)
{
    struct store_options options = {.clock = CLOCK_WALL,
                                    .late_ms = 48 * HOUR_MS,
                                    .future_ms = MINUTE_MS,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 100000,
                                    .ids_max = 100000,
                                    .minutes_max = 100000,
                                    .keys_max = 1000,
                                    .held_max = 1000};

    assert_int_equal(window_set_parse(windows, &options.windows, NULL), CTR_OK);
    for (size_t i = 0; i < sizeof options.hash_secret / sizeof options.hash_secret[0]; i++) {
        options.hash_secret[i] = hash_mix(i, 2, 3);
    }
    return options;
}

/* A store whose partitions events/0, events/1 ... are started at offset 0. */
static inline struct store *fixture_store(const struct store_options *options, uint32_t partitions)
{
    struct store *store = NULL;

    assert_int_equal(store_new(options, &store, NULL), CTR_OK);
    for (uint32_t p = 0; p < partitions; p++) {
        uint32_t index = 0;

        assert_int_equal(store_partition_open(store, "events", (int32_t)p, &index), CTR_OK);
        assert_int_equal(index, p);
        partition_start(store_partition(store, p), 0, false);
    }
    return store;
}

struct given {
    enum event_type type;
    int64_t ts_ms;
    const char *page, *box; /* box NULL: none */
    const char *visitor, *id;
    bool filtered;
};

/* The next record of the partition, written at record_ms and read then. */
static inline void give(struct store *store, uint32_t p, int64_t record_ms, struct given given)
{
    struct event event = {.type = given.type,
                          .ts_ms = given.ts_ms,
                          .page = as_text(given.page),
                          .box = as_text(given.box),
                          .visitor = as_text(given.visitor),
                          .id = as_text(given.id),
                          .filtered = given.filtered};
    int64_t now_ms = store_options(store)->clock == CLOCK_EVENT ? MOMENT_NONE : record_ms;

    assert_int_equal(store_record_event(store, p, partition_next(store_partition(store, p)),
                                        record_ms, now_ms, &event),
                     CTR_OK);
}

static inline void view(struct store *store, uint32_t p, int64_t ts_ms, const char *page,
                        const char *box)
{
    give(store, p, ts_ms,
         (struct given){.type = EVENT_VIEW, .ts_ms = ts_ms, .page = page, .box = box});
}

static inline void click(struct store *store, uint32_t p, int64_t ts_ms, const char *page,
                         const char *box)
{
    give(store, p, ts_ms,
         (struct given){.type = EVENT_CLICK, .ts_ms = ts_ms, .page = page, .box = box});
}

/* All partitions hold nothing more at now_ms, and time moves there. */
static inline void settle_at(struct store *store, int64_t now_ms)
{
    for (uint32_t p = 0; p < store_partition_count(store); p++) {
        struct partition *partition = store_partition(store, p);

        partition_confirm(partition, partition_next(partition), now_ms);
    }
    assert_int_equal(store_advance(store, now_ms, false), CTR_OK);
}

static inline struct totals totals_of(const struct store *store, size_t window, const char *page,
                                      const char *box)
{
    struct key_name name = {.page = as_text(page), .box = as_text(box)};
    struct reading reading;
    struct figures figures;

    store_read(store, window, &name, 1, &figures, &reading);
    return figures.totals;
}

#define assert_totals(store, window, page, box, wanted_impressions, wanted_clicks)                 \
    do {                                                                                           \
        struct totals totals_ = totals_of(store, window, page, box);                               \
        assert_int_equal(totals_.impressions, wanted_impressions);                                 \
        assert_int_equal(totals_.clicks, wanted_clicks);                                           \
    } while (0)

static inline struct partition_counts counts_of(struct store *store, uint32_t p)
{
    return store_partition(store, p)->counts;
}

#endif
