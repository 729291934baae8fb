/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeded chance for the property tests. Every round has a seed of its own; a failing round prints
 * it, and LIVECTR_SEED=<seed> plays that round alone. LIVECTR_ROUNDS=<n> plays more of them.
 */
#ifndef LIVECTR_TESTS_STORAGE_DICE_H
#define LIVECTR_TESTS_STORAGE_DICE_H

#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct dice {
    uint64_t seed, state;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t word = dice->state += UINT64_C(0x9E3779B97F4A7C15);

    word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
    return word ^ (word >> 31);
}

/* 0 to count - 1. */
static inline size_t dice_below(struct dice *dice, size_t count)
{
    return (size_t)(dice_next(dice) % count);
}

/* low to high, both included. */
static inline int64_t dice_between(struct dice *dice, int64_t low, int64_t high)
{
    return low + (int64_t)(dice_next(dice) % (uint64_t)(high - low + 1));
}

static inline bool dice_percent(struct dice *dice, int percent)
{
    return dice_between(dice, 1, 100) <= percent;
}

/* Prints how to play this round again, and fails the test. */
#define ROUND_CHECK(dice, condition, ...)                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("LIVECTR_SEED=%llu: ", (unsigned long long)(dice)->seed);                  \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail_msg("%s", #condition);                                                            \
        }                                                                                          \
    } while (0)

static inline uint64_t dice_setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

typedef void dice_round(struct dice *dice);

/* Plays `round` `rounds` times, but ends early after `seconds` unless LIVECTR_ROUNDS was set. */
static inline void dice_play(dice_round *round, uint64_t rounds, time_t seconds)
{
    bool one = getenv("LIVECTR_SEED") != NULL;
    bool all = getenv("LIVECTR_ROUNDS") != NULL;
    time_t begun = time(NULL);
    uint64_t seed = dice_setting("LIVECTR_SEED", (uint64_t)begun * 1000003);
    uint64_t count = one ? 1 : dice_setting("LIVECTR_ROUNDS", rounds);
    uint64_t played = 0;

    print_message("first seed %llu, up to %llu rounds\n", (unsigned long long)seed,
                  (unsigned long long)count);
    for (; played < count && (all || time(NULL) - begun < seconds); played++) {
        struct dice dice = {.seed = seed + played, .state = seed + played};

        round(&dice);
    }
    print_message("%llu rounds\n", (unsigned long long)played);
}

#endif
