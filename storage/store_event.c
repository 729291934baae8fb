/* SPDX-License-Identifier: Apache-2.0
 *
 * One event at its step: whether it is a copy, which keys it counts for and whether each of those
 * has a row of its own, whom it concerns. An event is taken as a whole or not at all: first all
 * room it may need is made, then nothing can fail.
 */
#include <stdlib.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { NOTES_PER_EVENT = 3 };

/* ---- keys ---------------------------------------------------------------------------------- */

/* The key of an event at one level: its own, a new one, or the level's `other` at the limit. */
static enum ctr_status admit(struct store *store, enum level level, const struct held_event *event,
                             const struct foreseen *ahead, uint32_t *ret_kid)
{
    struct name *page = level == LEVEL_BOX ? NULL : event->page;
    struct name *box = level == LEVEL_PAGE ? NULL : event->box;
    enum ctr_status status = CTR_OK;

    if (level == LEVEL_PLACEMENT) {
        *ret_kid = keys_find_placement(&store->keys, ahead->placement, page, box);
    } else {
        *ret_kid =
            level == LEVEL_SITE ? keys_reserved(level) : keys_find(&store->keys, level, page, box);
    }
    if (*ret_kid != KEY_NONE) {
        return CTR_OK;
    }
    if (keys_full(&store->keys)) {
        *ret_kid = keys_reserved(level);
        return CTR_OK;
    }
    store_lock(store);
    status = keys_reserve(&store->keys);
    if (status == CTR_OK) {
        *ret_kid = keys_add(&store->keys, level, page, box, KEY_NONE);
        for (int i = 0; i < 2; i++) {
            struct name *name = i == 0 ? page : box;

            if (name != NULL) {
                name->users++;
            }
        }
    }
    store_unlock(store);
    return status;
}

/* Every level that the event has ids for; KEY_NONE at the others. */
static enum ctr_status admit_all(struct store *store, const struct held_event *event,
                                 const struct foreseen *ahead, uint32_t ret_kids[LEVEL_COUNT])
{
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        bool has = level <= LEVEL_PAGE || event->box != NULL;

        ret_kids[level] = KEY_NONE;
        if (has && admit(store, level, event, ahead, &ret_kids[level]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

bool store_counts_at(const struct store *store, enum event_type type, bool box, enum level level)
{
    if (level == LEVEL_BOX || level == LEVEL_PLACEMENT) {
        return box;
    }
    return type == EVENT_CLICK || !box ||
           store->options.page_impressions == PAGE_IMPRESSIONS_BOX_VIEWS;
}

/* ---- one event ----------------------------------------------------------------------------- */

/* What an event needs to be counted, found and reserved before anything is changed. */
struct plan {
    const struct held_event *event;
    size_t list;
    uint32_t kids[LEVEL_COUNT]; /* KEY_NONE where it does not count */
    bool old;                   /* before every slice: only its minute is told */
    bool gap;                   /* click_gap looks at it */
    struct gap_verdict verdict;
    size_t back_list; /* of the click it takes back; KEY_NONE: of no slice */
};

/* Notes something about the event that is taken now. */
static void note(struct store *store, const struct note *about)
{
    struct step *step = &store->step;
    struct note *note = &step->notes[step->notes_count++];

    *note = *about;
    note->event = store->sorted[step->next_event];
}

static enum ctr_status reserve_notes(struct step *step)
{
    if (step->notes_count + NOTES_PER_EVENT > step->notes_capacity) {
        size_t capacity = step->notes_capacity == 0 ? 256 : step->notes_capacity * 2;
        struct note *notes = realloc(step->notes, capacity * sizeof *notes);

        if (notes == NULL) {
            return CTR_NO_MEMORY;
        }
        step->notes = notes;
        step->notes_capacity = capacity;
    }
    return CTR_OK;
}

uint64_t store_place(uint64_t visitor, uint64_t page_hash, uint64_t box_hash)
{
    return hash_mix(visitor, page_hash, box_hash);
}

static uint64_t place_of(const struct held_event *event)
{
    return store_place(event->visitor, event->page->hash,
                       event->box == NULL ? 0 : event->box->hash);
}

static enum ctr_status plan_gap(struct store *store, struct plan *plan)
{
    const struct held_event *event = plan->event;
    int64_t start_ms = MOMENT_NONE;

    plan->back_list = KEY_NONE;
    plan->verdict = (struct gap_verdict){.counts = true};
    /* Its delay decides whether a click is looked at, as it does for copies. */
    plan->gap = store->options.click_gap_ms > 0 && event->type == EVENT_CLICK &&
                event->visitor != 0 && (event->flags & (HELD_TOO_LATE | HELD_FILTERED)) == 0;
    if (!plan->gap) {
        return CTR_OK;
    }
    if (gaps_reserve(&store->gaps, event->ts_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    plan->verdict = gaps_judge(&store->gaps, place_of(event), event->ts_ms);
    if (plan->verdict.takes_back) {
        start_ms = step_start(store, plan->verdict.taken_back_ms);
    }
    if (start_ms == MOMENT_NONE) {
        return CTR_OK;
    }
    return step_list(store, start_ms, &plan->back_list) == CTR_OK
               ? step_reserve(&store->step.lists[plan->back_list])
               : CTR_NO_MEMORY;
}

static enum ctr_status make_plan(struct store *store, const struct held_event *event,
                                 const struct foreseen *ahead, struct plan *ret_plan)
{
    int64_t start_ms = step_start(store, event->ts_ms);
    bool apart = (event->flags & HELD_FILTERED) != 0;

    *ret_plan = (struct plan){.event = event,
                              .kids = {KEY_NONE, KEY_NONE, KEY_NONE, KEY_NONE},
                              .old = start_ms == MOMENT_NONE};
    if (reserve_notes(&store->step) != CTR_OK || store_reserve_journal(store) != CTR_OK ||
        (event->print != 0 && ids_reserve(&store->ids, event->ts_ms) != CTR_OK) ||
        plan_gap(store, ret_plan) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    /* A copy needs no key: it must not take one. */
    if (apart || ret_plan->old ||
        (event->print != 0 && ids_has(&store->ids, event->ts_ms, event->print))) {
        return CTR_OK;
    }
    if (admit_all(store, event, ahead, ret_plan->kids) != CTR_OK ||
        step_list(store, start_ms, &ret_plan->list) != CTR_OK ||
        step_reserve(&store->step.lists[ret_plan->list]) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return store_reserve_people(store, event, &ahead->where);
}

/* The row that a click was counted in: its key lives, because that click is in a slice. */
static uint32_t counted_in(const struct store *store, const struct held_event *event,
                           enum level level, uint32_t folded)
{
    if (level == LEVEL_SITE || (folded & UINT32_C(1) << level) != 0) {
        return keys_reserved(level);
    }
    return keys_find(&store->keys, level, level == LEVEL_BOX ? NULL : event->page,
                     level == LEVEL_PAGE ? NULL : event->box);
}

static void take_back(struct store *store, const struct plan *plan)
{
    const struct held_event *event = plan->event;

    note(store,
         &(struct note){.ts_ms = plan->verdict.taken_back_ms,
                        .folded = plan->verdict.taken_back_folded,
                        .kind = plan->back_list == KEY_NONE ? NOTE_TAKEN_BACK : NOTE_REPEATED});
    store->step.repeated++;
    for (enum level level = LEVEL_SITE; plan->back_list != KEY_NONE && level < LEVEL_COUNT;
         level++) {
        if (store_counts_at(store, EVENT_CLICK, event->box != NULL, level)) {
            uint32_t kid = counted_in(store, event, level, plan->verdict.taken_back_folded);

            CTR_ASSERT(kid != KEY_NONE);
            step_gain(store, &store->step.lists[plan->back_list], kid)->cell.clicks--;
        }
    }
}

/* Where the event counts in the `other` row, or is noted there if it has no place in a slice. */
static uint8_t folded_levels(const struct store *store, const struct plan *plan)
{
    const struct held_event *event = plan->event;
    uint32_t folded = 0;

    if (plan->kids[LEVEL_SITE] == KEY_NONE) {
        return (uint8_t)store_noted_levels(store, event->page->hash,
                                           event->box == NULL ? 0 : event->box->hash);
    }
    for (enum level level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        folded |= plan->kids[level] == keys_reserved(level) ? UINT32_C(1) << level : 0;
    }
    return (uint8_t)folded;
}

/* The event itself, for its own minute. */
static void note_event(struct store *store, const struct plan *plan, enum note_kind kind)
{
    note(store, &(struct note){.ts_ms = plan->event->ts_ms,
                               .folded = folded_levels(store, plan),
                               .kind = kind});
}

static void mind_gap(struct store *store, const struct plan *plan, uint32_t *flags)
{
    const struct held_event *event = plan->event;

    if (plan->verdict.takes_back) {
        take_back(store, plan);
    }
    if (!plan->verdict.counts) {
        note_event(store, plan, NOTE_REPEATED);
        store->step.repeated++;
    }
    if (plan->verdict.keep) {
        gaps_keep(&store->gaps, place_of(event), event->ts_ms, folded_levels(store, plan),
                  &plan->verdict);
        *flags |= JOURNAL_GAP | (plan->verdict.counts ? 0 : JOURNAL_REPEATED);
    }
}

/* ret_gains: where people of the event's own second go. */
static void count_levels(struct store *store, const struct plan *plan,
                         struct gain *ret_gains[LEVEL_COUNT])
{
    const struct held_event *event = plan->event;
    struct gain_list *list = &store->step.lists[plan->list];
    bool view = event->type == EVENT_VIEW;
    int32_t impressions = view;
    int32_t clicks = !view && plan->verdict.counts;
    bool box = event->box != NULL;
    bool page = store_counts_at(store, (enum event_type)event->type, box, LEVEL_PAGE);
    const bool counting[] = {[LEVEL_SITE] = page, /* as its page does, always */
                             [LEVEL_PAGE] = page,
                             [LEVEL_BOX] = box,
                             [LEVEL_PLACEMENT] = box};

    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        int32_t counts = counting[level];
        struct gain *gain = NULL;

        ret_gains[level] = NULL;
        if (plan->kids[level] == KEY_NONE) {
            continue;
        }
        store->step.folded += level != LEVEL_SITE && plan->kids[level] == keys_reserved(level);
        /* Also where nothing is added: a page has a key as soon as one of its boxes was seen. */
        gain = step_gain(store, list, plan->kids[level]);
        gain->events += counts;
        gain->cell.impressions += counts * impressions;
        gain->cell.clicks += counts * clicks;
        ret_gains[level] = list->of_second ? gain : NULL;
    }
}

static void count_event(struct store *store, const struct plan *plan, uint32_t *flags)
{
    const struct held_event *event = plan->event;
    struct gain *gains[LEVEL_COUNT];
    uint32_t met = 0;

    *flags |= event->type == EVENT_CLICK ? JOURNAL_CLICK : 0;
    *flags |= folded_levels(store, plan) * (uint32_t)JOURNAL_FOLDED;
    mind_gap(store, plan, flags);
    if (plan->old) {
        note_event(store, plan, plan->verdict.counts ? NOTE_OLD : NOTE_OLD_REPEATED);
        return;
    }
    count_levels(store, plan, gains);
    met = store_meet(store, event, plan->kids, gains);
    if (met != 0 && store->step.lists[plan->list].of_second) {
        store->step.lists[plan->list].met = true;
    }
    *flags |= met;
}

static void take_event(struct store *store, struct held_event *event, const struct plan *plan)
{
    enum ids_verdict verdict =
        event->print == 0 ? IDS_UNCHECKED : ids_add(&store->ids, event->ts_ms, event->print);
    uint32_t flags = verdict == IDS_NEW ? JOURNAL_ID : 0;

    if (verdict == IDS_COPY) {
        event->verdict = HELD_DUPLICATE;
        note_event(store, plan, NOTE_DUPLICATE);
        return;
    }
    event->verdict = HELD_COUNTED;
    event->flags |= event->print != 0 && verdict == IDS_UNCHECKED ? HELD_UNCHECKED : 0;
    if ((event->flags & HELD_FILTERED) != 0) {
        note_event(store, plan, NOTE_FILTERED);
    } else {
        count_event(store, plan, &flags);
    }
    if ((flags & (JOURNAL_ID | JOURNAL_GAP | JOURNAL_PEOPLE)) != 0) {
        journal_add(store->journal,
                    &(struct journal_event){.visitor = event->visitor,
                                            .print = event->print,
                                            .page_hash = event->page->hash,
                                            .box_hash = event->box == NULL ? 0 : event->box->hash,
                                            .ts_ms = event->ts_ms,
                                            .flags = flags});
    }
}

enum ctr_status store_take(struct store *store, struct held_event *event,
                           const struct foreseen *ahead)
{
    struct plan plan;

    if (make_plan(store, event, ahead, &plan) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    take_event(store, event, &plan);
    return CTR_OK;
}
