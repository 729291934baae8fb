/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of keys and their ids. The names are the primary key: found by comparing them, not by a
 * hash that somebody could collide, and read in the order of history_each without sorting.
 */
#include "storage/history_internal.h"

#include "storage/hash.h"

enum { KIND_OTHER = 1, KINDS_MAX = 512 };

static int64_t kind_of(const struct minute_key *key)
{
    return (int64_t)key->level << 1 | (key->other ? KIND_OTHER : 0);
}

static int64_t checksum_of(const struct minute_key *name, const struct history_key *key)
{
    uint64_t sum =
        hash_mix(hash_checksum(name->page.bytes, name->page.length),
                 hash_checksum(name->box.bytes, name->box.length), (uint64_t)kind_of(name));

    return (int64_t)hash_mix(sum, key->id, (uint64_t)key->last_day);
}

/* ---- remembered keys ----------------------------------------------------------------------- */

/* They are kept in a block of minutes, which finds keys by their hash and compares all of them; its
 * row of a key holds not a minute but the day, and the id in the first number. */

static bool known_find(const struct history *history, const struct minute_key *name,
                       struct history_key *ret_key)
{
    const struct minute_row *row =
        history->known == NULL ? NULL : minute_block_find(history->known, name);

    if (row == NULL) {
        return false;
    }
    *ret_key = (struct history_key){.id = (uint32_t)row->numbers[0], .last_day = row->minute_ms};
    return true;
}

/* Without memory it is not remembered: the next time it is looked up in the file. */
static void known_put(struct history *history, const struct minute_key *name,
                      const struct history_key *key)
{
    struct minute_row *row = NULL;

    if (history->known != NULL) {
        const struct minute_row *before = minute_block_find(history->known, name);

        if (before != NULL) {
            row = &history->known->rows[before - history->known->rows];
            row->minute_ms = key->last_day;
            return;
        }
        if (minute_block_bytes(history->known) > history->known_bytes_max) {
            minute_block_give(history->known);
            history->known = NULL;
        }
    }
    if (history->known == NULL) {
        history->known = minute_block_new(0);
    }
    if (history->known != NULL &&
        minute_block_row(history->known, name, 0, key->last_day, &row) == CTR_OK) {
        row->numbers[0] = (int32_t)key->id;
    }
}

/* ---- kept keys ----------------------------------------------------------------------------- */

enum { AT_KIND, AT_PAGE, AT_BOX, AT_ID, AT_LAST_DAY, AT_CHECKSUM };

static void set_name(struct sql_statement *statement, const struct minute_key *name)
{
    sql_set_integer(statement, AT_KIND + 1, kind_of(name));
    sql_set_bytes(statement, AT_PAGE + 1, name->page.bytes, name->page.length);
    sql_set_bytes(statement, AT_BOX + 1, name->box.bytes, name->box.length);
}

/* The key of a row whose columns are AT_*, named `name`. */
static enum ctr_status get_key(struct sql_statement *statement, const struct minute_key *name,
                               struct history_key *ret_key, struct ctr_error *reterr)
{
    int64_t id = sql_get_integer(statement, AT_ID);

    ret_key->id = (uint32_t)id;
    ret_key->last_day = sql_get_integer(statement, AT_LAST_DAY);
    if (id < 1 || id > UINT32_MAX ||
        sql_get_integer(statement, AT_CHECKSUM) != checksum_of(name, ret_key)) {
        return ctr_fail(reterr, CTR_CORRUPT, "history_key: the key with id %lld is damaged",
                        (long long)id);
    }
    return CTR_OK;
}

enum ctr_status history_key_get(struct sql_statement *statement, struct minute_key *ret_name,
                                struct history_key *ret_key, struct ctr_error *reterr)
{
    int64_t kind = sql_get_integer(statement, AT_KIND);
    struct minute_key name = {0};

    name.page.bytes = sql_get_bytes(statement, AT_PAGE, &name.page.length);
    name.box.bytes = sql_get_bytes(statement, AT_BOX, &name.box.length);
    if (kind < 0 || kind >= KINDS_MAX || name.page.length > EVENT_ID_BYTES_MAX ||
        name.box.length > EVENT_ID_BYTES_MAX) {
        return ctr_fail(reterr, CTR_CORRUPT, "history_key: the name of a key is damaged");
    }
    name.level = (uint8_t)(kind >> 1);
    name.other = (kind & KIND_OTHER) != 0;
    *ret_name = name;
    return get_key(statement, &name, ret_key, reterr);
}

static enum ctr_status put_key(struct history *history, const struct minute_key *name,
                               const struct history_key *key, struct ctr_error *reterr)
{
    struct sql_statement *put = history->statements[HISTORY_PUT_KEY];
    enum ctr_status status = CTR_OK;

    set_name(put, name);
    sql_set_integer(put, AT_ID + 1, key->id);
    sql_set_integer(put, AT_LAST_DAY + 1, key->last_day);
    sql_set_integer(put, AT_CHECKSUM + 1, checksum_of(name, key));
    status = sql_do(history->sql, put, reterr);
    if (status == CTR_OK) {
        known_put(history, name, key);
    }
    return status;
}

enum ctr_status history_key_find(struct history *history, const struct minute_key *key,
                                 struct history_key *ret_key, struct ctr_error *reterr)
{
    struct sql_statement *get = history->statements[HISTORY_GET_KEY];
    enum ctr_status status = CTR_OK;

    if (known_find(history, key, ret_key)) {
        return CTR_OK;
    }
    set_name(get, key);
    status = sql_next(history->sql, get, reterr);
    if (status == CTR_OK) {
        status = get_key(get, key, ret_key, reterr);
        if (status == CTR_CORRUPT && history->forgiving) {
            history->forgiven++;
            status = CTR_NOT_FOUND;
        }
    }
    sql_reset(get);
    if (status == CTR_OK) {
        known_put(history, key, ret_key);
    }
    return status;
}

/* Ids are given in order. That of a dropped key may come again: nothing has it any more. */
static enum ctr_status next_id(struct history *history, uint32_t *ret_id, struct ctr_error *reterr)
{
    if (history->next_id == 0) {
        struct sql_statement *last = history->statements[HISTORY_LAST_KEY];
        enum ctr_status status = sql_next(history->sql, last, reterr);

        int64_t id = status == CTR_OK ? sql_get_integer(last, 0) : 0;

        sql_reset(last);
        if (status != CTR_OK) {
            return status;
        }
        if (id < 0 || id > UINT32_MAX) {
            return ctr_fail(reterr, CTR_CORRUPT, "history_key: an id is damaged");
        }
        history->next_id = id + 1;
    }
    if (history->next_id > UINT32_MAX) {
        return ctr_fail(reterr, CTR_LIMIT, "history_key: no id is left for another key");
    }
    *ret_id = (uint32_t)history->next_id++;
    return CTR_OK;
}

enum ctr_status history_key_take(struct history *history, const struct minute_key *key, int64_t day,
                                 uint32_t *ret_id, struct ctr_error *reterr)
{
    struct history_key kept = {.last_day = day};
    enum ctr_status status = history_key_find(history, key, &kept, reterr);

    if (status == CTR_NOT_FOUND) {
        kept.last_day = day;
        status = next_id(history, &kept.id, reterr);
        if (status == CTR_OK) {
            status = put_key(history, key, &kept, reterr);
        }
    } else if (status == CTR_OK && kept.last_day < day) {
        kept.last_day = day;
        status = put_key(history, key, &kept, reterr);
    }
    *ret_id = kept.id;
    return status;
}

enum ctr_status history_keys_drop(struct history *history, int64_t day, size_t *budget,
                                  struct ctr_error *reterr)
{
    struct sql_statement *drop = history->statements[HISTORY_DROP_KEYS];
    enum ctr_status status = CTR_OK;
    size_t dropped = 0;

    sql_set_integer(drop, 1, day);
    sql_set_integer(drop, 2, *budget > INT64_MAX ? INT64_MAX : (int64_t)*budget);
    status = sql_do(history->sql, drop, reterr);
    if (status != CTR_OK) {
        return status;
    }
    dropped = (size_t)sql_changes(history->sql);
    *budget -= dropped < *budget ? dropped : *budget;
    if (dropped > 0) {
        /* Which ones is not known here. */
        minute_block_give(history->known);
        history->known = NULL;
        history->next_id = 0;
    }
    return CTR_OK;
}
