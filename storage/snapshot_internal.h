/* SPDX-License-Identifier: Apache-2.0
 *
 * What snapshot.c (open, save) and snapshot_load.c share.
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
    DROP_KEY,
    DROP_SLICE,
    DROP_HELD,
    STATEMENTS_COUNT
};

struct snapshot {
    struct sql *sql;
    struct sql_statement *statements[STATEMENTS_COUNT];
};

/* A partition's account as packed bytes, and back. False: the bytes are no such account. */
struct packer;
struct unpacker;
void snapshot_pack_partition(const struct partition *partition, struct packer *packer);
bool snapshot_unpack_partition(struct unpacker *unpacker, struct partition *ret_partition);

#endif
