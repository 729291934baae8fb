/* SPDX-License-Identifier: Apache-2.0
 *
 * What copies.c (save), copies_open.c (start), copies_mend.c (making a file again) and
 * copies_files.c (names and folders) share.
 */
#ifndef LIVECTR_STORAGE_COPIES_INTERNAL_H
#define LIVECTR_STORAGE_COPIES_INTERNAL_H

#include "storage/copies.h"
#include "storage/snapshot.h"
#include "storage/sql.h"

enum { COPIES_NAME_BYTES = COPIES_PATH_BYTES + 32 };

/* One file. It is in one of these states:
 *
 *   open      snapshot is there; may be saved to
 *   closed    it failed; it is opened at the next save
 *   rebuild   not to be used: damaged, missing or behind; until it is made again
 *
 * `suspect` files are used, but made again as soon as that can be done. */
struct copy {
    char path[COPIES_NAME_BYTES];
    struct snapshot *snapshot;
    uint64_t cut;
    bool rebuild, suspect;
    bool damaged;      /* to be put aside when it makes room */
    unsigned failures; /* in a row */
    struct ctr_error error;
};

struct copies {
    struct copy items[COPIES_MAX];
    unsigned count;
    struct copy *first; /* the one that is saved to first and read from */
    struct copy *loaded;
    int folder; /* locked; -1 the system has no such locks */
    copies_note *note;
    void *owner;
    int64_t keep_minutes_ms, keep_hours_ms; /* -1 not set */
    bool want_whole;
    struct copies_health health;

    /* being made again */
    struct copy *target, *source;
    struct sql_copy *copying;
    unsigned mend_failures;     /* in a row */
    uint64_t saves, mend_after; /* not before so many saves */
};

/* ---- copies.c ---- */
void copies_tell(struct copies *copies, enum copies_event event, const struct copy *copy,
                 const char *text);

/* Closes a file; a copy that is being made of it ends. */
void copy_close(struct copies *copies, struct copy *copy);

/* Opens a closed file again and looks which cut is in it. */
CTR_MUST_USE enum ctr_status copy_reopen(struct copies *copies, struct copy *copy,
                                         struct ctr_error *reterr);

/* It is damaged: not used any more. */
void copy_found_damaged(struct copies *copies, struct copy *copy, const char *why);

/* ---- copies_files.c ---- */

/* Locks the folder of a file for as long as the descriptor is open. Errors: CTR_RETRY: another
 * process has it. *ret_folder -1: it cannot be locked here. */
CTR_MUST_USE enum ctr_status copies_lock_folder(const char *path, int *ret_folder,
                                                struct ctr_error *reterr);

/* Ends what a kill has left: FILE.new takes the place of FILE if that is gone, and FILE.part goes.
 * Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status copies_tidy(const char *path, struct ctr_error *reterr);

/* The size of a file: -1 there is none. */
int64_t copies_file_bytes(const char *path);

/* FILE and its log become FILE.damaged and FILE.damaged-wal. */
CTR_MUST_USE enum ctr_status copies_put_aside(const char *path, struct ctr_error *reterr);

/* FILE.part, which nobody has open, takes the place of FILE, which nobody has open: at every moment
 * either the old or the new one is there, complete, under a name that copies_tidy() knows. */
CTR_MUST_USE enum ctr_status copies_install(const char *path, struct ctr_error *reterr);

void copies_name(char ret_name[COPIES_NAME_BYTES], const char *path, const char *suffix);

#endif
