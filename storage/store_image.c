/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/store_image.h"

#include <stdlib.h>

#include "storage/image.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { IDS_SLOTS = 1 << 16, KIDS = 1 << 15 };

/* What an image would take, the smaller parts of it left out. */
static uint64_t image_bytes(const struct store *store)
{
    return store->people.live * PEOPLE_COPY_BYTES + store->ids.count * sizeof(uint64_t) +
           store->gaps.used * sizeof(struct image_click);
}

bool store_image_wanted(const struct store *store, bool last)
{
    uint64_t events = store->sweep.events;

    return events >= IMAGE_EVENTS_MIN &&
           (last || (store->sweep.next == SWEEP_IDLE &&
                     events * IMAGE_BYTES_AN_EVENT >= image_bytes(store)));
}

void store_image_begin(struct store *store)
{
    store->sweep = (struct sweep){.next = SWEEP_CLICKS,
                                  .cut = store->cut,
                                  .minute_ms = MOMENT_NONE,
                                  .ids = {.minute_ms = MOMENT_NONE}};
}

bool store_image_active(const struct store *store)
{
    return store->sweep.next != SWEEP_IDLE;
}

/* ---- pieces -------------------------------------------------------------------------------- */

/* A piece with room for `capacity` items; its count is set afterwards. NULL: no memory. */
static struct image_piece *add_piece(struct image_batch *batch, enum image_kind kind,
                                     int64_t number, size_t capacity)
{
    struct image_piece *piece = NULL;

    if (batch->count == batch->capacity) {
        size_t wanted = batch->capacity == 0 ? 64 : batch->capacity * 2;
        struct image_piece *pieces = realloc(batch->pieces, wanted * sizeof *pieces);

        if (pieces == NULL) {
            return NULL;
        }
        batch->pieces = pieces;
        batch->capacity = wanted;
    }
    piece = &batch->pieces[batch->count];
    *piece = (struct image_piece){.kind = kind, .number = number};
    piece->items = malloc(capacity * image_item_bytes(kind) + 1);
    if (piece->items == NULL) {
        return NULL;
    }
    batch->count++;
    batch->bytes += capacity * image_item_bytes(kind);
    return piece;
}

/* The first minute of clicks after the last one that was copied; NULL: no more. */
static const struct gap_minute *next_minute(const struct gaps *gaps, int64_t after_ms)
{
    for (size_t i = 0; i < gaps->minutes_count; i++) {
        if (gaps->minutes[i].minute_ms > after_ms) {
            return &gaps->minutes[i];
        }
    }
    return NULL;
}

static enum ctr_status copy_clicks(struct store *store, struct image_batch *batch)
{
    const struct gaps *gaps = &store->gaps;
    const struct gap_minute *minute = next_minute(gaps, store->sweep.minute_ms);
    struct image_piece *piece = NULL;
    size_t count = 0;

    if (minute == NULL) {
        store->sweep.next = SWEEP_PEOPLE;
        return CTR_OK;
    }
    for (uint32_t at = minute->first; at != 0; at = gaps->clicks[at - 1].next_of_minute) {
        count++;
    }
    piece = add_piece(batch, IMAGE_CLICKS, minute->minute_ms, count);
    if (piece == NULL) {
        return CTR_NO_MEMORY;
    }
    /* The newest is first in its minute; a start wants them in order (storage/gaps.h). */
    for (uint32_t at = minute->first; at != 0; at = gaps->clicks[at - 1].next_of_minute) {
        const struct gap_click *click = &gaps->clicks[at - 1];

        piece->count++;
        ((struct image_click *)piece->items)[count - piece->count] =
            (struct image_click){.place = click->place,
                                 .ts_ms = click->ts_ms,
                                 .folded = click->folded,
                                 .counted = click->counted};
    }
    store->sweep.minute_ms = minute->minute_ms;
    return CTR_OK;
}

static enum ctr_status copy_people(struct store *store, struct image_batch *batch)
{
    size_t part = store->sweep.part;
    size_t words = people_part_words(&store->people, part);

    if (words > 0) {
        struct image_piece *piece = add_piece(batch, IMAGE_PEOPLE, (int64_t)part, words);

        if (piece == NULL) {
            return CTR_NO_MEMORY;
        }
        piece->count = people_copy_part(&store->people, part, piece->items);
    }
    store->sweep.part++;
    if (store->sweep.part == PEOPLE_PARTS) {
        store->sweep.next = SWEEP_IDS;
    }
    return CTR_OK;
}

static enum ctr_status copy_ids(struct store *store, struct image_batch *batch)
{
    struct image_piece *piece = add_piece(batch, IMAGE_IDS, 0, IDS_SLOTS);

    if (piece == NULL) {
        return CTR_NO_MEMORY;
    }
    if (!ids_copy_next(&store->ids, &store->sweep.ids, piece->items, IDS_SLOTS, &piece->count)) {
        store->sweep.next = SWEEP_KEYS;
    }
    piece->number = piece->count > 0 ? store->sweep.ids.minute_ms : 0;
    return CTR_OK;
}

static enum ctr_status copy_keys(struct store *store, struct image_batch *batch)
{
    struct image_piece *piece = add_piece(batch, IMAGE_SHORT, 0, KIDS);
    uint32_t kids = store->keys.next_kid;

    if (piece == NULL) {
        return CTR_NO_MEMORY;
    }
    for (int i = 0; i < KIDS && store->sweep.kid < kids; i++, store->sweep.kid++) {
        int64_t short_s = *keys_short_s(&store->keys, store->sweep.kid);

        if (keys_at(&store->keys, store->sweep.kid)->used && short_s != MOMENT_NONE &&
            short_s >= store->people.reach_s) {
            ((struct image_short *)piece->items)[piece->count++] =
                (struct image_short){.second_s = short_s, .kid = store->sweep.kid};
        }
    }
    if (store->sweep.kid >= kids) {
        store->sweep.next = SWEEP_END;
    }
    return CTR_OK;
}

enum ctr_status store_image_next(struct store *store, size_t bytes, struct image_batch **ret_batch)
{
    typedef enum ctr_status copy(struct store *, struct image_batch *);
    static copy *const copies[SWEEP_END] = {[SWEEP_CLICKS] = copy_clicks,
                                            [SWEEP_PEOPLE] = copy_people,
                                            [SWEEP_IDS] = copy_ids,
                                            [SWEEP_KEYS] = copy_keys};
    struct image_batch *batch = calloc(1, sizeof *batch);
    enum ctr_status status = batch == NULL ? CTR_NO_MEMORY : CTR_OK;

    CTR_ASSERT(store_image_active(store));
    while (status == CTR_OK && batch->bytes < bytes && store->sweep.next != SWEEP_END) {
        status = copies[store->sweep.next](store, batch);
    }
    if (status != CTR_OK) {
        store->sweep.next = SWEEP_IDLE;
        image_batch_free(batch);
        return status;
    }
    batch->cut = store->sweep.cut;
    batch->number = store->sweep.batches++;
    batch->secret_check = store_secret_check(&store->options);
    batch->to_ms = store->published.progress.to_ms;
    batch->first = !store->sweep.begun;
    batch->last = store->sweep.next == SWEEP_END;
    store->sweep.begun = true;
    if (batch->last) {
        store->sweep.next = SWEEP_IDLE;
    }
    *ret_batch = batch;
    return CTR_OK;
}
