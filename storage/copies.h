/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot kept in one or two files (livectr.db, livectr.2.db), each complete, so that damage
 * to one costs nothing but the work to make it again.
 *
 *   save     the same checkpoint to the first file, committed, then to the second: at any moment at
 *            most one of them is being written, and they differ by at most that one cut
 *   start    the file with the newest cut is loaded; if it is damaged, the other, and the log of
 *            events leads from there to the same numbers
 *   mend     a file that is damaged, missing or behind is made again, a piece at a time between
 *            saves, from the one that is good: copied to FILE.part, synced, named FILE.new, and put
 *            into the place of the old one
 *
 * A file that failed is closed and opened again, and what is in it is read, before it is written to
 * again. After a failed sync its log is not folded any more, as the system may have forgotten what
 * it did not write: it is made anew under another name.
 *
 * Thread: one at a time; the snapshot thread once that runs.
 */
#ifndef LIVECTR_STORAGE_COPIES_H
#define LIVECTR_STORAGE_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/checkpoint.h"
#include "storage/history.h"
#include "storage/status.h"

enum { COPIES_MAX = 2, COPIES_PATH_BYTES = 1100 };

struct copies;

/* What a person should know, when it happens. */
enum copies_event {
    COPIES_DAMAGED,      /* a file is damaged; the other one is used */
    COPIES_BEHIND,       /* a file lacks what the other has */
    COPIES_FAILED,       /* a file could not be saved to, the other one could */
    COPIES_REBUILT,      /* a file was made again */
    COPIES_NOT_REBUILT,  /* that failed; it is tried again later */
    COPIES_HISTORY_LOST, /* damaged hours of history of which no copy is left begin anew */
    COPIES_EVENT_COUNT
};
typedef void copies_note(void *owner, enum copies_event event, const char *path, const char *text);

struct copies_options {
    const char *paths[COPIES_MAX]; /* in one folder, which is locked; copied */
    unsigned count;                /* 1 or 2 */
    copies_note *note;             /* NULL: nobody wants to know. Called in the calling thread */
    void *owner;
};

/* Opens or makes the files. All are looked at before any is changed. Errors: CTR_RETRY: another
 * process has them; CTR_INVALID: one is of a newer version or of another program (left untouched);
 * CTR_CORRUPT: no good one is left; CTR_IO; CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status copies_open(const struct copies_options *options,
                                         struct copies **ret_copies, struct ctr_error *reterr);
void copies_close(struct copies *copies); /* NULL is fine */

/* Reads the newest checkpoint that is whole. Errors: CTR_NOT_FOUND: nothing was saved yet;
 * CTR_CORRUPT: no file is good, with what is wrong with the newest; CTR_NO_MEMORY; CTR_IO. */
CTR_MUST_USE enum ctr_status copies_load(struct copies *copies, struct checkpoint **ret_checkpoint,
                                         struct ctr_error *reterr);

/* What was loaded last makes no sense: copies_load() goes on with the next one. */
void copies_reject(struct copies *copies, const char *why);

/* What was loaded last is used: damaged files are put aside (as FILE.damaged, the newest of each),
 * and the others are made ready to be saved to, or to be made again. */
void copies_settle(struct copies *copies);

/* As snapshot_keep(). */
void copies_keep(struct copies *copies, int64_t minutes_ms, int64_t hours_ms);

/* Writes a checkpoint. CTR_OK: it is in at least one file. Otherwise every file is as it was before
 * and the next save must be of a whole checkpoint: CTR_IO, CTR_NO_MEMORY, CTR_CORRUPT. */
CTR_MUST_USE enum ctr_status copies_save(struct copies *copies, const struct checkpoint *checkpoint,
                                         int64_t saved_ms, struct ctr_error *reterr);

/* Writes a part of an image beside the first file (storage/image.h, snapshot_put_image()). Errors:
 * CTR_IO, CTR_NO_MEMORY: there will be none. */
struct image_batch;
CTR_MUST_USE enum ctr_status copies_put_image(struct copies *copies,
                                              const struct image_batch *batch,
                                              struct ctr_error *reterr);

/* What was loaded last makes no sense with its image: copies_load() does without from now on. */
void copies_ignore_images(struct copies *copies);

/* A file missed the last save: the next checkpoint should be whole, which brings it up to date. */
bool copies_want_whole(const struct copies *copies);

/* Does a piece of what there is to mend. True: there is more to do now. After a failure it waits
 * for a number of saves that doubles. */
bool copies_mend(struct copies *copies);

/* The history of a good file, NULL none; and its newest cut. */
struct history *copies_history(const struct copies *copies);
uint64_t copies_cut(const struct copies *copies);

/* Reading its history has failed. True: copies_history() is another one now, of the same cut. */
bool copies_history_failed(struct copies *copies, enum ctr_status status, const char *why);

struct copies_health {
    unsigned wanted, good; /* files; good: with the newest cut that was saved */
    uint64_t damaged;      /* files found damaged since the start */
    uint64_t rebuilt;      /* files made again */
    uint64_t failures;     /* of single files to take a save, or to fold its log */
    uint64_t history_lost; /* blocks of history, or names, that were damaged in all files */
    uint64_t bytes;        /* of all files */
};
void copies_health(const struct copies *copies, struct copies_health *ret_health);

#endif
