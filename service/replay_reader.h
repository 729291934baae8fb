/* SPDX-License-Identifier: Apache-2.0
 *
 * One input of a replay, line by line: NDJSON as it is, or CSV rows turned into events.
 */
#ifndef LIVECTR_SERVICE_REPLAY_READER_H
#define LIVECTR_SERVICE_REPLAY_READER_H

#include <stddef.h>
#include <stdint.h>

#include "service/replay_options.h"
#include "storage/event.h"
#include "storage/status.h"

/* An event and the bytes of the record that will carry it. */
struct replay_draft {
    struct event event;
    struct text bytes;
};

/* What one line means. Borrowed from the reader until its next call. */
struct replay_record {
    uint64_t line; /* where it begins, from 1 */
    size_t count;  /* 1, or 2 for a row with a click */
    struct replay_draft drafts[2];
};

struct replay_reader;

/* Opens options->files[index] ("-" is stdin) and, for CSV, reads its header. `options` is borrowed.
 * Errors: CTR_NOT_FOUND for a missing file, CTR_INVALID for a missing column, both naming what
 * comes near; CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status replay_reader_open(const struct replay_options *options, size_t index,
                                                struct replay_reader **ret_reader,
                                                struct ctr_error *reterr);
void replay_reader_close(struct replay_reader *reader); /* NULL is fine */

/* The file as ids call it: the last part of its path, or "stdin". */
const char *replay_reader_name(const struct replay_reader *reader);

/* The next line. CTR_STOPPED: the end. CTR_INVALID: no event, the reason is in reterr and the line
 * in ret_record; reading can go on. CTR_IO: the file failed. */
CTR_MUST_USE enum ctr_status replay_reader_next(struct replay_reader *reader,
                                                struct replay_record *ret_record,
                                                struct ctr_error *reterr);

#endif
