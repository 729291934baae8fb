/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of an export: put away as bytes, and written in one of three forms. Thread: one at a
 * time.
 */
#ifndef LIVECTR_API_EXPORT_ROWS_H
#define LIVECTR_API_EXPORT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/answer.h"
#include "api/spool.h"
#include "api/writer.h"
#include "storage/walk.h"

enum export_form { EXPORT_JSON, EXPORT_NDJSON, EXPORT_CSV };

/* The row before, of which the next one repeats much. Start from {0}. */
struct export_memory {
    double prior_ctr, prior_weight;
    size_t box_length;
    char page[EVENT_ID_BYTES_MAX], box[EVENT_ID_BYTES_MAX];
};

/* Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status export_put_row(struct spool *spool, struct export_memory *memory,
                                            const struct walk_row *row);

/* The texts of the row point into `memory`. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status export_get_row(struct spool *spool, struct export_memory *memory,
                                            struct walk_row *ret_row);

/* What stands before the rows, between them and behind them. */
void export_write_head(struct writer *writer, enum export_form form,
                       const struct answer_edges *edges, uint64_t rows);
void export_write_row(struct writer *writer, enum export_form form,
                      const struct answer_edges *edges, const struct walk_row *row);
void export_write_tail(struct writer *writer, enum export_form form);

#endif
