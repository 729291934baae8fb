/* SPDX-License-Identifier: Apache-2.0
 *
 * What the history is told: the gains of each step by minute, the reasons why records did not
 * count, the people at a minute's end; and the reader that finds the minutes not yet saved.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

static struct text text_of(const struct name *name)
{
    return name == NULL ? (struct text){0}
                        : (struct text){.bytes = name->bytes, .length = name->length};
}

/* The key of a row of the store; the site and the `other` rows have no texts. */
static struct minute_key key_of(const struct store *store, uint32_t kid)
{
    const struct key *key = keys_at(&store->keys, kid);

    return (struct minute_key){.hash = key->hash,
                               .level = key->level,
                               .other = kid < LEVEL_COUNT && key->level != LEVEL_SITE,
                               .page = text_of(key->page),
                               .box = text_of(key->box)};
}

/* ---- gains --------------------------------------------------------------------------------- */

static enum ctr_status add_gain(struct store *store, const struct gain *gain, int64_t start_ms)
{
    int64_t minute_ms = moment_floor(start_ms, MINUTE_MS);
    int64_t to_ms = store->step.to_ms;
    struct minute_key key = key_of(store, gain->cell.key);
    struct minute_row *row = NULL;

    if (book_row(&store->book, &key, gain->cell.key, minute_ms, to_ms, &row) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (row != NULL) {
        row->numbers[MINUTE_IMPRESSIONS] += gain->cell.impressions;
        row->numbers[MINUTE_CLICKS] += gain->cell.clicks;
        row->numbers[MINUTE_REVISION] +=
            to_ms > minute_ms + MINUTE_MS + store->book.lateness_ms ? gain->events : 0;
        if (store->minute_window != WINDOWS_MAX && to_ms <= minute_ms + MINUTE_MS) {
            row->numbers[MINUTE_PEOPLE] =
                row->numbers[MINUTE_PEOPLE] == 0 ? MINUTE_PEOPLE_DUE : row->numbers[MINUTE_PEOPLE];
        }
    }
    return CTR_OK;
}

static enum ctr_status add_gains(struct store *store)
{
    struct step *step = &store->step;
    size_t row = 0;

    for (size_t i = 0; i < step->lists_count; i++) {
        const struct gain_list *list = &step->lists[i];

        if (row + list->count <= step->next_row) {
            row += list->count; /* done before memory was short */
            continue;
        }
        for (size_t g = step->next_row - row; g < list->count; g++) {
            if (add_gain(store, &list->gains[g], list->start_ms) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
            step->next_row++;
        }
        row += list->count;
    }
    return CTR_OK;
}

/* ---- notes --------------------------------------------------------------------------------- */

/* What a row is told of, and where. */
struct notice {
    struct text page, box;
    uint64_t page_hash, box_hash;
    int64_t ts_ms, to_ms;
    uint32_t folded;
    enum minute_number number;
    bool revision;    /* counts as a correction where the minute is final */
    bool minus_click; /* takes a click back */
};

static uint64_t level_hash(enum level level, uint64_t page_hash, uint64_t box_hash)
{
    return keys_hash(level, level == LEVEL_PAGE || level == LEVEL_PLACEMENT ? page_hash : 0,
                     level == LEVEL_BOX || level == LEVEL_PLACEMENT ? box_hash : 0);
}

uint32_t store_noted_levels(const struct store *store, uint64_t page_hash, uint64_t box_hash)
{
    uint32_t folded = 0;

    for (enum level level = LEVEL_PAGE; level < LEVEL_COUNT && keys_full(&store->keys); level++) {
        uint64_t hash = level_hash(level, page_hash, box_hash);

        folded |= keys_find_hash(&store->keys, hash) == KEY_NONE ? UINT32_C(1) << level : 0;
    }
    return folded;
}

/* The key of a level: its own, though it may have no row in the store, or that of `other`. Records
 * that were refused are told under their own names, because when they are read the store is in no
 * state that the log determines. */
static struct minute_key notice_key(const struct store *store, const struct notice *notice,
                                    enum level level)
{
    struct minute_key key = {.level = (uint8_t)level};

    if ((notice->folded & UINT32_C(1) << level) != 0) {
        return key_of(store, keys_reserved(level));
    }
    if (level != LEVEL_BOX && level != LEVEL_SITE) {
        key.page = notice->page;
    }
    if (level == LEVEL_BOX || level == LEVEL_PLACEMENT) {
        key.box = notice->box;
    }
    key.hash = level_hash(level, notice->page_hash, notice->box_hash);
    return key;
}

static enum ctr_status add_notice(struct store *store, const struct notice *notice,
                                  enum level level)
{
    int64_t minute_ms = moment_floor(notice->ts_ms, MINUTE_MS);
    struct minute_key key = notice_key(store, notice, level);
    struct minute_row *row = NULL;

    if (book_row(&store->book, &key, KEY_NONE, minute_ms, notice->to_ms, &row) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (row != NULL && notice->number != MINUTE_NUMBERS) {
        row->numbers[notice->number]++;
    }
    if (row != NULL && notice->minus_click) {
        row->numbers[MINUTE_CLICKS]--;
    }
    if (row != NULL && notice->revision &&
        notice->to_ms > minute_ms + MINUTE_MS + store->book.lateness_ms) {
        row->numbers[MINUTE_REVISION]++;
    }
    return CTR_OK;
}

static struct notice notice_of(const struct note *note, int64_t to_ms)
{
    const struct held_event *event = note->event;
    struct notice notice = {.page = text_of(event->page),
                            .box = text_of(event->box),
                            .page_hash = event->page->hash,
                            .box_hash = event->box == NULL ? 0 : event->box->hash,
                            .ts_ms = note->ts_ms,
                            .to_ms = to_ms,
                            .folded = note->folded};

    switch (note->kind) {
    case NOTE_DUPLICATE:
        notice.number = MINUTE_DUPLICATES;
        break;
    case NOTE_FILTERED:
        notice.number = MINUTE_FILTERED;
        break;
    case NOTE_REPEATED:
        notice.number = MINUTE_REPEATED;
        break;
    case NOTE_TAKEN_BACK:
        notice.number = MINUTE_REPEATED;
        notice.minus_click = true;
        break;
    case NOTE_OLD:
        notice.number = event->type == EVENT_VIEW ? MINUTE_IMPRESSIONS : MINUTE_CLICKS;
        notice.revision = true;
        break;
    case NOTE_OLD_REPEATED:
        notice.number = MINUTE_NUMBERS; /* none but the revision: NOTE_REPEATED says the rest */
        notice.revision = true;
        break;
    }
    return notice;
}

static enum ctr_status add_notes(struct store *store)
{
    struct step *step = &store->step;

    for (; step->next_note < step->notes_count * LEVEL_COUNT; step->next_note++) {
        const struct note *note = &step->notes[step->next_note / LEVEL_COUNT];
        enum level level = (enum level)(step->next_note % LEVEL_COUNT);
        struct notice notice = notice_of(note, step->to_ms);

        if (store_counts_at(store, (enum event_type)note->event->type, note->event->box != NULL,
                            level) &&
            add_notice(store, &notice, level) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

enum ctr_status store_note_minutes(struct store *store)
{
    enum ctr_status status = CTR_OK;

    book_lock(&store->book);
    status = add_gains(store);
    if (status == CTR_OK) {
        status = add_notes(store);
    }
    book_unlock(&store->book);
    return status;
}

void store_note_refused(struct store *store, const struct event *event, enum minute_number number)
{
    const uint64_t *secret = store->options.hash_secret;
    struct notice notice = {
        .page = event->page,
        .box = event->box,
        .page_hash = hash_id(secret, event->page.bytes, event->page.length),
        .box_hash =
            event->box.length == 0 ? 0 : hash_id(secret, event->box.bytes, event->box.length),
        .ts_ms = event->ts_ms,
        .to_ms = INT64_MAX, /* whatever minute it names: among the corrections */
        .number = number};

    book_lock(&store->book);
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        if (store_counts_at(store, event->type, event->box.length > 0, level) &&
            add_notice(store, &notice, level) != CTR_OK) {
            store->book.lost++;
        }
    }
    book_unlock(&store->book);
}

/* ---- a minute's end ------------------------------------------------------------------------ */

/* The row's key in the store; the hint may be of a key that is gone. */
static uint32_t kid_of(const struct store *store, const struct minute_block_key *key)
{
    if (key->level == LEVEL_SITE || key->other) {
        return keys_reserved((enum level)key->level);
    }
    if (key->kid != KEY_NONE && key->kid < store->keys.next_kid &&
        keys_at(&store->keys, key->kid)->used &&
        keys_at(&store->keys, key->kid)->hash == key->hash) {
        return key->kid;
    }
    return keys_find_hash(&store->keys, key->hash);
}

static void take_people(struct store *store, struct minute_block *block)
{
    size_t window = store->minute_window;
    int64_t from_s = store->published.from_ms[window] / 1000;

    for (size_t i = 0; i < block->rows_count; i++) {
        uint32_t kid = kid_of(store, &block->keys[block->rows[i].key]);
        int32_t *numbers = block->rows[i].numbers;
        const struct crowd *crowd = NULL;

        if (numbers[MINUTE_PEOPLE] == 0) {
            continue;
        }
        numbers[MINUTE_PEOPLE] = 0;
        if (kid == KEY_NONE || keys_at(&store->keys, kid)->people_short_s >= from_s) {
            continue;
        }
        crowd = &keys_crowds(&store->keys, kid)[window];
        numbers[MINUTE_PEOPLE] = 1;
        numbers[MINUTE_VIEWERS] = (int32_t)crowd->viewers;
        numbers[MINUTE_CLICKERS] = (int32_t)crowd->clickers;
        numbers[MINUTE_UNSEEN_CLICKERS] = (int32_t)(crowd->clicking - crowd->clickers);
    }
    block->changed = true;
}

void store_close_minutes(struct store *store, int64_t to_ms)
{
    struct minute_block *ended = NULL;

    book_lock(&store->book);
    ended = to_ms % MINUTE_MS == 0 ? book_open(&store->book, to_ms - MINUTE_MS) : NULL;
    if (ended != NULL && store->minute_window != WINDOWS_MAX) {
        take_people(store, ended);
    }
    store->book.to_ms = to_ms;
    store->book.unfinished = book_finish(&store->book, to_ms) != CTR_OK; /* then with the next */
    book_unlock(&store->book);
}
