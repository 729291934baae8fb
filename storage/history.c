/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history.h"

#include <stdlib.h>

#include "storage/history_internal.h"

const char history_schema[] =
    "CREATE TABLE history_key (kind INTEGER NOT NULL, page BLOB NOT NULL, box BLOB NOT NULL,"
    " id INTEGER NOT NULL, last_day INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " PRIMARY KEY (kind, page, box)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE history_block (slot INTEGER PRIMARY KEY, numbers BLOB NOT NULL) STRICT;";

/* Row values, because the table has no row ids. */
static const char drop_keys_text[] =
    "DELETE FROM history_key WHERE (kind, page, box) IN"
    " (SELECT kind, page, box FROM history_key WHERE last_day < ? LIMIT ?)";

static const char *const statement_texts[HISTORY_STATEMENTS] = {
    [HISTORY_GET_BLOCK] = "SELECT numbers FROM history_block WHERE slot = ?",
    [HISTORY_PUT_BLOCK] = "INSERT OR REPLACE INTO history_block VALUES (?, ?)",
    [HISTORY_DROP_BLOCK] = "DELETE FROM history_block WHERE slot = ?",
    [HISTORY_NEXT_BLOCK] = "SELECT slot FROM history_block WHERE slot >= ? ORDER BY slot LIMIT 1",
    [HISTORY_LAST_BLOCK] = "SELECT slot FROM history_block ORDER BY slot DESC LIMIT 1",
    [HISTORY_GET_KEY] = "SELECT * FROM history_key WHERE kind = ? AND page = ? AND box = ?",
    [HISTORY_PUT_KEY] = "INSERT OR REPLACE INTO history_key VALUES (?, ?, ?, ?, ?, ?)",
    [HISTORY_LAST_KEY] = "SELECT coalesce(max(id), 0) FROM history_key",
    [HISTORY_DROP_KEYS] = drop_keys_text,
    [HISTORY_ALL_KEYS] = "SELECT * FROM history_key ORDER BY kind, page, box",
};

/* ---- open ---------------------------------------------------------------------------------- */

enum ctr_status history_open(struct sql *sql, struct history **ret_history,
                             struct ctr_error *reterr)
{
    struct history *history = calloc(1, sizeof *history);
    enum ctr_status status = CTR_OK;

    if (history == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open the history");
    }
    history->sql = sql;
    history->known_bytes_max = HISTORY_KNOWN_BYTES_MAX;
    history_forget(history);
    for (int i = 0; status == CTR_OK && i < HISTORY_STATEMENTS; i++) {
        status = sql_prepare(sql, statement_texts[i], &history->statements[i], reterr);
    }
    if (status != CTR_OK) {
        history_close(history);
        return status;
    }
    *ret_history = history;
    return CTR_OK;
}

void history_close(struct history *history)
{
    if (history == NULL) {
        return;
    }
    for (int i = 0; i < HISTORY_STATEMENTS; i++) {
        sql_finish(history->statements[i]);
    }
    minute_block_give(history->known);
    free(history);
}

void history_forgive(struct history *history, bool forgive)
{
    history->forgiving = forgive;
    history->forgiven = forgive ? 0 : history->forgiven;
}

uint64_t history_forgiven(const struct history *history)
{
    return history->forgiven;
}

void history_forget(struct history *history)
{
    minute_block_give(history->known);
    history->known = NULL;
    history->next_id = 0;
    history->hours_until = -1;
    history->swept_until = -1;
}

/* ---- add ----------------------------------------------------------------------------------- */

/* A row and the block of minutes that it belongs to. */
struct addition {
    int64_t slot;
    const struct minute_row *row;
};

static int compare_additions(const void *a, const void *b)
{
    const struct addition *left = a;
    const struct addition *right = b;

    return (left->slot > right->slot) - (left->slot < right->slot);
}

static int64_t hour_of(const struct minute_row *row)
{
    CTR_ASSERT(row->minute_ms >= 0 && row->minute_ms <= EVENT_TS_MS_MAX);
    return row->minute_ms / HISTORY_HOUR_MS;
}

static bool is_kept(int64_t hour, const struct history_limits *limits)
{
    return hour >= history_minutes_from(limits) ||
           hour / HISTORY_DAY_HOURS >= history_hours_from(limits);
}

/* The rows of one key of one block that are not too old, behind *count others. */
static enum ctr_status collect_key(struct history *history, const struct minute_block *block,
                                   uint32_t number, const struct history_limits *limits,
                                   struct addition *additions, size_t *count,
                                   struct ctr_error *reterr)
{
    struct minute_key key = minute_block_key(block, number);
    size_t begin = *count;
    int64_t newest = 0;
    uint32_t id = 0;
    enum ctr_status status = CTR_OK;

    for (uint32_t i = block->keys[number].first; i != MINUTE_NONE; i = block->rows[i].next) {
        int64_t hour = hour_of(&block->rows[i]);

        if (is_kept(hour, limits)) {
            newest = hour > newest ? hour : newest;
            additions[(*count)++] = (struct addition){.slot = hour, .row = &block->rows[i]};
        }
    }
    if (*count == begin) {
        return CTR_OK;
    }
    status = history_key_take(history, &key, newest / HISTORY_DAY_HOURS, &id, reterr);
    for (size_t i = begin; i < *count; i++) {
        additions[i].slot = history_slot(HISTORY_MINUTES, additions[i].slot, id);
    }
    return status;
}

/* Adds what adds up over time to the hour of a day. */
static enum ctr_status add_to_day(struct history *history, const struct addition *additions,
                                  size_t count, struct ctr_error *reterr)
{
    int64_t hour = history_slot_number(additions[0].slot);
    int64_t slot =
        history_slot(HISTORY_HOURS, hour / HISTORY_DAY_HOURS, (uint32_t)additions[0].slot);
    enum ctr_status status = history_block_get(history, slot, &history->day, reterr);

    if (status == CTR_NOT_FOUND) {
        history->day.present = 0;
        status = CTR_OK;
    }
    if (status != CTR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            if (history_number_lasts(number)) {
                history_cells_add(&history->day, (unsigned)(hour % HISTORY_DAY_HOURS), number,
                                  additions[i].row->numbers[number]);
            }
        }
    }
    return history_block_put(history, slot, &history->day, reterr);
}

/* Whether the minutes of this hour, of which there are none, are an hour already. */
static enum ctr_status is_hour(struct history *history, int64_t slot,
                               const struct history_limits *limits, bool *ret_is,
                               struct ctr_error *reterr)
{
    int64_t hour = history_slot_number(slot);
    int64_t day = hour / HISTORY_DAY_HOURS;
    enum ctr_status status = CTR_OK;

    *ret_is = hour < history_minutes_from(limits);
    if (*ret_is) {
        return CTR_OK;
    }
    /* Minutes may have been kept for a shorter time once. */
    status = history_day_known(history, day, ret_is, reterr);
    if (status != CTR_OK || !*ret_is) {
        return status;
    }
    status = history_block_get(history, history_slot(HISTORY_HOURS, day, (uint32_t)slot),
                               &history->day, reterr);
    *ret_is = status == CTR_OK && (history->day.present >> hour % HISTORY_DAY_HOURS & 1) != 0;
    return status == CTR_NOT_FOUND ? CTR_OK : status;
}

/* All rows of one (key, hour). */
static enum ctr_status add_block(struct history *history, const struct addition *additions,
                                 size_t count, const struct history_limits *limits,
                                 struct ctr_error *reterr)
{
    int64_t slot = additions[0].slot;
    enum ctr_status status = history_block_get(history, slot, &history->cells, reterr);

    if (status == CTR_NOT_FOUND) {
        bool hour = false;

        status = is_hour(history, slot, limits, &hour, reterr);
        if (status == CTR_OK && hour) {
            return add_to_day(history, additions, count, reterr);
        }
        history->cells.present = 0;
    }
    if (status != CTR_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        const struct minute_row *row = additions[i].row;
        unsigned cell = (unsigned)(row->minute_ms % HISTORY_HOUR_MS / MINUTE_MS);

        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            history_cells_add(&history->cells, cell, number, row->numbers[number]);
        }
    }
    return history_block_put(history, slot, &history->cells, reterr);
}

static enum ctr_status add_all(struct history *history, struct addition *additions, size_t count,
                               const struct history_limits *limits, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    qsort(additions, count, sizeof *additions, compare_additions);
    for (size_t begin = 0; begin < count && status == CTR_OK;) {
        size_t end = begin + 1;

        while (end < count && additions[end].slot == additions[begin].slot) {
            end++;
        }
        status = add_block(history, additions + begin, end - begin, limits, reterr);
        begin = end;
    }
    return status;
}

enum ctr_status history_add(struct history *history, const struct minute_block *const *blocks,
                            size_t count, const struct history_limits *limits,
                            struct ctr_error *reterr)
{
    struct addition *additions = NULL;
    size_t rows = 0;
    enum ctr_status status = CTR_OK;

    for (size_t b = 0; b < count; b++) {
        rows += blocks[b]->rows_count;
    }
    if (rows == 0) {
        return CTR_OK;
    }
    additions = malloc(rows * sizeof *additions);
    if (additions == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save %zu minutes", rows);
    }
    rows = 0;
    for (size_t b = 0; b < count && status == CTR_OK; b++) {
        for (uint32_t key = 0; key < blocks[b]->keys_count && status == CTR_OK; key++) {
            status = collect_key(history, blocks[b], key, limits, additions, &rows, reterr);
        }
    }
    if (status == CTR_OK) {
        status = add_all(history, additions, rows, limits, reterr);
    }
    free(additions);
    return status;
}
