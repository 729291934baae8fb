/* SPDX-License-Identifier: Apache-2.0
 *
 * People, ids and gaps, filled again by what made them: the journal's events, with the verdicts of
 * then. Which limits there are now plays no part.
 */
#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { REPLAY_STEPS_MAX = 1 << 20, PREFETCH_AHEAD = 12 };

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

/* The levels at which the visitor was met; where he did not fit, that is noted again. */
static void levels_met(struct store *store, const struct journal_event *event,
                       uint32_t ret_kids[LEVEL_COUNT])
{
    int64_t second_s = event->ts_ms / 1000;

    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        uint32_t kid = has_level(event, level) ? kid_at(store, event, level) : KEY_NONE;

        ret_kids[level] = kid;
        if (kid != KEY_NONE && (event->flags & (uint32_t)JOURNAL_SHORT << level) != 0) {
            struct key *key = keys_at(&store->keys, kid);

            key->people_short_s = second_s > key->people_short_s ? second_s : key->people_short_s;
            ret_kids[level] = KEY_NONE;
        }
    }
}

static enum ctr_status meet_again(struct store *store, const struct journal_event *event)
{
    const struct held_event held = {.ts_ms = event->ts_ms,
                                    .visitor = event->visitor,
                                    .type = (event->flags & JOURNAL_CLICK) != 0 ? EVENT_CLICK
                                                                                : EVENT_VIEW};
    uint32_t kids[LEVEL_COUNT];

    if ((event->flags & JOURNAL_PEOPLE) == 0 || event->visitor == 0) {
        return CTR_OK;
    }
    levels_met(store, event, kids);
    if (store_reserve_people(store, &held, kids) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    (void)store_meet(store, &held, kids);
    return CTR_OK;
}

/* Whether it counted is not judged again: what it was judged by may be forgotten. */
static void keep_click(struct store *store, const struct journal_event *event, uint64_t place)
{
    struct gap_verdict verdict = gaps_judge(&store->gaps, place, event->ts_ms);

    if (verdict.keep) {
        verdict.counts = (event->flags & JOURNAL_REPEATED) == 0;
        gaps_keep(&store->gaps, place, event->ts_ms,
                  (uint8_t)(event->flags / JOURNAL_FOLDED % (1U << LEVEL_COUNT)), &verdict);
    }
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
        keep_click(store, event, place);
    }
    return meet_again(store, event);
}

/* Turns the crowd steps gathered so far into slices. */
static enum ctr_status flush(struct store *store)
{
    if (store_sort_crowds(store) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    store_append_crowds(store);
    store->step.steps_count = 0;
    store->step.crowd_lists_count = 0;
    return CTR_OK;
}

static void prefetch_event(const struct store *store, const struct journal_event *event)
{
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        if (has_level(event, level) && event->visitor != 0) {
            people_prefetch(&store->people,
                            store_pair(event->visitor, hash_at(event, level), level));
        }
    }
}

static enum ctr_status replay_part(struct store *store, const struct journal_part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        if (i + PREFETCH_AHEAD < part->count) {
            prefetch_event(store, &part->events[i + PREFETCH_AHEAD]);
        }
        if (part->events[i].ts_ms >= store->published.progress.to_ms) {
            return CTR_CORRUPT; /* nothing of that time can have been taken */
        }
        if (replay_event(store, &part->events[i]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        if (store->step.steps_count >= REPLAY_STEPS_MAX && flush(store) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
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
    for (size_t i = 0; i < from->journals_count && status == CTR_OK; i++) {
        status = replay_part(store, from->journals[i]);
    }
    if (status == CTR_OK) {
        status = flush(store);
    }
    store->people.limit = visitors_max;
    store->ids.limit = ids_max;
    store->gaps.limit = gaps_max;
    if (status == CTR_OK) {
        slices_sum(&store->crowds, &store->keys, store->published.from_ms);
    }
    return status;
}
