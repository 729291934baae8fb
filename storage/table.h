/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for large tables. From 2 MB on it comes in huge pages where the system has them: a start
 * that fills a gigabyte spends a third of its time on page faults otherwise, and what is looked up
 * at random needs fewer entries of the translation cache. Only what is touched is taken.
 * Thread: any.
 */
#ifndef LIVECTR_STORAGE_TABLE_H
#define LIVECTR_STORAGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory, to be given back with the same number of bytes. NULL: there is none. */
void *table_alloc(size_t bytes);
void table_free(void *table, size_t bytes); /* NULL is fine */

/* One stretch of memory that tables of a start are cut from, one behind the other. */
struct table_slab {
    char *base; /* NULL: there is none */
    size_t bytes, used;
};

enum { TABLE_SLAB_BYTES_MIN = 2 << 20 };

/* Room for `bytes` in all; none where they are fewer than the least, or there is no memory. */
void table_slab_init(struct table_slab *slab, size_t bytes);
void table_slab_done(struct table_slab *slab);

/* Zeroed memory out of it; NULL: what is left does not do. */
void *table_slab_take(struct table_slab *slab, size_t bytes);

/* Gives a table back if it is of the slab: its pages go back to the system at once, its addresses
 * with the slab. False: it is not of it. */
bool table_slab_give(const struct table_slab *slab, void *table, size_t bytes);

/* The same for tables that have memory of their own (calloc) where the slab does not do. */
void *table_slab_alloc(struct table_slab *slab, size_t bytes);
void table_slab_free(const struct table_slab *slab, void *table, size_t bytes);

#endif
