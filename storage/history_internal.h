/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the history share. Hours and days are numbered from the epoch here. A block is
 * one hour in minutes or one day in hours of one key; its row is found by its slot:
 *
 *   slot = grain (bit 60), number of the hour or day (from bit 32), id of the key (32 bits)
 *
 * Thread: snapshot.
 */
#ifndef LIVECTR_STORAGE_HISTORY_INTERNAL_H
#define LIVECTR_STORAGE_HISTORY_INTERNAL_H

#include "storage/history.h"
#include "storage/history_pack.h"

enum history_grain { HISTORY_MINUTES, HISTORY_HOURS };

enum {
    HISTORY_HOUR_MINUTES = 60,
    HISTORY_DAY_HOURS = 24,
    HISTORY_CHECKSUM_BYTES = 4,
    HISTORY_KNOWN_BYTES_MAX = 192 << 20, /* a million keys of thirty bytes */
};

#define HISTORY_NUMBER_MAX ((INT64_C(1) << 28) - 1)
#define HISTORY_DAY_MS     (HISTORY_DAY_HOURS * HISTORY_HOUR_MS)

enum history_statement {
    HISTORY_GET_BLOCK,
    HISTORY_PUT_BLOCK,
    HISTORY_DROP_BLOCK,
    HISTORY_NEXT_BLOCK,
    HISTORY_LAST_BLOCK,
    HISTORY_GET_KEY,
    HISTORY_PUT_KEY,
    HISTORY_LAST_KEY,
    HISTORY_DROP_KEYS,
    HISTORY_ALL_KEYS,
    HISTORY_STATEMENTS
};

struct history {
    struct sql *sql;
    struct sql_statement *statements[HISTORY_STATEMENTS];
    struct minute_block *known; /* keys already looked up; NULL none (history_keys.c) */
    uint64_t known_bytes_max;   /* when it has more, all are forgotten */
    int64_t next_id;            /* 0: not known */
    int64_t hours_until;        /* days from here on have no hours; -1: not known */
    int64_t swept_until;        /* keys without rows before this day are gone; -1: not known */
    bool forgiving;             /* what is damaged is as if it were not there */
    uint64_t forgiven;
    struct history_cells cells; /* the block at work */
    struct history_cells day;   /* and the day that it becomes a part of */
    unsigned char bytes[HISTORY_CHECKSUM_BYTES + HISTORY_PACKED_BYTES_MAX];
};

/* A key as it is kept. */
struct history_key {
    uint32_t id;
    int64_t last_day; /* no row lies in a later day */
};

/* ---- history_keys.c ---- */

/* Finds a key. CTR_NOT_FOUND: it is not kept. */
CTR_MUST_USE enum ctr_status history_key_find(struct history *history, const struct minute_key *key,
                                              struct history_key *ret_key,
                                              struct ctr_error *reterr);

/* Finds or makes a key that has, or is about to get, a row in this day. */
CTR_MUST_USE enum ctr_status history_key_take(struct history *history, const struct minute_key *key,
                                              int64_t day, uint32_t *ret_id,
                                              struct ctr_error *reterr);

/* Drops keys whose last day is before `day`, at most *budget, of which it takes what it dropped. */
CTR_MUST_USE enum ctr_status history_keys_drop(struct history *history, int64_t day, size_t *budget,
                                               struct ctr_error *reterr);

/* The key of the current row of HISTORY_ALL_KEYS; its texts are valid until the next. */
CTR_MUST_USE enum ctr_status history_key_get(struct sql_statement *statement,
                                             struct minute_key *ret_name,
                                             struct history_key *ret_key, struct ctr_error *reterr);

/* ---- history_expire.c ---- */

/* Whether a number of enum minute_number adds up over time, and so is kept in hours. */
bool history_number_lasts(int number);

/* ---- history_block.c ---- */

int64_t history_slot(enum history_grain grain, int64_t number, uint32_t id);
int64_t history_slot_number(int64_t slot);           /* of the hour or day */
enum history_grain history_slot_grain(int64_t slot); /* of a damaged file: any number */

/* The first hour whose minutes, and the first day whose hours, are not too old. */
int64_t history_minutes_from(const struct history_limits *limits);
int64_t history_hours_from(const struct history_limits *limits);

/* CTR_NOT_FOUND: there is none. */
CTR_MUST_USE enum ctr_status history_block_get(struct history *history, int64_t slot,
                                               struct history_cells *ret_cells,
                                               struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status history_block_put(struct history *history, int64_t slot,
                                               const struct history_cells *cells,
                                               struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status history_block_drop(struct history *history, int64_t slot,
                                                struct ctr_error *reterr);

/* The first block at or behind a slot, of either grain. CTR_NOT_FOUND: none. */
CTR_MUST_USE enum ctr_status history_block_next(struct history *history, int64_t slot,
                                                int64_t *ret_slot, struct ctr_error *reterr);

/* The first block of this key and grain at or behind `number` and before `until`. *ret_number is
 * `until` if there is none. Costs a look-up for each number at which any key has a block. */
CTR_MUST_USE enum ctr_status history_block_seek(struct history *history, enum history_grain grain,
                                                uint32_t id, int64_t number, int64_t until,
                                                int64_t *ret_number, struct ctr_error *reterr);

/* Whether a day may have hours: false is certain. */
CTR_MUST_USE enum ctr_status history_day_known(struct history *history, int64_t day, bool *ret_may,
                                               struct ctr_error *reterr);

#endif
