/* SPDX-License-Identifier: Apache-2.0
 *
 * Records on their way into the store. Those that stand together in a batch are taken in groups:
 * all of a group are decoded, then hashed, and the names they will look for are asked for, so that
 * this memory is there when it is their turn. Nothing of that changes anything: effects come record
 * by record, in the order of the batch.
 */
#include <poll.h>
#include <stdatomic.h>

#include "service/log.h"
#include "service/pipeline_internal.h"
#include "storage/moment.h"
#include "storage/store_record.h"

enum { GROUP_RECORDS = 16, NO_MEMORY_WAIT_MS = 100 };

bool pipeline_wait_for_memory(struct pipeline *pipeline, const char *doing)
{
    log_line(LOG_ERROR, "no_memory", "doing=%s wait_ms=%d", doing, (int)NO_MEMORY_WAIT_MS);
    if (atomic_load(&pipeline->stopping)) {
        pipeline->gave_up = true;
        return false;
    }
    (void)poll(NULL, 0, NO_MEMORY_WAIT_MS);
    return true;
}

static struct lane *lane_of(const struct pipeline *pipeline, const struct source_item *item)
{
    CTR_ASSERT(item->partition < pipeline->lanes_count);
    return &pipeline->lanes[item->partition];
}

/* The turn of a record has come: whatever it is. */
static void begin_record(struct pipeline *pipeline, struct lane *lane,
                         const struct source_item *item)
{
    struct store *store = pipeline->options.store;

    if (lane->cover_next) {
        lane->cover_next = false;
        if (item->time_ms != MOMENT_NONE) {
            store_cover_from(store, item->time_ms);
        }
    }
    if (item->offset >= partition_next(store_partition(store, lane->index))) {
        lane->newest = item;
    }
}

/* Memory that runs out stops reading, not the service: a record is offered again until it fits. */
static void take_event(struct pipeline *pipeline, const struct source_item *item,
                       const struct event *event, const struct event_hashes *hashes)
{
    struct lane *lane = lane_of(pipeline, item);
    int64_t time_ms = item->time_ms == MOMENT_NONE ? -1 : item->time_ms;

    begin_record(pipeline, lane, item);
    while (store_record_hashed(pipeline->options.store, lane->index, item->offset, time_ms,
                               pipeline->read_ms, event, hashes) != CTR_OK) {
        if (!pipeline_wait_for_memory(pipeline, "record")) {
            lane->newest = NULL; /* the print of the batch before is of a record that was applied */
            return;
        }
    }
}

/* One that is not plain, or was not decoded ahead for another reason. */
static void take_other(struct pipeline *pipeline, const struct source_item *item)
{
    struct store *store = pipeline->options.store;
    struct lane *lane = lane_of(pipeline, item);
    struct event_hashes hashes;
    struct decoded decoded;

    do {
        decode_record(pipeline->decoder, item->text, item->length, lane->type, &decoded);
    } while (decoded.no_memory && pipeline_wait_for_memory(pipeline, "decode"));
    if (decoded.no_memory) {
        return;
    }
    if (decoded.is_event) {
        store_hash_event(store, &decoded.event, &hashes);
        take_event(pipeline, item, &decoded.event, &hashes);
        return;
    }
    begin_record(pipeline, lane, item);
    store_record_malformed(store, lane->index, item->offset, pipeline->read_ms, decoded.reason,
                           decoded.detail);
}

/* How many records stand here that may be taken together. Whether a lane is stopped changes with
 * other items only. */
static size_t group_of(const struct pipeline *pipeline, const struct source_item *items,
                       size_t count, struct raw_record ret_raw[GROUP_RECORDS])
{
    size_t grouped = 0;

    while (grouped < count && grouped < GROUP_RECORDS && items[grouped].kind == SOURCE_RECORD) {
        const struct source_item *item = &items[grouped];
        const struct lane *lane = lane_of(pipeline, item);

        if (lane->stopped) {
            break;
        }
        ret_raw[grouped++] =
            (struct raw_record){.bytes = item->text, .length = item->length, .type = lane->type};
    }
    return grouped;
}

size_t pipeline_take_records(struct pipeline *pipeline, const struct source_item *items,
                             size_t count)
{
    const struct store *store = pipeline->options.store;
    struct raw_record raw[GROUP_RECORDS];
    struct event events[GROUP_RECORDS];
    struct event_hashes hashes[GROUP_RECORDS];
    size_t grouped = group_of(pipeline, items, count, raw);
    size_t plain = 0;

    if (grouped == 0) {
        return 1; /* of a lane that is stopped: it is passed over */
    }
    plain = decode_ahead(pipeline->decoder, raw, grouped, events);
    for (size_t i = 0; i < plain; i++) {
        store_hash_event(store, &events[i], &hashes[i]);
    }
    for (size_t i = 0; i < plain; i++) {
        store_fetch_names(store, &hashes[i]);
    }
    for (size_t i = 0; i < plain && !pipeline->gave_up; i++) {
        take_event(pipeline, &items[i], &events[i], &hashes[i]);
    }
    if (plain == grouped || pipeline->gave_up) {
        return plain;
    }
    take_other(pipeline, &items[plain]);
    return plain + 1;
}
