/* SPDX-License-Identifier: Apache-2.0
 *
 * Readers of the minutes that are not saved yet, and of held records, which only the writer sees.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"
#include "storage/store_minutes.h"

static int compare_sums(const void *left, const void *right)
{
    int64_t a = ((const struct minute_sum *)left)->minute_ms;
    int64_t b = ((const struct minute_sum *)right)->minute_ms;

    return (a > b) - (a < b);
}

/* What is asked for. */
struct wanted {
    struct minute_key key;
    int64_t from_ms, until_ms;
};

static enum ctr_status add_sums(const struct minute_block *block, const struct wanted *wanted,
                                struct minute_sums *sums)
{
    const struct minute_row *row = minute_block_find(block, &wanted->key);

    for (; row != NULL; row = row->next == MINUTE_NONE ? NULL : &block->rows[row->next]) {
        struct minute_sum *items = NULL;

        if (row->minute_ms < wanted->from_ms || row->minute_ms >= wanted->until_ms) {
            continue;
        }
        items = realloc(sums->items, (sums->count + 1) * sizeof *items);
        if (items == NULL) {
            return CTR_NO_MEMORY;
        }
        sums->items = items;
        items[sums->count] = (struct minute_sum){.minute_ms = row->minute_ms};
        for (int n = 0; n < MINUTE_NUMBERS; n++) {
            items[sums->count].numbers[n] = row->numbers[n];
        }
        if (row->numbers[MINUTE_PEOPLE] == MINUTE_PEOPLE_DUE) {
            items[sums->count].numbers[MINUTE_PEOPLE] = 0;
        }
        sums->count++;
    }
    return CTR_OK;
}

/* Under the book's lock. */
static enum ctr_status collect(const struct minutes_book *book, const struct wanted *wanted,
                               uint64_t saved_cut, struct minute_sums *sums)
{
    enum ctr_status status = book->freed_cut > saved_cut ? CTR_RETRY : CTR_OK;

    for (size_t i = 0; i < book->waiting_count && status == CTR_OK; i++) {
        const struct minute_block *block = book->waiting[i];

        if (block->cut == 0 || block->cut > saved_cut) {
            status = add_sums(block, wanted, sums);
        }
    }
    if (status == CTR_OK && book->corrections != NULL) {
        status = add_sums(book->corrections, wanted, sums);
    }
    for (size_t i = 0; i < book->open_count && status == CTR_OK; i++) {
        status = add_sums(book->open[i], wanted, sums);
    }
    return status;
}

/* One item per minute. */
static void merge_sums(struct minute_sums *sums)
{
    size_t kept = 0;

    if (sums->count == 0) {
        return;
    }
    qsort(sums->items, sums->count, sizeof *sums->items, compare_sums);
    for (size_t i = 1; i < sums->count; i++) {
        if (sums->items[i].minute_ms != sums->items[kept].minute_ms) {
            sums->items[++kept] = sums->items[i];
            continue;
        }
        for (int n = 0; n < MINUTE_NUMBERS; n++) {
            sums->items[kept].numbers[n] += sums->items[i].numbers[n];
        }
    }
    sums->count = kept + 1;
}

bool store_minutes_pressing(const struct store *store)
{
    return store->book.rows > store->book.rows_max / 2;
}

void store_minutes_wait(struct store *store, bool wait)
{
    store->minutes_wait = wait;
}

struct minute_key store_minute_key(const struct store *store, const struct key_name *name)
{
    const uint64_t *secret = store->options.hash_secret;
    enum level level = keys_level(name);
    uint64_t page =
        name->page.length == 0 ? 0 : hash_id(secret, name->page.bytes, name->page.length);
    uint64_t box = name->box.length == 0 ? 0 : hash_id(secret, name->box.bytes, name->box.length);

    return (struct minute_key){.hash = keys_hash(level, page, box),
                               .level = (uint8_t)level,
                               .page = name->page,
                               .box = name->box};
}

uint64_t store_minutes_changes(const struct store *store)
{
    uint64_t changes = 0;

    book_lock(&store->book);
    changes = store->book.changes;
    book_unlock(&store->book);
    return changes;
}

enum ctr_status store_minutes(struct store *store, const struct key_name *name, int64_t from_ms,
                              int64_t until_ms, uint64_t saved_cut, struct minute_sums *ret_sums)
{
    const struct wanted wanted = {
        .key = store_minute_key(store, name), .from_ms = from_ms, .until_ms = until_ms};
    struct minute_sums sums = {.lateness_ms = store->options.lateness_ms};
    enum ctr_status status = CTR_OK;

    sums.first_ms = store_progress(store).covered_from_ms;
    book_lock(&store->book);
    sums.to_ms = store->book.to_ms;
    sums.changes = store->book.changes;
    status = collect(&store->book, &wanted, saved_cut, &sums);
    book_unlock(&store->book);
    if (status != CTR_OK) {
        minute_sums_done(&sums);
        return status;
    }
    merge_sums(&sums);
    *ret_sums = sums;
    return CTR_OK;
}

void minute_sums_done(struct minute_sums *sums)
{
    free(sums->items);
    sums->items = NULL;
    sums->count = 0;
}

/* ---- held ---------------------------------------------------------------------------------- */

static bool same_text(const struct name *name, struct text text)
{
    return name != NULL && name->length == text.length &&
           memcmp(name->bytes, text.bytes, text.length) == 0;
}

static bool concerns(const struct store *store, const struct held_event *event,
                     const struct held_question *question)
{
    const struct key_name *name = question->name;

    return moment_floor(event->ts_ms, MINUTE_MS) == question->minute_ms &&
           store_counts_at(store, (enum event_type)event->type, event->box != NULL,
                           keys_level(name)) &&
           (name->page.length == 0 || same_text(event->page, name->page)) &&
           (name->box.length == 0 || same_text(event->box, name->box));
}

void store_answer(struct store *store)
{
    struct held_question *question = &store->question;

    if (!question->asked || question->answered) {
        return;
    }
    question->count = 0;
    for (size_t b = 0; b < store->held.count; b++) {
        const struct held_bucket *bucket = &store->held.buckets[b];

        for (size_t i = 0; i < bucket->count; i++) {
            question->count += concerns(store, &bucket->events[i], question);
        }
    }
    question->answered = true;
    (void)pthread_cond_broadcast(&store->answered);
}

enum ctr_status store_held(struct store *store, const struct key_name *name, int64_t minute_ms,
                           const struct timespec *deadline, uint64_t *ret_count)
{
    struct held_question *question = &store->question;
    enum ctr_status status = CTR_RETRY;
    int failed = 0;

    store_lock(store);
    while (question->asked && failed == 0) { /* another reader's turn */
        failed = pthread_cond_timedwait(&store->answered, &store->lock, deadline);
    }
    if (failed == 0) {
        *question = (struct held_question){.asked = true, .name = name, .minute_ms = minute_ms};
        while (!question->answered && failed == 0) {
            failed = pthread_cond_timedwait(&store->answered, &store->lock, deadline);
        }
        if (question->answered) {
            *ret_count = question->count;
            status = CTR_OK;
        }
        question->asked = false;
        (void)pthread_cond_broadcast(&store->answered);
    }
    store_unlock(store);
    return status;
}
