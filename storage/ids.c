/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/ids.h"

#include <stdlib.h>
#include <string.h>

#include "storage/minutes.h"
#include "storage/moment.h"
#include "storage/prefetch.h"
#include "storage/table.h"

enum { CAPACITY_FIRST = 64 };

void ids_init(struct ids *ids, uint64_t limit)
{
    memset(ids, 0, sizeof *ids);
    ids->limit = limit;
    ids->gone_ms = MOMENT_NONE;
}

void ids_done(struct ids *ids)
{
    for (size_t i = 0; i < ids->minutes_count; i++) {
        table_free(ids->minutes[i].prints,
                   ids->minutes[i].capacity * sizeof *ids->minutes[i].prints);
    }
    table_free(ids->spare, ids->spare_capacity * sizeof *ids->spare);
    free(ids->minutes);
    memset(ids, 0, sizeof *ids);
}

static bool forgotten(const struct ids *ids, int64_t minute_ms)
{
    return ids->gone_ms != MOMENT_NONE && minute_ms + MINUTE_MS <= ids->gone_ms;
}

/* Place of the minute, or where it would stand. It is looked for where it is if none is missing
 * between it and the newest one; else it stands behind. */
static size_t place_of(const struct ids *ids, int64_t minute_ms)
{
    size_t count = ids->minutes_count;
    int64_t newest_ms = count == 0 ? 0 : ids->minutes[count - 1].minute_ms;
    size_t at = 0;

    if (count == 0 || minute_ms > newest_ms) {
        return count;
    }
    if ((newest_ms - minute_ms) / MINUTE_MS < (int64_t)count) {
        at = count - 1 - (size_t)((newest_ms - minute_ms) / MINUTE_MS);
    }
    while (ids->minutes[at].minute_ms < minute_ms) {
        at++;
    }
    return at;
}

/* Whether the moment is in that minute. */
static bool holds(const struct ids_minute *minute, int64_t ts_ms)
{
    return ts_ms >= minute->minute_ms && ts_ms - minute->minute_ms < MINUTE_MS;
}

static struct ids_minute *find_minute(const struct ids *ids, int64_t ts_ms)
{
    int64_t minute_ms = 0;
    size_t at = ids->likely;

    if (at < ids->minutes_count && holds(&ids->minutes[at], ts_ms)) {
        return &ids->minutes[at];
    }
    minute_ms = moment_floor(ts_ms, MINUTE_MS);
    at = place_of(ids, minute_ms);
    return at < ids->minutes_count && ids->minutes[at].minute_ms == minute_ms ? &ids->minutes[at]
                                                                              : NULL;
}

static size_t slot_of(const struct ids_minute *minute, uint64_t print)
{
    size_t mask = minute->capacity - 1;
    size_t at = (size_t)print & mask;

    while (minute->prints[at] != 0 && minute->prints[at] != print) {
        at = (at + 1) & mask;
    }
    return at;
}

/* ---- sets ---------------------------------------------------------------------------------- */

static void free_set(struct ids *ids, uint64_t *prints, size_t capacity)
{
    table_free(prints, capacity * sizeof *prints);
    ids->bytes -= capacity * sizeof *prints;
}

static void free_spare(struct ids *ids)
{
    free_set(ids, ids->spare, ids->spare_capacity);
    ids->spare = NULL;
    ids->spare_capacity = 0;
}

/* An empty set. As minutes are much alike, the one that was forgotten last mostly does; to clear it
 * costs less than pages that are fresh. */
static uint64_t *new_set(struct ids *ids, size_t capacity)
{
    uint64_t *prints = ids->spare;

    if (prints != NULL && ids->spare_capacity == capacity) {
        memset(prints, 0, capacity * sizeof *prints);
        ids->spare = NULL;
        ids->spare_capacity = 0;
        return prints;
    }
    prints = table_alloc(capacity * sizeof *prints);
    ids->bytes += prints == NULL ? 0 : capacity * sizeof *prints;
    return prints;
}

static enum ctr_status grow(struct ids *ids, struct ids_minute *minute, size_t capacity)
{
    struct ids_minute grown = {.minute_ms = minute->minute_ms, .capacity = capacity};

    grown.prints = new_set(ids, capacity);
    if (grown.prints == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < minute->capacity; i++) {
        if (minute->prints[i] != 0) {
            grown.prints[slot_of(&grown, minute->prints[i])] = minute->prints[i];
        }
    }
    grown.count = minute->count;
    free_set(ids, minute->prints, minute->capacity);
    *minute = grown;
    return CTR_OK;
}

/* A new minute begins with the room its neighbour needed, so that it seldom has to move. */
static enum ctr_status add_minute(struct ids *ids, int64_t minute_ms, size_t at)
{
    size_t capacity = CAPACITY_FIRST;
    enum ctr_status status = CTR_OK;

    if (ids->minutes_count == ids->minutes_capacity) {
        size_t room = ids->minutes_capacity == 0 ? 32 : ids->minutes_capacity * 2;
        struct ids_minute *minutes = realloc(ids->minutes, room * sizeof *minutes);

        if (minutes == NULL) {
            return CTR_NO_MEMORY;
        }
        ids->minutes = minutes;
        ids->minutes_capacity = room;
    }
    while (at > 0 && capacity / 8 * 5 < ids->minutes[at - 1].count) {
        capacity *= 2;
    }
    memmove(&ids->minutes[at + 1], &ids->minutes[at],
            (ids->minutes_count - at) * sizeof ids->minutes[0]);
    ids->minutes[at] = (struct ids_minute){.minute_ms = minute_ms};
    ids->minutes_count++;
    status = grow(ids, &ids->minutes[at], capacity);
    free_spare(ids); /* if it did not do, it was of another time */
    return status;
}

enum ctr_status ids_reserve(struct ids *ids, int64_t ts_ms)
{
    struct ids_minute *minute = find_minute(ids, ts_ms);

    if (minute == NULL) {
        int64_t minute_ms = moment_floor(ts_ms, MINUTE_MS);

        return forgotten(ids, minute_ms) ? CTR_OK
                                         : add_minute(ids, minute_ms, place_of(ids, minute_ms));
    }
    ids->likely = (size_t)(minute - ids->minutes);
    if (minute->capacity == 0 || minute->count >= minute->capacity / 8 * 5) {
        return grow(ids, minute, minute->capacity == 0 ? CAPACITY_FIRST : minute->capacity * 2);
    }
    return CTR_OK;
}

enum ids_verdict ids_add(struct ids *ids, int64_t ts_ms, uint64_t print)
{
    struct ids_minute *minute = find_minute(ids, ts_ms);
    size_t at = 0;

    if (minute == NULL) {
        return IDS_UNCHECKED;
    }
    at = slot_of(minute, print);
    if (minute->prints[at] == print) {
        return IDS_COPY;
    }
    if (ids->count >= ids->limit) {
        return IDS_UNCHECKED;
    }
    minute->prints[at] = print;
    minute->count++;
    ids->count++;
    return IDS_NEW;
}

bool ids_has(const struct ids *ids, int64_t ts_ms, uint64_t print)
{
    const struct ids_minute *minute = find_minute(ids, ts_ms);

    return minute != NULL && minute->prints[slot_of(minute, print)] == print;
}

void ids_prefetch(const struct ids *ids, int64_t ts_ms, uint64_t print)
{
    const struct ids_minute *minute = find_minute(ids, ts_ms);

    if (minute != NULL && minute->capacity > 0) {
        prefetch(&minute->prints[(size_t)print & (minute->capacity - 1)]);
    }
}

void ids_forget(struct ids *ids, int64_t until_ms)
{
    size_t count = 0;

    if (until_ms <= ids->gone_ms) {
        return;
    }
    ids->gone_ms = until_ms;
    while (count < ids->minutes_count && forgotten(ids, ids->minutes[count].minute_ms)) {
        free_spare(ids);
        ids->count -= ids->minutes[count].count;
        ids->spare = ids->minutes[count].prints;
        ids->spare_capacity = ids->minutes[count].capacity;
        count++;
    }
    ids->minutes_count -= count;
    if (count > 0) {
        memmove(&ids->minutes[0], &ids->minutes[count],
                ids->minutes_count * sizeof ids->minutes[0]);
    }
    if (ids->minutes_count == 0) {
        free_spare(ids);
    }
}

/* ---- an image ------------------------------------------------------------------------------ */

static enum ctr_status make_room(struct ids *ids, int64_t minute_ms, size_t more,
                                 struct ids_minute **ret_minute)
{
    size_t capacity = CAPACITY_FIRST;
    struct ids_minute *minute = find_minute(ids, minute_ms);
    enum ctr_status status = CTR_OK;

    if (minute == NULL) {
        status = add_minute(ids, minute_ms, place_of(ids, minute_ms));
        minute = find_minute(ids, minute_ms);
    }
    if (minute == NULL) {
        return CTR_NO_MEMORY;
    }
    while (capacity / 8 * 5 < minute->count + more) {
        capacity *= 2;
    }
    if (status == CTR_OK && capacity > minute->capacity) {
        status = grow(ids, minute, capacity);
    }
    *ret_minute = minute;
    return status;
}

enum ctr_status ids_load(struct ids *ids, int64_t minute_ms, const uint64_t *prints, size_t count)
{
    struct ids_minute *minute = NULL;
    enum ctr_status status = make_room(ids, minute_ms, count, &minute);

    for (size_t i = 0; i < count && status == CTR_OK; i++) {
        size_t at = slot_of(minute, prints[i]);

        if (prints[i] == 0) {
            status = CTR_CORRUPT;
        } else if (minute->prints[at] == 0) {
            minute->prints[at] = prints[i];
            minute->count++;
            ids->count++;
        }
    }
    return status;
}

void ids_adopt(struct ids *into, struct ids *from)
{
    uint64_t limit = into->limit;
    int64_t gone_ms = into->gone_ms;

    CTR_ASSERT(into->minutes_count == 0);
    ids_done(into);
    *into = *from;
    into->limit = limit;
    ids_init(from, from->limit);
    ids_forget(into, gone_ms);
}

bool ids_copy_next(const struct ids *ids, struct ids_copy *copy, uint64_t *ret_prints,
                   size_t slots_max, size_t *ret_count)
{
    size_t at = copy->minute_ms == MOMENT_NONE ? 0 : place_of(ids, copy->minute_ms);
    const struct ids_minute *minute = NULL;

    *ret_count = 0;
    if (at < ids->minutes_count && ids->minutes[at].minute_ms == copy->minute_ms &&
        copy->capacity == ids->minutes[at].capacity && copy->slot >= copy->capacity) {
        at++; /* that one is done */
    }
    if (at == ids->minutes_count) {
        return false;
    }
    minute = &ids->minutes[at];
    if (minute->minute_ms != copy->minute_ms || minute->capacity != copy->capacity) {
        /* Another one, or it has grown, and everything in it has moved. */
        *copy = (struct ids_copy){.minute_ms = minute->minute_ms, .capacity = minute->capacity};
    }
    for (size_t i = 0; i < slots_max && copy->slot < minute->capacity; i++, copy->slot++) {
        if (minute->prints[copy->slot] != 0) {
            ret_prints[(*ret_count)++] = minute->prints[copy->slot];
        }
    }
    return true;
}
