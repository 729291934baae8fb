/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/minutes.h"

#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/prefetch.h"

enum { CAPACITY_FIRST = 64, INDEX_FIRST = 64, ROWS_UNINDEXED = 32 };

struct minute_block *minute_block_new(int64_t minute_ms)
{
    struct minute_block *block = calloc(1, sizeof *block);

    if (block != NULL) {
        atomic_init(&block->users, 1);
        block->minute_ms = minute_ms;
    }
    return block;
}

void minute_block_take(struct minute_block *block)
{
    (void)atomic_fetch_add_explicit(&block->users, 1, memory_order_relaxed);
}

void minute_block_give(struct minute_block *block)
{
    uint32_t users = 0;

    if (block == NULL) {
        return;
    }
    /* Release: what this user read or wrote stands before the free; acquire: for the one that
     * frees. */
    users = atomic_fetch_sub_explicit(&block->users, 1, memory_order_acq_rel);
    CTR_ASSERT(users > 0);
    if (users == 1) {
        free(block->keys);
        free(block->rows);
        free(block->texts);
        free(block->index);
        free(block->row_index);
        free(block);
    }
}

/* An array of `count` items, copied. Never NULL for want of items: NULL is no memory. */
static void *copy_items(const void *items, size_t count, size_t item_bytes)
{
    void *copy = malloc(count == 0 ? 1 : count * item_bytes);

    if (copy != NULL && count > 0) {
        memcpy(copy, items, count * item_bytes);
    }
    return copy;
}

struct minute_block *minute_block_copy(const struct minute_block *block)
{
    struct minute_block *copy = minute_block_new(block->minute_ms);

    if (copy == NULL) {
        return NULL;
    }
    copy->keys = copy_items(block->keys, block->keys_count, sizeof *block->keys);
    copy->rows = copy_items(block->rows, block->rows_count, sizeof *block->rows);
    copy->texts = copy_items(block->texts, block->texts_length, 1);
    if (copy->keys == NULL || copy->rows == NULL || copy->texts == NULL) {
        minute_block_give(copy);
        return NULL;
    }
    copy->keys_count = copy->keys_capacity = block->keys_count;
    copy->rows_count = copy->rows_capacity = block->rows_count;
    copy->texts_length = copy->texts_capacity = block->texts_length;
    return copy;
}

/* ---- keys ---------------------------------------------------------------------------------- */

static bool same_text(const char *bytes, struct text text)
{
    return text.length == 0 || memcmp(bytes, text.bytes, text.length) == 0;
}

static bool is_key(const struct minute_block *block, const struct minute_block_key *at,
                   const struct minute_key *key)
{
    const char *texts = block->texts + at->text;

    return at->hash == key->hash && at->level == key->level && at->other == key->other &&
           at->page_length == key->page.length && at->box_length == key->box.length &&
           same_text(texts, key->page) && same_text(texts + at->page_length, key->box);
}

/* The number of the key, or MINUTE_NONE. */
static uint32_t find_key(const struct minute_block *block, const struct minute_key *key)
{
    size_t mask = block->index_count - 1;

    if (block->index_count == 0) { /* a copy, or empty */
        for (uint32_t i = 0; i < block->keys_count; i++) {
            if (is_key(block, &block->keys[i], key)) {
                return i;
            }
        }
        return MINUTE_NONE;
    }
    for (size_t at = (size_t)key->hash & mask; block->index[at] != 0; at = (at + 1) & mask) {
        if (is_key(block, &block->keys[block->index[at] - 1], key)) {
            return block->index[at] - 1;
        }
    }
    return MINUTE_NONE;
}

void minute_block_prefetch(const struct minute_block *block, uint64_t hash)
{
    if (block->index_count > 0) {
        prefetch(&block->index[(size_t)hash & (block->index_count - 1)]);
    }
}

static void index_key(uint32_t *index, size_t count, uint64_t hash, uint32_t key)
{
    size_t at = (size_t)hash & (count - 1);

    while (index[at] != 0) {
        at = (at + 1) & (count - 1);
    }
    index[at] = key + 1;
}

/* Makes room in the index for one key more, at most 5/8 full. */
static bool reserve_index(struct minute_block *block)
{
    size_t count = block->index_count == 0 ? INDEX_FIRST : block->index_count;
    uint32_t *index = NULL;

    while (block->keys_count + 1 > count / 8 * 5) {
        count *= 2;
    }
    if (count == block->index_count) {
        return true;
    }
    index = calloc(count, sizeof *index);
    if (index == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < block->keys_count; i++) {
        index_key(index, count, block->keys[i].hash, i);
    }
    free(block->index);
    block->index = index;
    block->index_count = count;
    return true;
}

/* Makes room for `more` items behind `count`; numbers of items stay below MINUTE_NONE. NULL: no
 * memory, and the old items are as they were. */
static void *reserve_items(void *items, size_t count, size_t more, size_t item_bytes,
                           size_t *capacity)
{
    size_t wanted = *capacity < CAPACITY_FIRST ? CAPACITY_FIRST : *capacity;
    void *grown = NULL;

    if (more <= *capacity - count && items != NULL) {
        return items;
    }
    if (more >= MINUTE_NONE - count) {
        return NULL;
    }
    while (wanted < count + more) {
        wanted *= 2;
    }
    grown = realloc(items, wanted * item_bytes);
    if (grown != NULL) {
        *capacity = wanted;
    }
    return grown;
}

static size_t row_place(const struct minute_block *block, uint32_t key, int64_t minute_ms,
                        size_t count)
{
    return (size_t)hash_mix(block->keys[key].hash, (uint64_t)minute_ms, 0) & (count - 1);
}

static void index_row(struct minute_block *block, uint32_t *index, size_t count, uint32_t row)
{
    size_t at = row_place(block, block->rows[row].key, block->rows[row].minute_ms, count);

    while (index[at] != 0) {
        at = (at + 1) & (count - 1);
    }
    index[at] = row + 1;
}

/* Makes room in the index of rows for one more, at most 5/8 full. A copy gets all of it anew. */
static bool reserve_row_index(struct minute_block *block)
{
    size_t count = block->row_index_count == 0 ? INDEX_FIRST : block->row_index_count;
    uint32_t *index = NULL;

    while (block->rows_count + 1 > count / 8 * 5) {
        count *= 2;
    }
    if (count == block->row_index_count) {
        return true;
    }
    index = calloc(count, sizeof *index);
    if (index == NULL) {
        return false;
    }
    for (uint32_t row = 0; row < block->rows_count; row++) {
        index_row(block, index, count, row);
    }
    free(block->row_index);
    block->row_index = index;
    block->row_index_count = count;
    return true;
}

static bool reserve_row(struct minute_block *block)
{
    void *rows = reserve_items(block->rows, block->rows_count, 1, sizeof *block->rows,
                               &block->rows_capacity);

    if (rows == NULL) {
        return false;
    }
    block->rows = rows;
    return block->minute_ms != MOMENT_NONE || block->rows_count < ROWS_UNINDEXED ||
           reserve_row_index(block);
}

static bool reserve_key(struct minute_block *block, size_t texts_length)
{
    void *keys = reserve_items(block->keys, block->keys_count, 1, sizeof *block->keys,
                               &block->keys_capacity);
    void *texts = NULL;

    if (keys == NULL) {
        return false;
    }
    block->keys = keys;
    texts =
        reserve_items(block->texts, block->texts_length, texts_length, 1, &block->texts_capacity);
    if (texts == NULL) {
        return false;
    }
    block->texts = texts;
    return reserve_index(block);
}

static void append_text(struct minute_block *block, struct text text)
{
    if (text.length > 0) {
        memcpy(block->texts + block->texts_length, text.bytes, text.length);
        block->texts_length += text.length;
    }
}

/* There is room for it. */
static uint32_t append_key(struct minute_block *block, const struct minute_key *key, uint32_t kid)
{
    uint32_t number = (uint32_t)block->keys_count;

    block->keys[number] = (struct minute_block_key){.hash = key->hash,
                                                    .first = MINUTE_NONE,
                                                    .text = (uint32_t)block->texts_length,
                                                    .kid = kid,
                                                    .page_length = (uint16_t)key->page.length,
                                                    .box_length = (uint16_t)key->box.length,
                                                    .level = key->level,
                                                    .other = key->other};
    append_text(block, key->page);
    append_text(block, key->box);
    block->keys_count++;
    index_key(block->index, block->index_count, key->hash, number);
    return number;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* A key has one row in a block of one minute. Among corrections it may have hundreds, and those are
 * found by an index. MINUTE_NONE: there is none. */
static uint32_t find_row(const struct minute_block *block, uint32_t key, int64_t minute_ms)
{
    uint32_t row = block->keys[key].first;

    if (block->row_index_count == 0) {
        while (row != MINUTE_NONE && block->rows[row].minute_ms != minute_ms) {
            row = block->rows[row].next;
        }
        return row;
    }
    for (size_t at = row_place(block, key, minute_ms, block->row_index_count);
         block->row_index[at] != 0; at = (at + 1) & (block->row_index_count - 1)) {
        row = block->row_index[at] - 1;
        if (block->rows[row].key == key && block->rows[row].minute_ms == minute_ms) {
            return row;
        }
    }
    return MINUTE_NONE;
}

enum ctr_status minute_block_row(struct minute_block *block, const struct minute_key *key,
                                 uint32_t kid, int64_t minute_ms, struct minute_row **ret_row)
{
    uint32_t number = find_key(block, key);

    CTR_ASSERT(key->page.length <= UINT16_MAX && key->box.length <= UINT16_MAX);
    if (number != MINUTE_NONE) {
        uint32_t row = find_row(block, number, minute_ms);

        if (row != MINUTE_NONE) {
            *ret_row = &block->rows[row];
            return CTR_OK;
        }
    }
    if (!reserve_row(block)) {
        return CTR_NO_MEMORY;
    }
    if (number == MINUTE_NONE) {
        if (!reserve_key(block, key->page.length + key->box.length)) {
            return CTR_NO_MEMORY;
        }
        number = append_key(block, key, kid);
    }
    block->rows[block->rows_count] = (struct minute_row){
        .key = number, .next = block->keys[number].first, .minute_ms = minute_ms};
    block->keys[number].first = (uint32_t)block->rows_count;
    if (block->row_index_count > 0) {
        index_row(block, block->row_index, block->row_index_count, (uint32_t)block->rows_count);
    }
    *ret_row = &block->rows[block->rows_count++];
    return CTR_OK;
}

const struct minute_row *minute_block_find(const struct minute_block *block,
                                           const struct minute_key *key)
{
    uint32_t number = find_key(block, key);

    return number == MINUTE_NONE ? NULL : &block->rows[block->keys[number].first];
}

struct minute_key minute_block_key(const struct minute_block *block, uint32_t key)
{
    const struct minute_block_key *at = &block->keys[key];
    const char *texts = block->texts + at->text;

    return (struct minute_key){.hash = at->hash,
                               .level = at->level,
                               .other = at->other,
                               .page = {.bytes = texts, .length = at->page_length},
                               .box = {.bytes = texts + at->page_length, .length = at->box_length}};
}

uint64_t minute_block_bytes(const struct minute_block *block)
{
    return sizeof *block + block->keys_capacity * sizeof *block->keys +
           block->rows_capacity * sizeof *block->rows + block->texts_capacity +
           (block->index_count + block->row_index_count) * sizeof *block->index;
}
