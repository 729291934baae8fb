/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history_internal.h"

#include "storage/hash.h"

enum { GRAIN_BIT = 60, NUMBER_BIT = 32 };

/* ---- slots --------------------------------------------------------------------------------- */

int64_t history_slot(enum history_grain grain, int64_t number, uint32_t id)
{
    CTR_ASSERT(number >= 0 && number <= HISTORY_NUMBER_MAX);
    return (int64_t)grain << GRAIN_BIT | number << NUMBER_BIT | (int64_t)id;
}

int64_t history_slot_number(int64_t slot)
{
    return slot >> NUMBER_BIT & HISTORY_NUMBER_MAX;
}

enum history_grain history_slot_grain(int64_t slot)
{
    return (enum history_grain)(slot >> GRAIN_BIT);
}

static int64_t kept_from(int64_t to_ms, int64_t keep_ms, int64_t grain_ms)
{
    /* Nothing lies before the epoch. */
    return to_ms < 0 || keep_ms > to_ms ? 0 : (to_ms - keep_ms) / grain_ms;
}

int64_t history_minutes_from(const struct history_limits *limits)
{
    return kept_from(limits->to_ms, limits->keep_minutes_ms, HISTORY_HOUR_MS);
}

int64_t history_hours_from(const struct history_limits *limits)
{
    return kept_from(limits->to_ms, limits->keep_hours_ms, HISTORY_DAY_MS);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static unsigned cells_of(int64_t slot)
{
    return history_slot_grain(slot) == HISTORY_MINUTES ? HISTORY_HOUR_MINUTES : HISTORY_DAY_HOURS;
}

/* Over the slot as well: SQLite would not notice that a block lies in another's place. 32 bits:
 * with 64 a block of 140 bytes would be 3 % larger, and chance has to hit in one block that is
 * damaged. */
static uint32_t checksum_of(int64_t slot, const unsigned char *bytes, size_t length)
{
    return (uint32_t)hash_mix(hash_checksum(bytes, length), (uint64_t)slot, length);
}

static enum ctr_status unpack(const unsigned char *bytes, size_t length, int64_t slot,
                              struct history_cells *ret_cells, struct ctr_error *reterr)
{
    uint32_t checksum = 0;

    if (bytes != NULL && length > HISTORY_CHECKSUM_BYTES) {
        for (unsigned i = 0; i < HISTORY_CHECKSUM_BYTES; i++) {
            checksum |= (uint32_t)bytes[i] << 8 * i;
        }
        bytes += HISTORY_CHECKSUM_BYTES;
        length -= HISTORY_CHECKSUM_BYTES;
        if (checksum == checksum_of(slot, bytes, length) &&
            history_unpack(bytes, length, cells_of(slot), ret_cells)) {
            return CTR_OK;
        }
    }
    return ctr_fail(reterr, CTR_CORRUPT, "history_block: the numbers of slot %lld are damaged",
                    (long long)slot);
}

enum ctr_status history_block_get(struct history *history, int64_t slot,
                                  struct history_cells *ret_cells, struct ctr_error *reterr)
{
    struct sql_statement *get = history->statements[HISTORY_GET_BLOCK];
    enum ctr_status status = CTR_OK;

    sql_set_integer(get, 1, slot);
    status = sql_next(history->sql, get, reterr);
    if (status == CTR_OK) {
        size_t length = 0;
        const unsigned char *bytes = sql_get_bytes(get, 0, &length);

        status = unpack(bytes, length, slot, ret_cells, reterr);
        if (status == CTR_CORRUPT && history->forgiving) {
            history->forgiven++;
            status = CTR_NOT_FOUND;
        }
    }
    sql_reset(get);
    return status;
}

enum ctr_status history_block_put(struct history *history, int64_t slot,
                                  const struct history_cells *cells, struct ctr_error *reterr)
{
    struct sql_statement *put = history->statements[HISTORY_PUT_BLOCK];
    unsigned char *bytes = history->bytes + HISTORY_CHECKSUM_BYTES;
    size_t length = history_pack(cells, cells_of(slot), bytes);
    uint32_t checksum = checksum_of(slot, bytes, length);

    for (unsigned i = 0; i < HISTORY_CHECKSUM_BYTES; i++) {
        history->bytes[i] = (unsigned char)(checksum >> 8 * i);
    }
    sql_set_integer(put, 1, slot);
    sql_set_bytes(put, 2, history->bytes, HISTORY_CHECKSUM_BYTES + length);
    if (history_slot_grain(slot) == HISTORY_HOURS && history->hours_until >= 0 &&
        history->hours_until <= history_slot_number(slot)) {
        history->hours_until = history_slot_number(slot) + 1;
    }
    return sql_do(history->sql, put, reterr);
}

enum ctr_status history_block_drop(struct history *history, int64_t slot, struct ctr_error *reterr)
{
    struct sql_statement *drop = history->statements[HISTORY_DROP_BLOCK];

    sql_set_integer(drop, 1, slot);
    return sql_do(history->sql, drop, reterr);
}

enum ctr_status history_block_next(struct history *history, int64_t slot, int64_t *ret_slot,
                                   struct ctr_error *reterr)
{
    struct sql_statement *next = history->statements[HISTORY_NEXT_BLOCK];
    enum ctr_status status = CTR_OK;

    sql_set_integer(next, 1, slot);
    status = sql_next(history->sql, next, reterr);
    if (status == CTR_OK) {
        *ret_slot = sql_get_integer(next, 0);
    }
    sql_reset(next);
    return status;
}

enum ctr_status history_block_seek(struct history *history, enum history_grain grain, uint32_t id,
                                   int64_t number, int64_t until, int64_t *ret_number,
                                   struct ctr_error *reterr)
{
    *ret_number = until;
    while (number < until) {
        int64_t wanted = history_slot(grain, number, id);
        int64_t found = 0;
        enum ctr_status status = history_block_next(history, wanted, &found, reterr);

        if (status == CTR_NOT_FOUND) {
            return CTR_OK;
        }
        if (status != CTR_OK) {
            return status;
        }
        if (history_slot_grain(found) != grain || history_slot_number(found) >= until) {
            return CTR_OK;
        }
        number = history_slot_number(found);
        wanted = history_slot(grain, number, id);
        if (found == wanted) {
            *ret_number = number;
            return CTR_OK;
        }
        /* Blocks of lower ids: this key's may be behind them. Of higher ids: it has none here. */
        number += found > wanted;
    }
    return CTR_OK;
}

enum ctr_status history_day_known(struct history *history, int64_t day, bool *ret_may,
                                  struct ctr_error *reterr)
{
    if (history->hours_until < 0) {
        struct sql_statement *last = history->statements[HISTORY_LAST_BLOCK];
        enum ctr_status status = sql_next(history->sql, last, reterr);

        if (status == CTR_OK) {
            int64_t slot = sql_get_integer(last, 0);

            history->hours_until =
                history_slot_grain(slot) == HISTORY_HOURS ? history_slot_number(slot) + 1 : 0;
        }
        sql_reset(last);
        if (status == CTR_NOT_FOUND) {
            history->hours_until = 0;
        } else if (status != CTR_OK) {
            return status;
        }
    }
    *ret_may = day < history->hours_until;
    return CTR_OK;
}
