/* SPDX-License-Identifier: Apache-2.0
 *
 * A map that keeps every pair's two times, and what the table of people must say by it.
 */
#ifndef LIVECTR_TESTS_SUPPORT_PEOPLE_MODEL_H
#define LIVECTR_TESTS_SUPPORT_PEOPLE_MODEL_H

#include "tests/property/storage_dice.h"
#include "tests/support/people_pairs.h"

#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"

/* The first visitor meets all keys, the others the first few. */
enum { MODEL_VISITORS = 40, MODEL_KIDS = 700, MODEL_FEW_KIDS = 60, MODEL_SPAN_S = 600 };

struct model {
    int64_t reach_s;
    uint64_t limit;
    int64_t times_s[MODEL_VISITORS][MODEL_KIDS][2]; /* view, click; PEOPLE_NEVER before the first */
};

/* All in two parts, and every fifth with the same home. */
static inline uint64_t model_visitor(int visitor)
{
    uint64_t hash = visitor % 5 == 0 ? (uint64_t)visitor + 1 : hash_mix((uint64_t)visitor, 5, 5);

    return (hash & PEOPLE_HASH_MASK) | (uint64_t)(visitor % 2) << 52;
}

static inline void model_begin(struct model *model, int64_t reach_s, uint64_t limit)
{
    model->reach_s = reach_s;
    model->limit = limit;
    for (int v = 0; v < MODEL_VISITORS; v++) {
        for (int kid = 0; kid < MODEL_KIDS; kid++) {
            model->times_s[v][kid][0] = model->times_s[v][kid][1] = PEOPLE_NEVER;
        }
    }
}

static inline int64_t model_second(const struct model *model, int64_t second_s)
{
    return second_s >= model->reach_s ? second_s : PEOPLE_NEVER;
}

static inline bool model_lives(const struct model *model, int visitor, int kid)
{
    const int64_t *times_s = model->times_s[visitor][kid];

    return later(times_s[0], times_s[1]) >= model->reach_s;
}

static inline uint64_t model_live(const struct model *model)
{
    uint64_t live = 0;

    for (int v = 0; v < MODEL_VISITORS; v++) {
        for (int kid = 0; kid < MODEL_KIDS; kid++) {
            live += model_lives(model, v, kid);
        }
    }
    return live;
}

static inline void model_check_move(const struct dice *dice, const struct people_move *move,
                                    int64_t before_s, int64_t after_s)
{
    bool moved = before_s != after_s;

    ROUND_CHECK(dice,
                move->leaves_s == (moved ? before_s : PEOPLE_NEVER) &&
                    move->enters_s == (moved ? after_s : PEOPLE_NEVER),
                "%lld to %lld, not %lld to %lld", (long long)move->leaves_s,
                (long long)move->enters_s, (long long)before_s, (long long)after_s);
}

/* One touch, after people_reserve, of both. */
static inline void model_touch(const struct dice *dice, struct model *model, struct people *people,
                               int visitor, int kid, bool click, int64_t second_s)
{
    int64_t *times_s = model->times_s[visitor][kid];
    int64_t before_s[2] = {model_second(model, times_s[0]), model_second(model, times_s[1])};
    bool fits = model_lives(model, visitor, kid) || people->live < model->limit;
    int64_t after_s[2] = {before_s[0], before_s[1]};
    struct people_moves moves;
    bool touched = people_touch(people,
                                &(struct people_touched){.visitor = model_visitor(visitor),
                                                         .kid = (uint32_t)kid,
                                                         .click = click,
                                                         .second_s = second_s},
                                &moves);

    ROUND_CHECK(dice, touched == fits, "visitor %d, key %d: %d", visitor, kid, touched);
    if (fits) {
        after_s[click] = later(after_s[click], second_s);
        times_s[click] = later(times_s[click], second_s);
    }
    model_check_move(dice, &moves.viewer, before_s[0], after_s[0]);
    model_check_move(dice, &moves.clicker, earlier(before_s[0], before_s[1]),
                     earlier(after_s[0], after_s[1]));
    model_check_move(dice, &moves.clicking, before_s[1], after_s[1]);
}

/* All that both hold. */
static inline void model_check(const struct dice *dice, const struct model *model,
                               const struct people *people)
{
    ROUND_CHECK(dice, people->live == model_live(model), "%llu live, not %llu",
                (unsigned long long)people->live, (unsigned long long)model_live(model));
    ROUND_CHECK(dice, people->bytes == people_bytes_anew(people), "%llu bytes, not %llu",
                (unsigned long long)people->bytes, (unsigned long long)people_bytes_anew(people));
    for (int v = 0; v < MODEL_VISITORS; v++) {
        for (int kid = 0; kid < MODEL_KIDS; kid++) {
            ROUND_CHECK(dice,
                        pair_lives(people, model_visitor(v), (uint32_t)kid) ==
                            model_lives(model, v, kid),
                        "visitor %d, key %d", v, kid);
        }
    }
}

/* The times of a pair that lives; and that all there is was counted. */
static inline void model_check_walk(const struct dice *dice, const struct model *model,
                                    const struct people *people)
{
    uint64_t live = 0;
    uint64_t pairs = 0;

    for (size_t part = 0; part < PEOPLE_PARTS; part++) {
        struct people_walk walk;
        struct people_pairs met;
        uint64_t of_part = 0;

        people_walk_begin(&walk, people, part);
        while (people_walk_next(&walk, &met)) {
            for (size_t i = 0; i < met.count; i++) {
                of_part += met.kids[i] != KEY_NONE;
                live += met.kids[i] != KEY_NONE && times_live(people, &met.times[i]);
            }
        }
        if (people->parts[part].generation == people->generation) {
            ROUND_CHECK(dice, of_part == people->parts[part].pairs, "pairs of part %zu", part);
        }
        pairs += people->parts[part].pairs;
    }
    ROUND_CHECK(dice, live == model_live(model), "%llu live, not %llu", (unsigned long long)live,
                (unsigned long long)model_live(model));
    ROUND_CHECK(dice, pairs == people->pairs, "%llu pairs", (unsigned long long)pairs);
}

#endif
