/* SPDX-License-Identifier: Apache-2.0
 *
 * The weight of a placement's prior, learned from all placements of its box (docs/definitions.md
 * "Rates"): what is remembered of it. Part of store_internal.h: everything here is under the
 * store's lock.
 */
#ifndef LIVECTR_STORAGE_STORE_PRIOR_H
#define LIVECTR_STORAGE_STORE_PRIOR_H

#include "storage/names.h"
#include "storage/store.h"

/* The weight of the prior of one box's placements in one window, as of one revision. */
struct prior_known {
    uint64_t revision; /* 0: none */
    uint32_t box_kid, window;
    double weight;
};

enum { PRIORS_KNOWN = 4096 };

/* The prior's weight that was learned last, for the keys with the same siblings. */
struct prior_memo {
    bool known;
    enum level level;
    const struct name *box;
    double weight;
};

/* Boxes of which the weight is going to be asked for. Their siblings are walked along side by side:
 * each step of a walk waits for memory, and one after the other those waits add up. */
enum { PRIOR_LESSON_BOXES = 16 };

struct prior_lesson {
    const struct name *boxes[PRIOR_LESSON_BOXES];
    size_t count;
};

/* Adds one that is not known yet; learns them when it is full. */
void prior_lesson_add(struct prior_lesson *lesson, const struct store *store, size_t window,
                      const struct name *box);
void prior_lesson_learn(struct prior_lesson *lesson, const struct store *store, size_t window);

#endif
