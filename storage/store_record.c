/* SPDX-License-Identifier: Apache-2.0
 *
 * The verdict on each record, and what of it is held until its step.
 */
#include <stdio.h>

#include "storage/fault_point.h"
#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"
#include "storage/store_record.h"

enum verdict { VERDICT_ACCEPTED, VERDICT_LATE, VERDICT_FUTURE };

/* CONTRACT, Events 6 and Time 8. All of the record itself, but for a producer whose clock is ahead
 * of ours: it must not stop the clock of its partition. Times are at most EVENT_TS_MS_MAX and at
 * least 0, so the differences cannot overflow. */
static enum verdict judge(const struct store_options *options, int64_t ts_ms, int64_t record_ms,
                          int64_t now_ms)
{
    if (record_ms - ts_ms > options->late_ms) {
        return VERDICT_LATE;
    }
    if (ts_ms - record_ms > options->future_ms) {
        return VERDICT_FUTURE;
    }
    if (options->clock == CLOCK_WALL && record_ms - now_ms > options->future_ms) {
        return VERDICT_FUTURE;
    }
    return VERDICT_ACCEPTED;
}

/* The step at which an event enters: the end of the slice of the later of its event time and its
 * arrival. */
static int64_t step_of(const struct store *store, int64_t arrival_ms, int64_t ts_ms, uint8_t *flags)
{
    int64_t to_ms = store->published.progress.to_ms; /* the writer's own word, read back */
    int64_t later_ms = ts_ms > arrival_ms ? ts_ms : arrival_ms;
    int64_t apply_ms = moment_floor(later_ms, SLICE_BASE_MS) + SLICE_BASE_MS;

    if (to_ms != MOMENT_NONE && arrival_ms < to_ms) {
        /* The clock has passed its arrival: only its event time can still hold it. */
        *flags |= HELD_STRAGGLER;
        apply_ms = moment_floor(ts_ms, SLICE_BASE_MS) + SLICE_BASE_MS;
    }
    return to_ms != MOMENT_NONE && apply_ms < to_ms ? to_ms : apply_ms;
}

/* ---- hashes -------------------------------------------------------------------------------- */

static uint64_t hash_text(const struct store *store, struct text text)
{
    return text.length == 0 ? 0 : hash_id(store->options.hash_secret, text.bytes, text.length);
}

void store_hash_event(const struct store *store, const struct event *event,
                      struct event_hashes *ret_hashes)
{
    uint64_t visitor = 0;

    ret_hashes->page = names_hash(&store->names, event->page);
    names_prefetch(&store->names, ret_hashes->page);
    ret_hashes->box = 0;
    if (event->box.length > 0) {
        ret_hashes->box = names_hash(&store->names, event->box);
        names_prefetch(&store->names, ret_hashes->box);
    }
    visitor = hash_text(store, event->visitor);
    ret_hashes->visitor = visitor == 0 && event->visitor.length > 0 ? 1 : visitor;
    ret_hashes->id = hash_text(store, event->id);
}

void store_fetch_names(const struct store *store, const struct event_hashes *hashes)
{
    names_prefetch_name(&store->names, hashes->page);
    if (hashes->box != 0) {
        names_prefetch_name(&store->names, hashes->box);
    }
}

/* Fingerprint of an event with an id. */
static uint64_t print_of(const struct event *event, const struct event_hashes *hashes)
{
    uint64_t print = hash_mix(hashes->id, hashes->visitor, (uint64_t)event->ts_ms);

    print = hash_mix(print, hashes->page, hashes->box);
    print = hash_mix(print, (uint64_t)event->type, event->filtered ? 1 : 0);
    return print == 0 ? 1 : print;
}

static enum ctr_status take_names(struct store *store, const struct event *event,
                                  const struct event_hashes *hashes, struct name **ret_page,
                                  struct name **ret_box)
{
    *ret_box = NULL;
    if (names_take_hashed(&store->names, event->page, hashes->page, ret_page) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (event->box.length > 0 &&
        names_take_hashed(&store->names, event->box, hashes->box, ret_box) != CTR_OK) {
        names_give(&store->names, *ret_page);
        return CTR_NO_MEMORY;
    }
    return CTR_OK;
}

/* Of ids of visitors and events only keyed hashes are kept. */
static enum ctr_status hold_event(struct store *store, uint32_t index, int64_t arrival_ms,
                                  int64_t delay_ms, const struct event *event,
                                  const struct event_hashes *hashes)
{
    bool has_id = event->id.length > 0;
    bool too_late = arrival_ms - event->ts_ms > store->options.dedup_horizon_ms;
    uint8_t flags = event->filtered ? HELD_FILTERED : 0;
    int64_t apply_ms = step_of(store, arrival_ms, event->ts_ms, &flags);
    struct held_event *held = NULL;
    struct name *page = NULL;
    struct name *box = NULL;

    if (take_names(store, event, hashes, &page, &box) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (held_add(&store->held, apply_ms, &held) != CTR_OK) {
        names_give(&store->names, box);
        names_give(&store->names, page);
        return CTR_NO_MEMORY;
    }
    if (too_late) {
        flags |= has_id ? HELD_TOO_LATE | HELD_UNCHECKED : HELD_TOO_LATE;
    }
    *held = (struct held_event){.ts_ms = event->ts_ms,
                                .page = page,
                                .box = box,
                                .visitor = hashes->visitor,
                                .print = has_id && !too_late ? print_of(event, hashes) : 0,
                                .partition = index,
                                .delay_ms = delay_ms > INT32_MAX ? INT32_MAX : (int32_t)delay_ms,
                                .type = (uint8_t)event->type,
                                .flags = flags};
    return CTR_OK;
}

static int64_t clamp_time(int64_t record_ms, int64_t ts_ms)
{
    if (record_ms < 0) {
        return ts_ms; /* the record carries no time of its own */
    }
    return record_ms > EVENT_TS_MS_MAX ? EVENT_TS_MS_MAX : record_ms;
}

static int64_t later_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
}

enum ctr_status store_record_hashed(struct store *store, uint32_t partition, int64_t offset,
                                    int64_t record_ms, int64_t now_ms, const struct event *event,
                                    const struct event_hashes *hashes)
{
    struct partition *into = store_partition(store, partition);
    int64_t time_ms = clamp_time(record_ms, event->ts_ms);
    int64_t arrival_ms =
        later_of(into->arrival_ms, store->options.clock == CLOCK_EVENT ? event->ts_ms : time_ms);

    if (offset < partition_next(into)) {
        into->redelivered++;
        return CTR_OK;
    }
    switch (judge(&store->options, event->ts_ms, time_ms, now_ms)) {
    case VERDICT_LATE:
        if (store_note_refused(store, event, MINUTE_LATE) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        into->counts.late++;
        break;
    case VERDICT_FUTURE:
        if (store_note_refused(store, event, MINUTE_FUTURE) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        into->counts.future++;
        break;
    case VERDICT_ACCEPTED:
        if (hold_event(store, partition, arrival_ms, time_ms - event->ts_ms, event, hashes) !=
            CTR_OK) {
            return CTR_NO_MEMORY;
        }
        delays_add(&store->delays.recorded, time_ms - event->ts_ms);
        if (store->options.clock == CLOCK_WALL) {
            delays_add(&store->delays.read, now_ms - time_ms);
        }
        FAULT_POINT("record_held");
        into->arrival_ms = arrival_ms;
        into->counts.held++;
        break;
    }
    into->counts.read++;
    partition_reach(into, offset + 1, now_ms);
    FAULT_POINT("record_read");
    return CTR_OK;
}

enum ctr_status store_record_event(struct store *store, uint32_t partition, int64_t offset,
                                   int64_t record_ms, int64_t now_ms, const struct event *event)
{
    struct event_hashes hashes;

    store_hash_event(store, event, &hashes);
    return store_record_hashed(store, partition, offset, record_ms, now_ms, event, &hashes);
}

void store_record_malformed(struct store *store, uint32_t partition, int64_t offset, int64_t now_ms,
                            enum malformed_reason reason, const char *detail)
{
    struct partition *into = store_partition(store, partition);
    struct samples *samples = &store->samples;
    struct malformed_sample *sample = &samples->ring[samples->next];

    if (offset < partition_next(into)) {
        into->redelivered++;
        return;
    }
    into->counts.read++;
    into->counts.malformed[reason]++;
    partition_reach(into, offset + 1, now_ms);
    *sample = (struct malformed_sample){.partition = partition, .offset = offset, .reason = reason};
    (void)snprintf(sample->detail, sizeof sample->detail, "%s", detail);
    samples->next = (samples->next + 1) % MALFORMED_SAMPLES_MAX;
    samples->count += samples->count < MALFORMED_SAMPLES_MAX ? 1 : 0;
}
