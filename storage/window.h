/* SPDX-License-Identifier: Apache-2.0
 *
 * The rolling spans that are answered, and their edges (DESIGN "The edges of a window"):
 * `to` is as_of floored to the base slice; `from` is `to - length` floored to the grain.
 * Plain values. Thread: any.
 */
#ifndef LIVECTR_STORAGE_WINDOW_H
#define LIVECTR_STORAGE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum { WINDOWS_MAX = 8, WINDOW_NAME_BYTES = 16 };
#define SLICE_BASE_MS INT64_C(1000)

struct window {
    char name[WINDOW_NAME_BYTES]; /* as configured: "10m" */
    int64_t length_ms;
    int64_t grain_ms;
};

struct window_set {
    struct window items[WINDOWS_MAX]; /* shortest first */
    size_t count;
    size_t preferred; /* index of the window of a request that names none: 10m, else the first */
};

/* 1 s up to 2 min, 10 s up to 20 min, 1 min up to 2 h, 10 min above. */
int64_t window_grain_ms(int64_t length_ms);

/* Reads "1m,10m,1h,24h": 1 to WINDOWS_MAX different spans of whole seconds, 1 s to 400 d, any
 * order. Errors: CTR_INVALID with the offending part. */
CTR_MUST_USE enum ctr_status window_set_parse(const char *list, struct window_set *ret_set,
                                              struct ctr_error *reterr);

/* First covered moment of a window whose last is just before to_ms. */
int64_t window_from_ms(const struct window *window, int64_t to_ms);

/* The window that is twice as long, or set->count: what it has more than `window` is the stretch of
 * the same length before it. */
size_t window_set_find_twice(const struct window_set *set, size_t window);

/* Index of the window called so, or set->count. */
size_t window_set_find(const struct window_set *set, const char *name, size_t name_length);

#endif
