/* SPDX-License-Identifier: Apache-2.0
 *
 * What snapshot.c (open, save), snapshot_load.c and snapshot_rows.c share.
 */
#ifndef LIVECTR_STORAGE_SNAPSHOT_INTERNAL_H
#define LIVECTR_STORAGE_SNAPSHOT_INTERNAL_H

#include "storage/snapshot.h"
#include "storage/sql.h"

enum snapshot_statement {
    PUT_META,
    PUT_PARTITION,
    PUT_KEY,
    PUT_SLICE,
    PUT_HELD,
    PUT_JOURNAL,
    PUT_MINUTE,
    DROP_KEY,
    DROP_SLICE,
    DROP_HELD,
    DROP_JOURNAL,
    DROP_MINUTES,
    STATEMENTS_COUNT
};

struct snapshot {
    struct sql *sql;
    struct sql_statement *statements[STATEMENTS_COUNT];
    struct history *history;
    uint64_t cut; /* in the file */
    int64_t keep_minutes_ms, keep_hours_ms;
};

/* The numbers of meta, in the order of their checksum; the text "windows" is part of it, too. */
enum snapshot_meta {
    META_AS_OF,
    META_TO,
    META_COVERED_FROM,
    META_KEYS_FOLDED,
    META_CLOCK,
    META_PAGE_IMPRESSIONS,
    META_PARTITIONS,
    META_KEYS,
    META_SLICES,
    META_HELD,
    META_SAVED_AT,
    META_CUT,
    META_PEOPLE_HORIZON,
    META_DEDUP_HORIZON,
    META_CLICK_GAP,
    META_SECRET_CHECK,
    META_REPEATED,
    META_JOURNALS,
    META_MINUTES,
    META_COUNT
};
extern const char *const snapshot_meta_names[META_COUNT];

/* Reads meta into a checkpoint whose lists are there. Errors: CTR_NOT_FOUND or CTR_CORRUPT:
 * damaged; CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status snapshot_load_meta(struct snapshot *snapshot, struct checkpoint *into,
                                                struct ctr_error *reterr);

/* Checksum of a row: its numbers, then its bytes. */
int64_t snapshot_checksum(const int64_t *numbers, size_t count, const void *bytes, size_t length);
int64_t snapshot_key_checksum(uint32_t kid, uint8_t level, struct text page, struct text box);

/* The rows of a minute as packed bytes, and back. */
struct minute_block;
void snapshot_pack_minute(const struct minute_block *block, struct packer *packer);
CTR_MUST_USE enum ctr_status snapshot_unpack_minute(struct unpacker *unpacker, int64_t minute_ms,
                                                    struct minute_block **ret_block);

/* The tables that minutes, journals and history are saved in, within the save's transaction. */
CTR_MUST_USE enum ctr_status snapshot_save_minutes(struct snapshot *snapshot,
                                                   const struct checkpoint *from,
                                                   struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status snapshot_save_journals(struct snapshot *snapshot,
                                                    const struct checkpoint *from,
                                                    struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status snapshot_save_history(struct snapshot *snapshot,
                                                   const struct checkpoint *from,
                                                   struct ctr_error *reterr);

/* A partition's account as packed bytes, and back. False: the bytes are no such account. */
struct packer;
struct unpacker;
void snapshot_pack_partition(const struct partition *partition, struct packer *packer);
bool snapshot_unpack_partition(struct unpacker *unpacker, struct partition *ret_partition);

#endif
