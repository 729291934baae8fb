/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of up to 60 consecutive minutes, or 24 hours, as bytes for the disk.
 *
 *   which cells are there   0, first, count: a run; 1, a bit for each: any
 *   how many columns follow the rest is zeros: corrections are rare
 *   then column by column   how it is written (enum in history_pack.c), then its numbers
 *
 * A column is written in whichever of seven ways takes the fewest bits. Thread: any.
 */
#ifndef LIVECTR_STORAGE_HISTORY_PACK_H
#define LIVECTR_STORAGE_HISTORY_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/minutes.h"

enum {
    HISTORY_CELLS_MAX = 60,
    HISTORY_PACKED_BYTES_MAX = 9216 /* twelve columns of escapes (94 bits), and their heads */
};

struct history_cells {
    uint64_t present;                                   /* bit i: cell i is there */
    int64_t numbers[MINUTE_NUMBERS][HISTORY_CELLS_MAX]; /* undefined where it is not */
};

/* Returns the length. At least one of the first `count` cells is there, and none behind them. */
size_t history_pack(const struct history_cells *cells, unsigned count,
                    unsigned char ret_bytes[HISTORY_PACKED_BYTES_MAX]);

/* False: these are not the bytes of `count` cells; *ret_cells is anything then. */
bool history_unpack(const unsigned char *bytes, size_t length, unsigned count,
                    struct history_cells *ret_cells);

/* Adds to a cell, which is made if need be. Sums stop at the ends of int64_t. */
void history_cells_add(struct history_cells *cells, unsigned cell, int number, int64_t value);

/* Makes the cell, of zeros, unless it is there. */
void history_cells_make(struct history_cells *cells, unsigned cell);

#endif
