/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous maps and advice on them are not POSIX. */
#define _DEFAULT_SOURCE /* NOLINT(readability-identifier-naming): the C library's name */

#include "storage/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_BYTES = TABLE_SLAB_BYTES_MIN, PAGE_BYTES = 4096, ALIGN_BYTES = 64 };

static uintptr_t round_up(uintptr_t value, uintptr_t step)
{
    return (value + step - 1) / step * step;
}

/* Begins at a multiple of a huge page, which mmap alone does not promise. */
static void *map_aligned(size_t bytes)
{
    size_t length = round_up(bytes, PAGE_BYTES);
    char *mapped = NULL;
    char *begin = NULL;

    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    mapped = mmap(NULL, length + HUGE_BYTES, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    begin = mapped + (round_up((uintptr_t)mapped, HUGE_BYTES) - (uintptr_t)mapped);
    if (begin > mapped) {
        (void)munmap(mapped, (size_t)(begin - mapped));
    }
    if (begin - mapped < HUGE_BYTES) {
        (void)munmap(begin + length, HUGE_BYTES - (size_t)(begin - mapped));
    }
    (void)madvise(begin, length, MADV_HUGEPAGE); /* small ones do, too */
    return begin;
}

void *table_alloc(size_t bytes)
{
    return bytes < HUGE_BYTES ? calloc(1, bytes) : map_aligned(bytes);
}

void table_free(void *table, size_t bytes)
{
    if (bytes < HUGE_BYTES) {
        free(table);
    } else if (table != NULL) {
        (void)munmap(table, round_up(bytes, PAGE_BYTES));
    }
}

/* ---- slabs --------------------------------------------------------------------------------- */

void table_slab_init(struct table_slab *slab, size_t bytes)
{
    *slab = (struct table_slab){.base = bytes < TABLE_SLAB_BYTES_MIN ? NULL : map_aligned(bytes)};
    slab->bytes = slab->base == NULL ? 0 : bytes;
}

void table_slab_done(struct table_slab *slab)
{
    if (slab->base != NULL) {
        table_free(slab->base, slab->bytes);
    }
    *slab = (struct table_slab){.base = NULL};
}

void *table_slab_take(struct table_slab *slab, size_t bytes)
{
    size_t wanted = round_up(bytes, ALIGN_BYTES);
    void *table = NULL;

    if (slab->bytes - slab->used < wanted) {
        return NULL;
    }
    table = slab->base + slab->used;
    slab->used += wanted;
    return table;
}

bool table_slab_give(const struct table_slab *slab, void *table, size_t bytes)
{
    char *begin = table;
    uintptr_t first = round_up((uintptr_t)table, PAGE_BYTES);
    uintptr_t end = ((uintptr_t)table + bytes) / PAGE_BYTES * PAGE_BYTES;

    if (slab->base == NULL || begin < slab->base || begin >= slab->base + slab->bytes) {
        return false;
    }
    /* The pages that it shares with its neighbours stay. */
    if (end > first) {
        (void)madvise((void *)first, end - first, MADV_DONTNEED);
    }
    return true;
}

void *table_slab_alloc(struct table_slab *slab, size_t bytes)
{
    void *table = table_slab_take(slab, bytes);

    return table == NULL ? calloc(1, bytes) : table;
}

void table_slab_free(const struct table_slab *slab, void *table, size_t bytes)
{
    if (!table_slab_give(slab, table, bytes)) {
        free(table);
    }
}
