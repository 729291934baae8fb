/* SPDX-License-Identifier: Apache-2.0
 *
 * A part of the journal as bytes and back.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "storage/event.h"
#include "storage/hash.h"
#include "storage/journal.h"
#include "storage/moment.h"
#include "storage/pack.h"

enum { EVENT_BYTES_MIN = 3, HASH_BYTES = 8 };

/* The places (a page and perhaps a box) of one part, each with a number. */
struct places {
    uint32_t *index; /* number + 1 by hash, 0 free */
    size_t index_count;
    uint64_t (*hashes)[2];
    size_t count;
};

static enum ctr_status places_init(struct places *places, size_t events)
{
    size_t index_count = 16;

    while (index_count < events * 2) {
        index_count *= 2;
    }
    *places = (struct places){.index_count = index_count};
    places->index = calloc(index_count, sizeof *places->index);
    places->hashes = calloc(events + 1, sizeof *places->hashes);
    return places->index == NULL || places->hashes == NULL ? CTR_NO_MEMORY : CTR_OK;
}

static void places_done(struct places *places)
{
    free(places->index);
    free(places->hashes);
}

static uint32_t place_number(struct places *places, const struct journal_event *event)
{
    size_t mask = places->index_count - 1;
    size_t at = (size_t)hash_mix(event->page_hash, event->box_hash, 0) & mask;

    while (places->index[at] != 0) {
        const uint64_t *hashes = places->hashes[places->index[at] - 1];

        if (hashes[0] == event->page_hash && hashes[1] == event->box_hash) {
            return places->index[at] - 1;
        }
        at = (at + 1) & mask;
    }
    places->hashes[places->count][0] = event->page_hash;
    places->hashes[places->count][1] = event->box_hash;
    places->index[at] = (uint32_t)++places->count;
    return (uint32_t)places->count - 1;
}

static int64_t oldest_of(const struct journal_part *part)
{
    int64_t oldest_ms = part->newest_ms;

    for (size_t i = 0; i < part->count; i++) {
        int64_t ts_ms = journal_at(part, i).ts_ms;

        oldest_ms = ts_ms < oldest_ms ? ts_ms : oldest_ms;
    }
    return oldest_ms;
}

static void pack_event(struct packer *packer, const struct journal_event *event, uint32_t place,
                       int64_t oldest_ms)
{
    pack_unsigned(packer, (uint64_t)event->flags << 1 | (event->visitor != 0 ? 1 : 0));
    pack_unsigned(packer, place);
    pack_unsigned(packer, (uint64_t)(event->ts_ms - oldest_ms));
    if (event->visitor != 0) {
        pack_hash(packer, event->visitor);
    }
    if ((event->flags & JOURNAL_ID) != 0) {
        pack_hash(packer, event->print);
    }
}

enum ctr_status journal_pack(const struct journal_part *part, struct packer *packer)
{
    struct places places;
    uint32_t *numbers = calloc(part->count + 1, sizeof *numbers);
    int64_t oldest_ms = oldest_of(part);
    enum ctr_status status = places_init(&places, part->count);

    if (numbers == NULL || status != CTR_OK) {
        status = CTR_NO_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < part->count; i++) {
        const struct journal_event event = journal_at(part, i);

        numbers[i] = place_number(&places, &event);
    }
    pack_signed(packer, oldest_ms);
    pack_unsigned(packer, places.count);
    for (size_t i = 0; i < places.count; i++) {
        pack_hash(packer, places.hashes[i][0]);
        pack_hash(packer, places.hashes[i][1]);
    }
    pack_unsigned(packer, part->count);
    for (size_t i = 0; i < part->count; i++) {
        const struct journal_event event = journal_at(part, i);

        pack_event(packer, &event, numbers[i], oldest_ms);
    }
    status = packer->failed ? CTR_NO_MEMORY : CTR_OK;
out:
    free(numbers);
    places_done(&places);
    return status;
}

struct place {
    uint64_t page_hash, box_hash;
};

/* oldest_ms plus what is added to it cannot overflow. */
static bool unpack_event(struct unpacker *unpacker, const struct place *places,
                         uint64_t places_count, int64_t oldest_ms, struct journal_event *ret_event)
{
    uint64_t head = unpack_unsigned(unpacker);
    uint64_t place = unpack_unsigned(unpacker);
    uint64_t after_ms = unpack_unsigned(unpacker);

    if (unpacker->failed || place >= places_count || head >> 1 >= JOURNAL_FLAGS_END ||
        after_ms > (uint64_t)EVENT_TS_MS_MAX) {
        return false;
    }
    *ret_event = (struct journal_event){.page_hash = places[place].page_hash,
                                        .box_hash = places[place].box_hash,
                                        .ts_ms = oldest_ms + (int64_t)after_ms,
                                        .flags = (uint32_t)(head >> 1)};
    if ((head & 1) != 0) {
        ret_event->visitor = unpack_hash(unpacker);
    }
    if ((ret_event->flags & JOURNAL_ID) != 0) {
        ret_event->print = unpack_hash(unpacker);
    }
    return !unpacker->failed && ret_event->ts_ms >= 0 && ret_event->ts_ms <= EVENT_TS_MS_MAX;
}

/* How many things of at least bytes_min are said to follow; failed where they cannot. */
static uint64_t unpack_count(struct unpacker *unpacker, uint64_t bytes_min)
{
    uint64_t count = unpack_unsigned(unpacker);

    if (count > (uint64_t)(unpacker->end - unpacker->at) / bytes_min) {
        unpacker->failed = true;
        return 0;
    }
    return count;
}

enum ctr_status journal_unpack(struct unpacker *unpacker, struct journal_part **ret_part)
{
    struct journal_part *part = journal_part_new(NULL);
    int64_t oldest_ms = unpack_signed(unpacker);
    uint64_t places_count = unpack_count(unpacker, 2 * (uint64_t)HASH_BYTES);
    struct place *places = calloc(places_count + 1, sizeof *places);
    enum ctr_status status = part == NULL || places == NULL ? CTR_NO_MEMORY : CTR_OK;
    uint64_t count = 0;

    for (uint64_t i = 0; status == CTR_OK && i < places_count; i++) {
        places[i].page_hash = unpack_hash(unpacker);
        places[i].box_hash = unpack_hash(unpacker);
    }
    count = status == CTR_OK ? unpack_count(unpacker, EVENT_BYTES_MIN) : 0;
    if (oldest_ms < MOMENT_NONE / 2 || oldest_ms > EVENT_TS_MS_MAX) {
        unpacker->failed = unpacker->failed || count > 0;
    }
    if (part != NULL) {
        journal_fit(part, (size_t)count);
    }
    for (uint64_t i = 0; status == CTR_OK && i < count; i++) {
        struct journal_event event;

        status = journal_reserve(part);
        if (status == CTR_OK && !unpack_event(unpacker, places, places_count, oldest_ms, &event)) {
            status = CTR_CORRUPT;
        }
        if (status == CTR_OK) {
            journal_add(part, &event);
        }
    }
    if (status == CTR_OK && (unpacker->failed || unpacker->at != unpacker->end)) {
        status = CTR_CORRUPT;
    }
    free(places);
    if (status != CTR_OK) {
        journal_part_give(part);
        return status;
    }
    *ret_part = part;
    return CTR_OK;
}
