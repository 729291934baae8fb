/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of comma-separated values from a stream, one at a time, in constant memory (RFC 4180:
 * quoted fields may hold separators, line ends and doubled quotes). Stricter than most readers
 * where a row is ambiguous: a stray quote is an error, never a guess.
 */
#ifndef LIVECTR_SERVICE_CSV_H
#define LIVECTR_SERVICE_CSV_H

#include <stdint.h>
#include <stdio.h>

#include "storage/event.h"
#include "storage/status.h"

enum { CSV_FIELDS_MAX = 1024, CSV_ROW_BYTES_MAX = 256 * 1024 };

/* One row. The texts are borrowed from the reader until its next call. */
struct csv_row {
    uint64_t line; /* where it begins, from 1 */
    const struct text *fields;
    size_t count; /* at least 1 */
};

struct csv_reader;

/* Reads from `stream`, which is borrowed and stays open. A UTF-8 byte order mark at its beginning
 * is skipped. separator: one byte, neither a quote nor a line end. Errors: CTR_NO_MEMORY.
 * Thread: one at a time. */
CTR_MUST_USE enum ctr_status csv_new(FILE *stream, char separator, struct csv_reader **ret_reader);
void csv_free(struct csv_reader *reader); /* NULL is fine */

/* The next row; empty lines are passed over. ret_row->line is set in every case but CTR_STOPPED.
 * CTR_STOPPED: the end. CTR_INVALID: this row is broken (the reason is in reterr); reading goes on
 * behind the line where that showed. CTR_IO: the stream failed. */
CTR_MUST_USE enum ctr_status csv_read(struct csv_reader *reader, struct csv_row *ret_row,
                                      struct ctr_error *reterr);

#endif
