/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in a snapshot's file, and whether it is what was written: for a person, about a file that
 * nobody writes to. Thread: that of the struct snapshot.
 */
#ifndef LIVECTR_STORAGE_SNAPSHOT_CHECK_H
#define LIVECTR_STORAGE_SNAPSHOT_CHECK_H

#include <stdint.h>

#include "storage/snapshot.h"

enum { SNAPSHOT_TABLES = 9 };
extern const char *const snapshot_tables[SNAPSHOT_TABLES];

struct snapshot_facts {
    int64_t version;
    uint64_t cut;     /* 0: nothing was saved */
    int64_t saved_ms; /* MOMENT_NONE: nothing was saved */
    int64_t rows[SNAPSHOT_TABLES];
    int64_t pages, unused_pages, page_bytes;
};

/* Errors: CTR_CORRUPT, CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status snapshot_facts_read(struct snapshot *snapshot,
                                                 struct snapshot_facts *ret_facts,
                                                 struct ctr_error *reterr);

struct snapshot_checking {
    void (*damage)(void *owner, const char *what); /* each row, page or table that is damaged */
    void (*progress)(void *owner, uint64_t rows);  /* now and then; NULL is fine */
    void *owner;
};

/* Looks at every page and the checksum of every row, the history's as well, and goes on behind what
 * is damaged where that can be done. *ret_rows: how many rows were looked at. CTR_OK also where
 * damage was told. Errors: CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status snapshot_check(struct snapshot *snapshot,
                                            const struct snapshot_checking *checking,
                                            uint64_t *ret_rows, struct ctr_error *reterr);

#endif
