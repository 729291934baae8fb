/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys in the file: a row holds those of KEYS_A_BLOCK numbers that follow one another. A start
 * reads a million keys in a tenth of the time that a row for each would take, and a save writes no
 * more pages: new keys have neighbouring numbers, and a page holds about as many keys as a block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/pack.h"
#include "storage/snapshot_internal.h"

enum { KEYS_A_BLOCK = 64 };

/* The keys of one block on their way in or out; texts point elsewhere. */
struct block {
    bool there[KEYS_A_BLOCK];
    struct checkpoint_key keys[KEYS_A_BLOCK];
};

/* ---- packing ------------------------------------------------------------------------------- */

static void pack_block(const struct block *block, struct packer *packer)
{
    for (size_t i = 0; i < KEYS_A_BLOCK; i++) {
        const struct checkpoint_key *key = &block->keys[i];

        if (block->there[i]) {
            pack_unsigned(packer, i);
            pack_unsigned(packer, key->level);
            pack_bytes(packer, key->page.bytes, key->page.length);
            pack_bytes(packer, key->box.bytes, key->box.length);
        }
    }
}

/* The next key of a block. Numbers rise. */
static bool unpack_key(struct unpacker *unpacker, int64_t number, int64_t *last,
                       struct checkpoint_key *ret_key)
{
    uint64_t within = unpack_unsigned(unpacker);
    uint64_t level = unpack_unsigned(unpacker);

    ret_key->page.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &ret_key->page.length);
    ret_key->box.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &ret_key->box.length);
    if (unpacker->failed || within >= KEYS_A_BLOCK || (int64_t)within <= *last ||
        level >= LEVEL_COUNT) {
        return false;
    }
    *last = (int64_t)within;
    ret_key->kid = (uint32_t)(number * KEYS_A_BLOCK + (int64_t)within);
    ret_key->level = (uint8_t)level;
    return true;
}

/* Number, checksum, keys. */
static enum ctr_status read_block(struct sql_statement *row, int64_t *ret_number,
                                  struct unpacker *ret_unpacker)
{
    *ret_number = sql_get_integer(row, 0);
    return snapshot_checked_bytes(row, 2, ret_unpacker) && *ret_number >= 0 &&
                   *ret_number <= UINT32_MAX / 2 / KEYS_A_BLOCK
               ? CTR_OK
               : CTR_CORRUPT;
}

/* ---- saving -------------------------------------------------------------------------------- */

/* What a save does to a key. */
struct change {
    uint32_t kid;
    uint32_t order;                   /* what was listed later counts */
    const struct checkpoint_key *key; /* NULL: it goes */
};

static int compare_changes(const void *left_item, const void *right_item)
{
    const struct change *left = left_item;
    const struct change *right = right_item;

    if (left->kid != right->kid) {
        return left->kid < right->kid ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

static struct change *list_changes(const struct checkpoint *from, size_t *ret_count)
{
    size_t gone = from->whole ? 0 : from->keys_gone_count;
    struct change *changes = malloc((gone + from->keys_count + 1) * sizeof *changes);
    size_t count = 0;

    for (size_t i = 0; changes != NULL && i < gone; i++, count++) {
        changes[count] = (struct change){from->keys_gone[i], (uint32_t)count, NULL};
    }
    for (size_t i = 0; changes != NULL && i < from->keys_count; i++, count++) {
        changes[count] = (struct change){from->keys[i].kid, (uint32_t)count, &from->keys[i]};
    }
    if (changes != NULL) {
        qsort(changes, count, sizeof *changes, compare_changes);
    }
    *ret_count = count;
    return changes;
}

/* What the file has of a block. The texts point into the row, which stays until `get` is reset. */
static enum ctr_status get_block(struct snapshot *snapshot, int64_t number, struct block *ret_block,
                                 struct ctr_error *reterr)
{
    struct sql_statement *get = snapshot->statements[GET_KEYS];
    struct unpacker unpacker = {0};
    int64_t last = -1;
    enum ctr_status status = CTR_OK;

    sql_set_integer(get, 1, number);
    status = sql_next(snapshot->sql, get, reterr);
    if (status != CTR_OK) {
        return status == CTR_NOT_FOUND ? CTR_OK : status;
    }
    status = read_block(get, &number, &unpacker);
    while (status == CTR_OK && unpacker.at != unpacker.end) {
        struct checkpoint_key key = {0};

        if (!unpack_key(&unpacker, number, &last, &key)) {
            status = CTR_CORRUPT;
            break;
        }
        ret_block->keys[last] = key;
        ret_block->there[last] = true;
    }
    return status == CTR_OK
               ? status
               : ctr_fail(reterr, status, "the keys of block %lld are damaged", (long long)number);
}

static enum ctr_status put_block(struct snapshot *snapshot, int64_t number,
                                 const struct packer *packed, struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_KEYS];
    struct sql_statement *drop = snapshot->statements[DROP_KEYS];

    if (packed->failed) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save keys");
    }
    if (packed->length == 0) {
        sql_set_integer(drop, 1, number);
        return sql_do(snapshot->sql, drop, reterr);
    }
    sql_set_integer(put, 1, number);
    sql_set_integer(put, 2, snapshot_checksum(&number, 1, packed->bytes, packed->length));
    sql_set_bytes(put, 3, packed->bytes, packed->length);
    return sql_do(snapshot->sql, put, reterr);
}

/* The changes of one block, from the first one on; *ret_count: how many there were. */
static enum ctr_status save_block(struct snapshot *snapshot, bool anew,
                                  const struct change *changes, size_t count, struct packer *packer,
                                  size_t *ret_count, struct ctr_error *reterr)
{
    int64_t number = changes[0].kid / KEYS_A_BLOCK;
    struct block block = {.there = {false}};
    enum ctr_status status = anew ? CTR_OK : get_block(snapshot, number, &block, reterr);
    size_t i = 0;

    for (; i < count && changes[i].kid / KEYS_A_BLOCK == number; i++) {
        size_t at = changes[i].kid % KEYS_A_BLOCK;

        block.there[at] = changes[i].key != NULL;
        if (changes[i].key != NULL) {
            block.keys[at] = *changes[i].key;
        }
    }
    *ret_count = i;
    packer->length = 0;
    pack_block(&block, packer);
    if (!anew) {
        sql_reset(snapshot->statements[GET_KEYS]);
    }
    return status == CTR_OK ? put_block(snapshot, number, packer, reterr) : status;
}

enum ctr_status snapshot_save_keys(struct snapshot *snapshot, const struct checkpoint *from,
                                   struct ctr_error *reterr)
{
    struct packer packer = {0};
    size_t count = 0;
    struct change *changes = list_changes(from, &count);
    enum ctr_status status = CTR_OK;

    if (changes == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save keys");
    }
    for (size_t i = 0; i < count && status == CTR_OK;) {
        size_t done = 0;

        status = save_block(snapshot, from->whole, changes + i, count - i, &packer, &done, reterr);
        i += done;
    }
    packer_done(&packer);
    free(changes);
    return status;
}

/* ---- loading ------------------------------------------------------------------------------- */

/* The list as it grows; texts go into one block of memory, which has to stand still before it is
 * pointed to. */
struct loading {
    struct checkpoint *into;
    struct packer texts;
    size_t capacity;
};

static enum ctr_status add_key(struct loading *loading, const struct checkpoint_key *key)
{
    struct checkpoint *into = loading->into;

    if (into->keys_count == loading->capacity) {
        size_t capacity = loading->capacity == 0 ? KEYS_A_BLOCK : loading->capacity * 2;
        struct checkpoint_key *keys = realloc(into->keys, capacity * sizeof *keys);

        if (keys == NULL) {
            return CTR_NO_MEMORY;
        }
        into->keys = keys;
        loading->capacity = capacity;
    }
    into->keys[into->keys_count++] = *key;
    pack_raw(&loading->texts, key->page.bytes, key->page.length);
    pack_raw(&loading->texts, key->box.bytes, key->box.length);
    return loading->texts.failed ? CTR_NO_MEMORY : CTR_OK;
}

static enum ctr_status load_block(struct sql_statement *row, struct loading *loading)
{
    struct unpacker unpacker;
    int64_t number = 0;
    int64_t last = -1;
    enum ctr_status status = read_block(row, &number, &unpacker);

    while (status == CTR_OK && unpacker.at != unpacker.end) {
        struct checkpoint_key key = {0};

        status = unpack_key(&unpacker, number, &last, &key) ? add_key(loading, &key) : CTR_CORRUPT;
    }
    return status;
}

/* Until version 3: a row each. */
static enum ctr_status load_row(struct sql_statement *row, struct loading *loading)
{
    struct checkpoint_key key = {0};
    int64_t kid = sql_get_integer(row, 0);
    int64_t level = sql_get_integer(row, 1);

    if (kid < 0 || kid > UINT32_MAX / 2 || level < 0 || level >= LEVEL_COUNT) {
        return CTR_CORRUPT;
    }
    key.kid = (uint32_t)kid;
    key.level = (uint8_t)level;
    key.page.bytes = sql_get_bytes(row, 3, &key.page.length);
    key.box.bytes = sql_get_bytes(row, 4, &key.box.length);
    if (key.page.length > EVENT_ID_BYTES_MAX || key.box.length > EVENT_ID_BYTES_MAX ||
        sql_get_integer(row, 2) != snapshot_key_checksum(key.kid, key.level, key.page, key.box)) {
        return CTR_CORRUPT;
    }
    return add_key(loading, &key);
}

static void point_to_texts(struct checkpoint *into)
{
    const char *at = into->text + 1;

    for (size_t i = 0; i < into->keys_count; i++) {
        struct checkpoint_key *key = &into->keys[i];

        key->page.bytes = at;
        key->box.bytes = at + key->page.length;
        at = key->box.bytes + key->box.length;
    }
}

enum ctr_status snapshot_load_keys(struct snapshot *snapshot, struct checkpoint *into,
                                   struct ctr_error *reterr)
{
    struct loading loading = {.into = into};
    struct sql_statement *statement = NULL;
    enum ctr_status status =
        sql_prepare(snapshot->sql, snapshot_keys_query(snapshot), &statement, reterr);

    pack_raw(&loading.texts, "", 1); /* never NULL */
    for (uint64_t number = 1; status == CTR_OK; number++) {
        status = sql_next(snapshot->sql, statement, reterr);
        if (status != CTR_OK) {
            break;
        }
        status =
            snapshot->key_rows ? load_row(statement, &loading) : load_block(statement, &loading);
        if (status != CTR_OK) {
            (void)ctr_fail(reterr, status, "key: row %llu %s", (unsigned long long)number,
                           status == CTR_NO_MEMORY ? "does not fit in memory" : "is damaged");
        }
    }
    sql_finish(statement);
    into->text = (char *)loading.texts.bytes;
    if (status == CTR_NOT_FOUND) {
        point_to_texts(into);
        return CTR_OK;
    }
    return status;
}

/* ---- looking, and an older file ------------------------------------------------------------ */

const char *snapshot_keys_query(const struct snapshot *snapshot)
{
    return snapshot->key_rows ? "SELECT kid, level, checksum, page, box FROM key ORDER BY kid"
                              : "SELECT block, checksum, keys FROM key ORDER BY block";
}

bool snapshot_check_keys(const struct snapshot *snapshot, struct sql_statement *row)
{
    struct checkpoint unused = {0};
    struct loading loading = {.into = &unused};
    enum ctr_status status =
        snapshot->key_rows ? load_row(row, &loading) : load_block(row, &loading);

    free(unused.keys);
    packer_done(&loading.texts);
    return status != CTR_CORRUPT;
}

enum ctr_status snapshot_migrate_keys(struct snapshot *snapshot, struct ctr_error *reterr)
{
    struct sql_statement **put = &snapshot->statements[PUT_KEYS];
    struct checkpoint *keys = calloc(1, sizeof *keys);
    enum ctr_status status = CTR_NO_MEMORY;

    if (keys == NULL) {
        return ctr_fail(reterr, status, "no memory to bring the file to this version");
    }
    keys->whole = true;
    status = snapshot_load_keys(snapshot, keys, reterr);
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, "DROP TABLE key;" SNAPSHOT_KEYS_TABLE, reterr);
    }
    if (status == CTR_OK) {
        status = sql_prepare(snapshot->sql, SNAPSHOT_PUT_KEYS, put, reterr);
    }
    if (status == CTR_OK) {
        status = snapshot_save_keys(snapshot, keys, reterr);
    }
    sql_finish(*put);
    *put = NULL;
    checkpoint_free(keys);
    return status;
}
