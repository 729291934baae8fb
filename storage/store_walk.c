/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows with counts stay as they are from one published change to the next: keys that come in
 * between have no counts yet, and those that go have none any more. Only a position in the list of
 * a box's placements needs care, because the placement it names may be one that goes.
 */
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"
#include "storage/walk.h"

enum { HOLD_MAX_MS = 5000 };

/* What one call looks at. */
struct step_over {
    const struct store *store;
    struct walk *walk;
    struct walk_piece *piece;
    struct prior_memo memos[LEVEL_COUNT];
    size_t visits;
};

void walk_begin(const struct store *store, size_t window, const bool levels[LEVEL_COUNT],
                struct walk *ret_walk)
{
    CTR_ASSERT(window < store->options.windows.count);
    *ret_walk = (struct walk){.store = store, .window = window, .stage = WALK_SITE};
    memcpy(ret_walk->levels, levels, sizeof ret_walk->levels);
    store_lock(store);
    ret_walk->reading = (struct reading){.from_ms = store->published.from_ms[window],
                                         .progress = store->published.progress};
    store_unlock(store);
}

/* ---- making a moment last -------------------------------------------------------------------- */

static _Atomic uint64_t *held_revision(const struct store *store)
{
    return &((struct store *)(uintptr_t)store)->held_revision; /* the readers' part */
}

void walk_hold(const struct store *store, const struct walk *walk)
{
    atomic_store(held_revision(store), walk->reading.progress.revision);
}

void walk_release(const struct store *store)
{
    atomic_store(held_revision(store), 0);
}

bool store_is_held(const struct store *store)
{
    const struct progress *progress = &store->published.progress;

    return atomic_load(&store->held_revision) == progress->revision &&
           progress->to_ms != MOMENT_NONE && store->as_of_ms - progress->to_ms <= HOLD_MAX_MS;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static const struct totals *totals_of(const struct step_over *over, uint32_t kid)
{
    return &keys_totals(&over->store->keys, kid)[over->walk->window];
}

static bool has_counts(const struct step_over *over, uint32_t kid)
{
    const struct totals *totals = totals_of(over, kid);

    return totals->impressions > 0 || totals->clicks > 0;
}

static struct text copy_name(struct walk_piece *piece, const struct name *name)
{
    struct text text = {.bytes = piece->bytes + piece->bytes_used};

    if (name != NULL) {
        memcpy(piece->bytes + piece->bytes_used, name->bytes, name->length);
        text.length = name->length;
        piece->bytes_used += name->length;
    }
    return text;
}

static void copy_row(struct step_over *over, uint32_t kid)
{
    const struct key *key = keys_at(&over->store->keys, kid);
    struct walk_row *row = &over->piece->rows[over->piece->count++];

    row->level = (enum level)key->level;
    row->other = kid < LEVEL_COUNT && row->level != LEVEL_SITE;
    row->page = copy_name(over->piece, key->page);
    row->box = copy_name(over->piece, key->box);
    if (row->other) {
        row->figures = (struct figures){.totals = *totals_of(over, kid)};
    } else {
        store_figures(over->store, &over->memos[row->level], over->walk->window, kid,
                      &row->figures);
    }
}

static bool has_room(const struct step_over *over)
{
    return over->visits < WALK_VISITS_MAX && over->piece->count < WALK_ROWS_MAX &&
           over->piece->bytes_used + 2 * (size_t)EVENT_ID_BYTES_MAX <= WALK_BYTES;
}

static void walk_site(struct step_over *over)
{
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        uint32_t kid = keys_reserved(level);

        if (over->walk->levels[level] && (level == LEVEL_SITE || has_counts(over, kid))) {
            copy_row(over, kid);
        }
    }
    over->walk->stage = WALK_KEYS;
    over->walk->kid = LEVEL_COUNT;
}

/* Whether a placement comes with its box. */
static bool comes_with_box(const struct step_over *over, const struct key *key)
{
    return key->box->box_key != KEY_NONE && has_counts(over, key->box->box_key);
}

static void walk_key(struct step_over *over, uint32_t kid)
{
    struct walk *walk = over->walk;
    const struct key *key = keys_at(&over->store->keys, kid);

    walk->kid = kid + 1;
    if (!key->used || !has_counts(over, kid)) {
        return;
    }
    if (key->level == LEVEL_BOX && walk->levels[LEVEL_PLACEMENT]) {
        walk->kid = kid;
        walk->placement = key->box->pages;
        walk->spread = (struct spread){0};
        walk->stage = WALK_SPREAD;
    }
    if (walk->levels[key->level] && (key->level != LEVEL_PLACEMENT || !comes_with_box(over, key))) {
        copy_row(over, kid);
    }
}

static void walk_spread(struct step_over *over)
{
    struct walk *walk = over->walk;
    const struct keys *keys = &over->store->keys;

    if (walk->placement == KEY_NONE) {
        walk->weight = spread_weight(&walk->spread);
        walk->placement = keys_at(keys, walk->kid)->box->pages;
        walk->stage = WALK_PLACEMENTS;
        return;
    }
    spread_add(&walk->spread, totals_of(over, walk->placement)->impressions,
               totals_of(over, walk->placement)->clicks);
    walk->placement = keys_links(keys, walk->placement)->of_box.next;
}

static void walk_placements(struct step_over *over)
{
    struct walk *walk = over->walk;
    const struct keys *keys = &over->store->keys;

    if (walk->placement == KEY_NONE) {
        walk->kid++;
        walk->stage = WALK_KEYS;
        return;
    }
    if (has_counts(over, walk->placement)) {
        over->memos[LEVEL_PLACEMENT] = (struct prior_memo){.known = true,
                                                           .level = LEVEL_PLACEMENT,
                                                           .box = keys_at(keys, walk->kid)->box,
                                                           .weight = walk->weight};
        copy_row(over, walk->placement);
    }
    walk->placement = keys_links(keys, walk->placement)->of_box.next;
}

static void walk_on(struct step_over *over)
{
    struct walk *walk = over->walk;

    while (walk->stage != WALK_DONE && has_room(over)) {
        over->visits++;
        switch (walk->stage) {
        case WALK_SITE:
            walk_site(over);
            break;
        case WALK_KEYS:
            if (walk->kid < over->store->keys.next_kid) {
                walk_key(over, walk->kid);
            } else {
                walk->stage = WALK_DONE;
            }
            break;
        case WALK_SPREAD:
            walk_spread(over);
            break;
        case WALK_PLACEMENTS:
            walk_placements(over);
            break;
        case WALK_DONE:
            break;
        }
    }
}

static bool in_a_list(const struct walk *walk)
{
    return walk->stage == WALK_SPREAD || walk->stage == WALK_PLACEMENTS;
}

enum ctr_status walk_next(const struct store *store, struct walk *walk,
                          struct walk_piece *ret_piece)
{
    struct step_over over = {.store = store, .walk = walk, .piece = ret_piece};
    enum ctr_status status = CTR_RETRY;

    ret_piece->count = 0;
    ret_piece->bytes_used = 0;
    store_lock(store);
    if (walk->store == store &&
        walk->reading.progress.revision == store->published.progress.revision &&
        !(in_a_list(walk) && walk->removals != store->keys.removals)) {
        walk_on(&over);
        walk->removals = store->keys.removals;
        status = CTR_OK;
    }
    store_unlock(store);
    return status;
}
