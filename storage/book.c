/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/book.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

void book_init(struct minutes_book *book, int64_t lateness_ms, uint64_t rows_max)
{
    memset(book, 0, sizeof *book);
    book->to_ms = MOMENT_NONE;
    book->lateness_ms = lateness_ms;
    book->rows_max = rows_max;
    (void)pthread_mutex_init(&book->lock, NULL);
}

void book_done(struct minutes_book *book)
{
    for (size_t i = 0; i < book->open_count; i++) {
        minute_block_give(book->open[i]);
    }
    for (size_t i = 0; i < book->waiting_count; i++) {
        minute_block_give(book->waiting[i]);
    }
    minute_block_give(book->corrections);
    free(book->open);
    free(book->waiting);
    (void)pthread_mutex_destroy(&book->lock);
}

void book_lock(const struct minutes_book *book)
{
    int failed = pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&book->lock);

    CTR_ASSERT(failed == 0);
}

void book_unlock(const struct minutes_book *book)
{
    int failed = pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&book->lock);

    CTR_ASSERT(failed == 0);
}

static size_t place_of(const struct minutes_book *book, int64_t minute_ms)
{
    size_t at = book->open_count;

    while (at > 0 && book->open[at - 1]->minute_ms >= minute_ms) {
        at--;
    }
    return at;
}

struct minute_block *book_open(const struct minutes_book *book, int64_t minute_ms)
{
    size_t at = place_of(book, minute_ms);

    return at < book->open_count && book->open[at]->minute_ms == minute_ms ? book->open[at] : NULL;
}

/* Makes room for `count` blocks in a list. */
static enum ctr_status reserve(struct minute_block ***list, size_t *capacity, size_t count)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity;
    struct minute_block **grown = NULL;

    while (wanted < count) {
        wanted *= 2;
    }
    if (wanted == *capacity) {
        return CTR_OK;
    }
    grown = realloc(*list, wanted * sizeof *grown);
    if (grown == NULL) {
        return CTR_NO_MEMORY;
    }
    *list = grown;
    *capacity = wanted;
    return CTR_OK;
}

static enum ctr_status add_open(struct minutes_book *book, int64_t minute_ms,
                                struct minute_block **ret_block)
{
    size_t at = place_of(book, minute_ms);
    struct minute_block *block = NULL;

    if (reserve(&book->open, &book->open_capacity, book->open_count + 1) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    block = minute_block_new(minute_ms);
    if (block == NULL) {
        return CTR_NO_MEMORY;
    }
    memmove(&book->open[at + 1], &book->open[at], (book->open_count - at) * sizeof *book->open);
    block->changed = true;
    book->open[at] = block;
    book->open_count++;
    *ret_block = block;
    return CTR_OK;
}

static bool is_final(const struct minutes_book *book, int64_t minute_ms, int64_t to_ms)
{
    return to_ms > minute_ms + MINUTE_MS + book->lateness_ms;
}

struct minute_block *book_block(struct minutes_book *book, int64_t minute_ms, int64_t to_ms)
{
    struct minute_block *block =
        is_final(book, minute_ms, to_ms) ? NULL : book_open(book, minute_ms);

    if (block != NULL && block->serial == 0) {
        block->serial = ++book->serials;
    }
    return block;
}

static enum ctr_status block_for(struct minutes_book *book, int64_t minute_ms, int64_t to_ms,
                                 struct minute_block **ret_block)
{
    if (!is_final(book, minute_ms, to_ms)) {
        *ret_block = book_open(book, minute_ms);
        return *ret_block == NULL ? add_open(book, minute_ms, ret_block) : CTR_OK;
    }
    if (book->corrections == NULL) {
        book->corrections = minute_block_new(MOMENT_NONE);
    }
    *ret_block = book->corrections;
    return *ret_block == NULL ? CTR_NO_MEMORY : CTR_OK;
}

enum ctr_status book_row(struct minutes_book *book, const struct minute_key *key, uint32_t kid,
                         int64_t minute_ms, int64_t to_ms, struct minute_row **ret_row)
{
    struct minute_block *block = NULL;
    size_t rows = 0;

    *ret_row = NULL;
    if (block_for(book, minute_ms, to_ms, &block) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (block == book->corrections && book->rows >= book->rows_max) {
        book->lost++;
        return CTR_OK;
    }
    rows = block->rows_count;
    if (minute_block_row(block, key, kid, minute_ms, ret_row) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    block->changed = true;
    if (block == book->corrections) {
        book->rows += block->rows_count - rows;
    }
    return CTR_OK;
}

enum ctr_status book_finish(struct minutes_book *book, int64_t to_ms)
{
    size_t count = 0;

    while (count < book->open_count &&
           book->open[count]->minute_ms + MINUTE_MS + book->lateness_ms < to_ms) {
        count++;
    }
    if (count == 0) {
        return CTR_OK;
    }
    if (reserve(&book->waiting, &book->waiting_capacity, book->waiting_count + count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct minute_block *block = book->open[i];

        if (book->rows + block->rows_count > book->rows_max) {
            book->lost += block->rows_count;
            minute_block_give(block);
        } else {
            book->rows += block->rows_count;
            book->waiting[book->waiting_count++] = block;
        }
    }
    book->open_count -= count;
    memmove(&book->open[0], &book->open[count], book->open_count * sizeof *book->open);
    return CTR_OK;
}

enum ctr_status book_cut(struct minutes_book *book, uint64_t cut, struct minute_block ***ret_blocks,
                         size_t *ret_count)
{
    struct minute_block **blocks = NULL;
    enum ctr_status status = CTR_NO_MEMORY;

    book_lock(book);
    if (reserve(&book->waiting, &book->waiting_capacity, book->waiting_count + 1) != CTR_OK) {
        goto out;
    }
    blocks = calloc(book->waiting_count + 1, sizeof *blocks);
    if (blocks == NULL) {
        goto out;
    }
    if (book->corrections != NULL) {
        book->waiting[book->waiting_count++] = book->corrections;
        book->corrections = NULL;
    }
    for (size_t i = 0; i < book->waiting_count; i++) {
        struct minute_block *block = book->waiting[i];

        block->cut = block->cut == 0 ? cut : block->cut;
        minute_block_take(block);
        blocks[i] = block;
    }
    *ret_blocks = blocks;
    *ret_count = book->waiting_count;
    status = CTR_OK;
out:
    book_unlock(book);
    return status;
}

void book_saved(struct minutes_book *book, uint64_t cut)
{
    size_t kept = 0;

    book_lock(book);
    for (size_t i = 0; i < book->waiting_count; i++) {
        struct minute_block *block = book->waiting[i];

        if (block->cut != 0 && block->cut <= cut) {
            book->rows -= block->rows_count;
            minute_block_give(block);
        } else {
            book->waiting[kept++] = block;
        }
    }
    book->waiting_count = kept;
    book->freed_cut = cut > book->freed_cut ? cut : book->freed_cut;
    book_unlock(book);
}

uint64_t book_bytes(const struct minutes_book *book)
{
    uint64_t bytes = book->corrections == NULL ? 0 : minute_block_bytes(book->corrections);

    for (size_t i = 0; i < book->open_count; i++) {
        bytes += minute_block_bytes(book->open[i]);
    }
    for (size_t i = 0; i < book->waiting_count; i++) {
        bytes += minute_block_bytes(book->waiting[i]);
    }
    return bytes;
}
