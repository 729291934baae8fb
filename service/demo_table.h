/* SPDX-License-Identifier: Apache-2.0
 *
 * The demo's table as text: measured against true CTR. Prints nothing itself.
 */
#ifndef LIVECTR_SERVICE_DEMO_TABLE_H
#define LIVECTR_SERVICE_DEMO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

enum { DEMO_TABLE_BYTES = 8192 };

/* One picture of all placements of the traffic. */
struct demo_table {
    bool live;     /* at least one CTR can be given */
    size_t rows;   /* with a CTR ... */
    size_t inside; /* ... of which the true one lies in the interval */
    size_t lines;  /* of text */
    char text[DEMO_TABLE_BYTES];
};

/* Reads the store at wall time now_ms. window: an index into the store's windows. Thread: any. */
void demo_table_read(const struct store *store, size_t window, int64_t now_ms,
                     struct demo_table *ret_table);

#endif
