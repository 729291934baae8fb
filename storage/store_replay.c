/* SPDX-License-Identifier: Apache-2.0
 *
 * People, ids and gaps, filled again by what made them: the journal's events, with the verdicts of
 * then. Which limits there are now plays no part.
 */
#include "storage/image.h"
#include "storage/moment.h"
#include "storage/store_load.h"

enum { PREFETCH_AHEAD = 24, PREFETCH_VISITORS = 16, PREFETCH_KEYS = 8 };

static bool has_level(const struct journal_event *event, enum level level)
{
    return level <= LEVEL_PAGE || event->box_hash != 0;
}

static uint64_t hash_at(const struct journal_event *event, enum level level)
{
    return keys_hash(level, level == LEVEL_PAGE || level == LEVEL_PLACEMENT ? event->page_hash : 0,
                     level == LEVEL_BOX || level == LEVEL_PLACEMENT ? event->box_hash : 0);
}

/* The key that was told of the event; KEY_NONE where it is gone meanwhile. */
static uint32_t kid_at(const struct store *store, const struct journal_event *event,
                       enum level level)
{
    if (level == LEVEL_SITE || (event->flags & (uint32_t)JOURNAL_FOLDED << level) != 0) {
        return keys_reserved(level);
    }
    return keys_find_hash(&store->keys, hash_at(event, level));
}

/* A visitor who did not fit is noted again. */
static void note_short(struct store *store, const struct journal_event *event, enum level level)
{
    uint32_t kid = kid_at(store, event, level);

    if (kid != KEY_NONE) {
        keys_note_short(&store->keys, kid, event->ts_ms / 1000);
    }
}

static void meet_level(struct store *store, const struct journal_event *event, enum level level)
{
    struct people_touched touched = {.visitor = event->visitor,
                                     .kid = kid_at(store, event, level),
                                     .click = (event->flags & JOURNAL_CLICK) != 0,
                                     .second_s = event->ts_ms / 1000};

    if (touched.kid != KEY_NONE) {
        people_merge(&store->people, &touched);
    }
}

static enum ctr_status meet_again(struct store *store, const struct journal_event *event)
{
    if ((event->flags & JOURNAL_PEOPLE) == 0 || event->visitor == 0 ||
        store->people_windows.count == 0 || event->ts_ms / 1000 < store->people.reach_s) {
        return CTR_OK;
    }
    if (people_reserve(&store->people, event->visitor, NULL, LEVEL_COUNT) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        if (!has_level(event, level)) {
            continue;
        }
        if ((event->flags & (uint32_t)JOURNAL_SHORT << level) != 0) {
            note_short(store, event, level);
        } else {
            meet_level(store, event, level);
        }
    }
    return CTR_OK;
}

static enum ctr_status replay_event(struct store *store, const struct journal_event *event)
{
    if ((event->flags & JOURNAL_ID) != 0) {
        if (ids_reserve(&store->ids, event->ts_ms) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        (void)ids_add(&store->ids, event->ts_ms, event->print);
    }
    if ((event->flags & JOURNAL_GAP) != 0) {
        uint64_t place = store_place(event->visitor, event->page_hash, event->box_hash);

        if (gaps_reserve(&store->gaps, event->ts_ms) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        /* Whether it counted is not judged again: what it was judged by may be forgotten. */
        gaps_merge(&store->gaps, place, event->ts_ms,
                   (uint8_t)(event->flags / JOURNAL_FOLDED % (1U << LEVEL_COUNT)),
                   (event->flags & JOURNAL_REPEATED) == 0);
    }
    return meet_again(store, event);
}

/* Where its visitor, its fingerprint and its keys' entries are; later the visitor, and then its
 * pairs and the keys themselves. */
static void prefetch_event(const struct store *store, const struct journal_event *event)
{
    if ((event->flags & JOURNAL_ID) != 0) {
        ids_prefetch(&store->ids, event->ts_ms, event->print);
    }
    if (event->visitor == 0) {
        return;
    }
    people_prefetch(&store->people, event->visitor);
    for (enum level level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        if (has_level(event, level)) {
            keys_prefetch(&store->keys, hash_at(event, level));
        }
    }
}

static void prefetch_keys(const struct store *store, const struct journal_event *event)
{
    for (enum level level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        if (has_level(event, level) && event->visitor != 0) {
            keys_prefetch_key(&store->keys, keys_peek(&store->keys, hash_at(event, level)));
        }
    }
}

/* Whatever is ahead of event `i`. */
static void look_ahead(const struct store *store, const struct journal_part *part, size_t i)
{
    if (i + PREFETCH_AHEAD < part->count) {
        const struct journal_event event = journal_at(part, i + PREFETCH_AHEAD);

        prefetch_event(store, &event);
    }
    if (i + PREFETCH_VISITORS < part->count) {
        struct people_hint hint =
            people_look(&store->people, journal_at(part, i + PREFETCH_VISITORS).visitor);

        people_prefetch_visitor(&store->people, &hint);
    }
    if (i + PREFETCH_KEYS < part->count) {
        const struct journal_event event = journal_at(part, i + PREFETCH_KEYS);

        struct people_hint hint = people_look(&store->people, event.visitor);

        people_prefetch_pairs(&store->people, &hint);
        prefetch_keys(store, &event);
    }
}

static enum ctr_status replay_part(struct store *store, const struct journal_part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct journal_event event = journal_at(part, i);

        look_ahead(store, part, i);
        if (event.ts_ms >= store->published.progress.to_ms) {
            return CTR_CORRUPT; /* nothing of that time can have been taken */
        }
        if (replay_event(store, &event) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

/* ---- an image ------------------------------------------------------------------------------ */

static enum ctr_status adopt_clicks(struct store *store, const struct image *image)
{
    for (size_t i = 0; i < image->clicks_count; i++) {
        const struct image_click *click = &image->clicks[i];

        if (gaps_reserve(&store->gaps, click->ts_ms) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        gaps_merge(&store->gaps, click->place, click->ts_ms, (uint8_t)click->folded,
                   click->counted != 0);
    }
    return CTR_OK;
}

static enum ctr_status adopt_shorts(struct store *store, const struct image *image)
{
    for (size_t i = 0; i < image->shorts_count; i++) {
        const struct image_short *of = &image->shorts[i];

        if (of->second_s < store->people.reach_s) {
            continue; /* its key may be gone */
        }
        if (of->kid >= store->keys.next_kid || !keys_at(&store->keys, (uint32_t)of->kid)->used) {
            return CTR_CORRUPT;
        }
        keys_note_short(&store->keys, (uint32_t)of->kid, of->second_s);
    }
    return CTR_OK;
}

/* Takes what the image holds. One whose people are all gone by now has times that are too old to be
 * told apart. */
static enum ctr_status adopt_image(struct store *store, struct image *image, int64_t to_ms)
{
    enum ctr_status status = CTR_OK;

    if (image == NULL) {
        return CTR_OK;
    }
    /* Whatever stands against it, a start can do without; and none is of a later moment than what
     * it is beside. */
    if (image_wait(image) != CTR_OK || image->to_ms > to_ms) {
        return CTR_CORRUPT;
    }
    if (store->people_windows.count > 0 && image->to_ms / 1000 >= store->people.reach_s) {
        people_adopt(&store->people, &image->people);
    }
    ids_adopt(&store->ids, &image->ids);
    status = adopt_clicks(store, image);
    return status == CTR_OK ? adopt_shorts(store, image) : status;
}

enum ctr_status store_replay_journals(struct store *store, const struct checkpoint *from)
{
    uint64_t visitors_max = store->people.limit;
    uint64_t ids_max = store->ids.limit;
    uint32_t gaps_max = store->gaps.limit;
    enum ctr_status status = CTR_OK;

    if (from->to_ms == MOMENT_NONE) {
        return CTR_OK;
    }
    store_forget(store, from->to_ms);
    /* What was admitted then is admitted now. */
    store->people.limit = store->ids.limit = UINT64_MAX;
    store->gaps.limit = UINT32_MAX / 2;
    status = adopt_image(store, from->image, from->to_ms);
    for (size_t i = 0; i < from->journals_count && status == CTR_OK; i++) {
        status = replay_part(store, from->journals[i]);
        store->sweep.events += from->journals[i]->count;
    }
    store->people.limit = visitors_max;
    store->ids.limit = ids_max;
    store->gaps.limit = gaps_max;
    return status;
}
