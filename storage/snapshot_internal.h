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
    PUT_KEYS,
    GET_KEYS,
    PUT_SLICE,
    PUT_HELD,
    PUT_JOURNAL,
    PUT_MINUTE,
    DROP_KEYS,
    DROP_SLICE,
    DROP_HELD,
    DROP_JOURNAL,
    DROP_MINUTES,
    STATEMENTS_COUNT
};

struct snapshot_images {
    struct image_writer *writer; /* of one under way; NULL: none, or it was given up */
    int writing_slot, named_slot;
    uint64_t finished; /* token of one that the next save names, 0 none */
    uint64_t named;    /* in the file, and its image is there; 0 none */
    bool ignored;
};

struct snapshot {
    char *path;
    struct snapshot_images images;
    struct sql *sql;
    struct sql_statement *statements[STATEMENTS_COUNT];
    struct history *history;
    uint64_t cut;    /* in the file */
    int64_t version; /* of the file when it was opened */
    bool empty;      /* it had no tables */
    bool key_rows;   /* its keys have a row each, as until version 3 */
    bool suspect;    /* its log must not be folded */
    struct ctr_error folded;
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

/* The blob at a column, if it and all numbers before it are what the checksum between them says. */
struct unpacker;
bool snapshot_checked_bytes(struct sql_statement *row, int at, struct unpacker *ret_unpacker);

/* The same for number, newest, checksum and events of a journal; those that a program saved which
 * had no images have no number in their checksum. */
bool snapshot_checked_journal(struct sql_statement *row, struct unpacker *ret_unpacker);

/* Keys, in blocks (snapshot_keys.c). Loading leaves keys and text in `into`, whatever happens.
 * Errors: CTR_CORRUPT, CTR_IO, CTR_NO_MEMORY. */
#define SNAPSHOT_KEYS_TABLE                                                                        \
    "CREATE TABLE key (block INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,"                      \
    " keys BLOB NOT NULL) STRICT;"
#define SNAPSHOT_PUT_KEYS "INSERT OR REPLACE INTO key VALUES (?, ?, ?)"
CTR_MUST_USE enum ctr_status snapshot_save_keys(struct snapshot *snapshot,
                                                const struct checkpoint *from,
                                                struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status snapshot_load_keys(struct snapshot *snapshot, struct checkpoint *into,
                                                struct ctr_error *reterr);

/* From a row for each key to blocks, within a transaction. */
CTR_MUST_USE enum ctr_status snapshot_migrate_keys(struct snapshot *snapshot,
                                                   struct ctr_error *reterr);

/* All rows of the table, in order, and whether one of them is as it was written. */
const char *snapshot_keys_query(const struct snapshot *snapshot);
bool snapshot_check_keys(const struct snapshot *snapshot, struct sql_statement *row);

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

/* The image: its token within a save, and after it; beginning to read it, and whether it goes with
 * what was loaded (else *image becomes NULL). Nothing of it makes a load fail. */
struct image;
CTR_MUST_USE enum ctr_status snapshot_name_image(struct snapshot *snapshot,
                                                 struct ctr_error *reterr);
void snapshot_image_named(struct snapshot *snapshot);
void snapshot_images_done(struct snapshot *snapshot);
CTR_MUST_USE enum ctr_status snapshot_load_image(struct snapshot *snapshot,
                                                 struct image **ret_image,
                                                 struct ctr_error *reterr);
void snapshot_fit_image(struct snapshot *snapshot, struct checkpoint *into);

/* A partition's account as packed bytes, and back. False: the bytes are no such account. */
struct packer;
struct unpacker;
void snapshot_pack_partition(const struct partition *partition, struct packer *packer);
bool snapshot_unpack_partition(struct unpacker *unpacker, struct partition *ret_partition);

#endif
