/* SPDX-License-Identifier: Apache-2.0
 *
 * A part of the journal as bytes and back.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storage/event.h"
#include "storage/hash.h"
#include "storage/journal.h"
#include "storage/moment.h"
#include "storage/pack.h"

enum {
    EVENT_BYTES_MIN = 3,
    EVENT_BYTES_MAX = 3 * PACK_INTEGER_BYTES_MAX + 2 * PACK_HASH_BYTES,
    EVENT_BYTES_USUAL = 24,
    PLACES_FIRST = 1024,
    PACKED_KEPT_BYTES = 4 << 20 /* at 10,000 events a second and a save every 10 s: twice that */
};

/* The places (a page and perhaps a box) of one part, each with a number. */
struct places {
    uint32_t *index; /* number + 1 by hash, 0 free; at most half full */
    size_t index_count;
    uint64_t (*hashes)[2];
    size_t count;
};

static enum ctr_status places_init(struct places *places)
{
    *places = (struct places){.index_count = 2 * (size_t)PLACES_FIRST};
    places->index = calloc(places->index_count, sizeof *places->index);
    places->hashes = calloc(PLACES_FIRST, sizeof *places->hashes);
    return places->index == NULL || places->hashes == NULL ? CTR_NO_MEMORY : CTR_OK;
}

static void places_done(struct places *places)
{
    free(places->index);
    free(places->hashes);
}

/* The slot of a place, or the free one where it belongs. */
static uint32_t *place_slot(const struct places *places, uint64_t page_hash, uint64_t box_hash)
{
    size_t mask = places->index_count - 1;
    size_t at = (size_t)hash_mix(page_hash, box_hash, 0) & mask;

    while (places->index[at] != 0) {
        const uint64_t *hashes = places->hashes[places->index[at] - 1];

        if (hashes[0] == page_hash && hashes[1] == box_hash) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &places->index[at];
}

/* Twice as many places. */
static enum ctr_status places_grow(struct places *places)
{
    size_t count = places->index_count * 2;
    uint32_t *index = calloc(count, sizeof *index);
    uint64_t(*hashes)[2] = realloc(places->hashes, count / 2 * sizeof *hashes);

    if (hashes != NULL) {
        places->hashes = hashes;
    }
    if (index == NULL || hashes == NULL) {
        free(index);
        return CTR_NO_MEMORY;
    }
    free(places->index);
    places->index = index;
    places->index_count = count;
    for (size_t i = 0; i < places->count; i++) {
        *place_slot(places, hashes[i][0], hashes[i][1]) = (uint32_t)i + 1;
    }
    return CTR_OK;
}

static enum ctr_status place_number(struct places *places, const struct journal_record *record,
                                    uint32_t *ret_number)
{
    uint32_t *slot = place_slot(places, record->page_hash, record->box_hash);

    if (*slot == 0) {
        if (places->count == places->index_count / 2) {
            if (places_grow(places) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
            slot = place_slot(places, record->page_hash, record->box_hash);
        }
        places->hashes[places->count][0] = record->page_hash;
        places->hashes[places->count][1] = record->box_hash;
        *slot = (uint32_t)++places->count;
    }
    *ret_number = *slot - 1;
    return CTR_OK;
}

/* Numbers the places of all events; finds the oldest moment. */
static enum ctr_status number_places(const struct journal_part *part, struct places *places,
                                     uint32_t *numbers, int64_t *ret_oldest_ms)
{
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < part->count; i++) {
        const struct journal_record *record = journal_record_at(part, i);

        oldest = record->moment < oldest ? record->moment : oldest;
        if (place_number(places, record, &numbers[i]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    *ret_oldest_ms =
        part->count == 0 ? part->newest_ms : (int64_t)(oldest / (uint64_t)JOURNAL_FLAGS_END);
    return CTR_OK;
}

static void pack_event(struct packer *packer, const struct journal_record *record, uint32_t place,
                       int64_t oldest_ms)
{
    unsigned char *begin = pack_room(packer, EVENT_BYTES_MAX);
    uint64_t flags = record->moment % JOURNAL_FLAGS_END;
    unsigned char *at = begin;

    if (begin == NULL) {
        return;
    }
    at = pack_put_unsigned(at, flags << 1 | (record->visitor != 0 ? 1 : 0));
    at = pack_put_unsigned(at, place);
    at = pack_put_unsigned(at, record->moment / JOURNAL_FLAGS_END - (uint64_t)oldest_ms);
    if (record->visitor != 0) {
        at = pack_put_hash(at, record->visitor);
    }
    if ((flags & JOURNAL_ID) != 0) {
        at = pack_put_hash(at, record->print);
    }
    packer->length += (size_t)(at - begin);
}

static void pack_all(const struct journal_part *part, const struct places *places,
                     const uint32_t *numbers, int64_t oldest_ms, struct packer *packer)
{
    (void)pack_room(packer, part->count * EVENT_BYTES_USUAL); /* one piece, or little more */
    pack_signed(packer, oldest_ms);
    pack_unsigned(packer, places->count);
    for (size_t i = 0; i < places->count; i++) {
        pack_hash(packer, places->hashes[i][0]);
        pack_hash(packer, places->hashes[i][1]);
    }
    pack_unsigned(packer, part->count);
    for (size_t i = 0; i < part->count; i++) {
        pack_event(packer, journal_record_at(part, i), numbers[i], oldest_ms);
    }
}

enum ctr_status journal_pack(const struct journal_part *part, struct packer *packer)
{
    struct places places;
    uint32_t *numbers = malloc((part->count + 1) * sizeof *numbers);
    int64_t oldest_ms = 0;
    enum ctr_status status = places_init(&places);

    if (numbers == NULL) {
        status = CTR_NO_MEMORY;
    }
    if (status == CTR_OK) {
        status = number_places(part, &places, numbers, &oldest_ms);
    }
    if (status == CTR_OK) {
        pack_all(part, &places, numbers, oldest_ms, packer);
        status = packer->failed ? CTR_NO_MEMORY : CTR_OK;
    }
    free(numbers);
    places_done(&places);
    return status;
}

enum ctr_status journal_packed(struct journal_part *part, bool keep, struct packer *packer,
                               const unsigned char **ret_bytes, size_t *ret_length)
{
    enum ctr_status status = CTR_OK;
    unsigned char *kept = NULL;

    if (part->packed == NULL) {
        packer->length = 0;
        status = journal_pack(part, packer);
        *ret_bytes = packer->bytes;
        *ret_length = packer->length;
        if (status != CTR_OK || !keep || packer->length > PACKED_KEPT_BYTES) {
            return status;
        }
        kept = malloc(packer->length);
        if (kept == NULL) {
            return CTR_OK; /* it is packed again for the other file */
        }
        memcpy(kept, packer->bytes, packer->length);
        part->packed = kept;
        part->packed_length = packer->length;
    }
    *ret_bytes = part->packed;
    *ret_length = part->packed_length;
    return CTR_OK;
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
    uint64_t places_count = unpack_count(unpacker, 2 * (uint64_t)PACK_HASH_BYTES);
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
