/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists that were answered, kept for as long as their picture is the one that answers: all of an
 * answer but for its edges and its freshness, by the request's target as it was sent. Shared by all
 * threads: a list costs a pass over the keys, a look here takes a lock for some ten comparisons.
 * Bounded: LIST_KEPT_MAX of them, LIST_KEPT_BYTES in all, the one that was asked for longest ago
 * goes first. Thread: any.
 */
#ifndef LIVECTR_API_LIST_KEPT_H
#define LIVECTR_API_LIST_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/picture.h"

enum {
    LIST_KEPT_MAX = 32,
    LIST_KEPT_BYTES = 4194304,
    LIST_KEPT_ONE_BYTES = LIST_KEPT_BYTES / 4,
    LIST_KEPT_TARGET_BYTES = 1024
};

struct list_kept; /* immutable, counted by its users */

/* What was kept for a target, from this picture; NULL: nothing. To be given back. */
const struct list_kept *list_kept_take(const struct picture *picture, const char *target);
void list_kept_give(const struct list_kept *kept); /* NULL is fine */

/* Borrowed until it is given back. */
struct text list_kept_bytes(const struct list_kept *kept);

/* Keeps a copy, where there is room and memory for it. */
void list_kept_put(const struct picture *picture, const char *target, struct text bytes);

#endif
