/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/held.h"
#include "storage/prefetch.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_LEAST = 16, NAMES_AHEAD = 8 };

void held_init(struct held *held)
{
    memset(held, 0, sizeof *held);
}

static void release_events(struct held_bucket *bucket, struct names *names)
{
    for (size_t i = 0; i < bucket->count; i++) {
        if (i + NAMES_AHEAD < bucket->count) {
            prefetch(bucket->events[i + NAMES_AHEAD].page);
            prefetch(bucket->events[i + NAMES_AHEAD].box);
        }
        names_give(names, bucket->events[i].page);
        names_give(names, bucket->events[i].box);
    }
}

void held_done(struct held *held, struct names *names)
{
    for (size_t i = 0; i < held->count; i++) {
        release_events(&held->buckets[i], names);
        free(held->buckets[i].events);
    }
    while (held->spares_count > 0) {
        free(held->spares[--held->spares_count].events);
    }
    free(held->buckets);
    free(held->gone);
    memset(held, 0, sizeof *held);
}

/* A bucket whose turn is near gets the room of one before it, or as much: it is about what it will
 * need. One far ahead is of a partition that runs ahead, or of events that are dated so: there may
 * be thousands of these, with few events each. */
static enum ctr_status grow_bucket(struct held *held, struct held_bucket *bucket)
{
    bool near = (size_t)(bucket - held->buckets) <= HELD_SPARES_MAX;
    size_t capacity = bucket->capacity == 0 ? CAPACITY_LEAST : bucket->capacity * 2;
    struct held_event *events = NULL;

    if (near && bucket->capacity == 0 && held->spares_count > 0) {
        struct held_room *room = &held->spares[--held->spares_count];

        bucket->events = room->events;
        bucket->capacity = room->capacity;
        return CTR_OK;
    }
    if (near && capacity < held->usual) {
        capacity = held->usual;
    }
    events = realloc(bucket->events, capacity * sizeof *events);
    if (events == NULL) {
        return CTR_NO_MEMORY;
    }
    bucket->events = events;
    bucket->capacity = capacity;
    return CTR_OK;
}

/* How many buckets are due at apply_ms or before. Nearly every record is of one of the newest, but
 * for those of a partition that lags behind the others. */
static size_t bucket_place(const struct held *held, int64_t apply_ms)
{
    size_t low = 0;
    size_t high = held->count;

    for (size_t step = 1; low < high; step *= 2) {
        size_t middle = step < high - low ? high - step : low + (high - low) / 2;

        if (held->buckets[middle].apply_ms > apply_ms) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static enum ctr_status make_bucket(struct held *held, int64_t apply_ms,
                                   struct held_bucket **ret_bucket)
{
    size_t at = bucket_place(held, apply_ms);

    if (at > 0 && held->buckets[at - 1].apply_ms == apply_ms) {
        *ret_bucket = &held->buckets[at - 1];
        return CTR_OK;
    }
    if (held->count == held->capacity) {
        size_t capacity = held->capacity == 0 ? 16 : held->capacity * 2;
        struct held_bucket *buckets = realloc(held->buckets, capacity * sizeof *buckets);

        if (buckets == NULL) {
            return CTR_NO_MEMORY;
        }
        held->buckets = buckets;
        held->capacity = capacity;
    }
    memmove(&held->buckets[at + 1], &held->buckets[at],
            (held->count - at) * sizeof held->buckets[0]);
    held->buckets[at] = (struct held_bucket){.apply_ms = apply_ms};
    held->count++;
    *ret_bucket = &held->buckets[at];
    return CTR_OK;
}

enum ctr_status held_add(struct held *held, int64_t apply_ms, struct held_event **ret_event)
{
    struct held_bucket *bucket = NULL;

    if (make_bucket(held, apply_ms, &bucket) != CTR_OK) {
        return CTR_NO_MEMORY; /* a bucket left empty by the next failure is harmless */
    }
    if (bucket->count == bucket->capacity && grow_bucket(held, bucket) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    *ret_event = &bucket->events[bucket->count++];
    bucket->unsaved = true;
    held->events++;
    return CTR_OK;
}

struct held_bucket *held_first(const struct held *held)
{
    return held->count == 0 ? NULL : &held->buckets[0];
}

enum ctr_status held_reserve_drop(struct held *held)
{
    if (held->gone_count == held->gone_capacity) {
        size_t capacity = held->gone_capacity == 0 ? 64 : held->gone_capacity * 2;
        int64_t *gone = realloc(held->gone, capacity * sizeof *gone);

        if (gone == NULL) {
            return CTR_NO_MEMORY;
        }
        held->gone = gone;
        held->gone_capacity = capacity;
    }
    return CTR_OK;
}

struct held_bucket *held_at(const struct held *held, int64_t apply_ms)
{
    size_t at = 0;

    while (at < held->count && held->buckets[at].apply_ms != apply_ms) {
        at++;
    }
    CTR_ASSERT(at < held->count);
    return &held->buckets[at];
}

/* The room of a bucket that is dropped. */
static void keep_room(struct held *held, const struct held_bucket *bucket)
{
    bool busier = bucket->capacity / 4 > bucket->count; /* much of it is of another time */

    if (bucket->capacity == 0 || busier || held->spares_count == HELD_SPARES_MAX) {
        free(bucket->events);
    } else {
        held->spares[held->spares_count++] =
            (struct held_room){.events = bucket->events, .capacity = bucket->capacity};
    }
    held->usual = bucket->count;
}

void held_drop(struct held *held, struct held_bucket *bucket, struct names *names)
{
    size_t at = (size_t)(bucket - held->buckets);

    CTR_ASSERT(at < held->count && held->gone_count < held->gone_capacity);
    if (bucket->saved) {
        held->gone[held->gone_count++] = bucket->apply_ms;
    }
    held->events -= bucket->count;
    release_events(bucket, names);
    keep_room(held, bucket);
    held->count--;
    memmove(bucket, bucket + 1, (held->count - at) * sizeof *bucket);
}
