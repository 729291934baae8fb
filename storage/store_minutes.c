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

enum { ROWS_AHEAD = 16 };

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

/* The row of a key, looked up once for each minute and then remembered with the key. block: where
 * it may be remembered, or NULL. */
static enum ctr_status gain_row(struct store *store, uint32_t kid, int64_t minute_ms,
                                struct minute_block *block, struct minute_row **ret_row)
{
    struct key_row *told = &keys_at(&store->keys, kid)->told;
    struct minute_key key;

    if (block != NULL && told->block == block->serial) {
        *ret_row = &block->rows[told->at];
        block->changed = true;
        return CTR_OK;
    }
    key = key_of(store, kid);
    if (book_row(&store->book, &key, kid, minute_ms, store->step.to_ms, ret_row) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (block != NULL && *ret_row != NULL) {
        *told = (struct key_row){.block = block->serial, .at = (uint32_t)(*ret_row - block->rows)};
    }
    return CTR_OK;
}

/* What was told already is left out, so that this may be done again for all lists. */
static void tell_gain(const struct store *store, struct gain *gain, int64_t minute_ms,
                      struct minute_row *row)
{
    int64_t to_ms = store->step.to_ms;

    row->numbers[MINUTE_IMPRESSIONS] += gain->cell.impressions - gain->told_impressions;
    row->numbers[MINUTE_CLICKS] += gain->cell.clicks - gain->told_clicks;
    row->numbers[MINUTE_REVISION] += to_ms > minute_ms + MINUTE_MS + store->book.lateness_ms
                                         ? gain->events - gain->told_events
                                         : 0;
    if (store->minute_window != WINDOWS_MAX && to_ms <= minute_ms + MINUTE_MS &&
        row->numbers[MINUTE_PEOPLE] == 0) {
        row->numbers[MINUTE_PEOPLE] = MINUTE_PEOPLE_DUE;
    }
}

/* The keys of the gains some places on, and the rows of those that are nearer, or what making them
 * looks at. */
static void prefetch_rows(const struct store *store, const struct gain_list *list, size_t at,
                          const struct minute_block *block)
{
    if (at + 2 * (size_t)ROWS_AHEAD < list->count) {
        keys_prefetch_key(&store->keys, list->gains[at + 2 * (size_t)ROWS_AHEAD].cell.key);
    }
    if (at + ROWS_AHEAD < list->count) {
        const struct key *key = keys_at(&store->keys, list->gains[at + ROWS_AHEAD].cell.key);

        if (key->told.block == block->serial) {
            prefetch(&block->rows[key->told.at]);
        } else {
            prefetch(key->page);
            prefetch(key->box);
            minute_block_prefetch(block, key->hash);
        }
    }
}

static enum ctr_status add_list(struct store *store, const struct gain_list *list)
{
    int64_t minute_ms = moment_floor(list->start_ms, MINUTE_MS);
    struct minute_block *block = book_block(&store->book, minute_ms, store->step.to_ms);

    for (size_t g = 0; g < list->count; g++) {
        struct gain *gain = &list->gains[g];
        struct minute_row *row = NULL;

        if (block != NULL) {
            prefetch_rows(store, list, g, block);
        }
        if (gain_row(store, gain->cell.key, minute_ms, block, &row) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        if (row != NULL) {
            tell_gain(store, gain, minute_ms, row);
        }
        gain->told_impressions = gain->cell.impressions;
        gain->told_clicks = gain->cell.clicks;
        gain->told_events = gain->events;
        if (block == NULL && g == 0) {
            block = book_block(&store->book, minute_ms, store->step.to_ms);
        }
    }
    return CTR_OK;
}

static enum ctr_status add_gains(struct store *store)
{
    for (size_t i = 0; i < store->step.lists_count; i++) {
        if (add_list(store, &store->step.lists[i]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
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

static struct notice notice_of(const struct note *note, const struct held_event *event,
                               int64_t to_ms)
{
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
    const struct held_bucket *bucket = held_at(&store->held, step->bucket_ms);

    for (; step->next_note < step->notes_count * LEVEL_COUNT; step->next_note++) {
        const struct note *note = &step->notes[step->next_note / LEVEL_COUNT];
        const struct held_event *event = &bucket->events[note->event];
        enum level level = (enum level)(step->next_note % LEVEL_COUNT);
        struct notice notice = notice_of(note, event, step->to_ms);

        if (store_counts_at(store, (enum event_type)event->type, event->box != NULL, level) &&
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
    store->book.changes++;
    status = add_gains(store);
    if (status == CTR_OK) {
        status = add_notes(store);
    }
    book_unlock(&store->book);
    return status;
}

/* Rows for every level, so that telling them cannot fail half-way. Those that are lost because too
 * many wait are counted when they are told. */
static enum ctr_status reserve_notice(struct store *store, const struct notice *notice,
                                      const struct event *event)
{
    uint64_t lost = store->book.lost;
    enum ctr_status status = CTR_OK;

    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT && status == CTR_OK; level++) {
        struct minute_key key = notice_key(store, notice, level);
        struct minute_row *row = NULL;

        if (store_counts_at(store, event->type, event->box.length > 0, level)) {
            status = book_row(&store->book, &key, KEY_NONE, moment_floor(notice->ts_ms, MINUTE_MS),
                              notice->to_ms, &row);
        }
    }
    store->book.lost = lost;
    return status;
}

enum ctr_status store_note_refused(struct store *store, const struct event *event,
                                   enum minute_number number)
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
    enum ctr_status status = CTR_OK;

    book_lock(&store->book);
    store->book.changes++;
    status = reserve_notice(store, &notice, event);
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT && status == CTR_OK; level++) {
        if (store_counts_at(store, event->type, event->box.length > 0, level)) {
            status = add_notice(store, &notice, level);
            CTR_ASSERT(status == CTR_OK); /* the room was made before */
        }
    }
    book_unlock(&store->book);
    return status;
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
        if (kid == KEY_NONE || *keys_short_s(&store->keys, kid) >= from_s) {
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
    store->book.changes++;
    ended = to_ms % MINUTE_MS == 0 ? book_open(&store->book, to_ms - MINUTE_MS) : NULL;
    if (ended != NULL && store->minute_window != WINDOWS_MAX) {
        take_people(store, ended);
    }
    store->book.to_ms = to_ms;
    store->book.unfinished = book_finish(&store->book, to_ms) != CTR_OK; /* then with the next */
    book_unlock(&store->book);
}
