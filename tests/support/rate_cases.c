/* SPDX-License-Identifier: Apache-2.0
 *
 * The formulas of storage/rate.h and storage/spread.h for whoever checks them from outside: a
 * question per line on stdin, its numbers per line on stdout.
 *
 *   wilson N K             ctr low high enough
 *   smoothed N K CTR W     mean
 *   difference N K N K     difference low high
 *   weight M (N K)...      the prior's weight learned from M siblings
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/rate.h"
#include "storage/spread.h"

/* The next word, or NULL at the end. Static. */
static const char *next_word(void)
{
    static char word[64];

    return scanf("%63s", word) == 1 ? word : NULL;
}

static _Noreturn void refuse(const char *what)
{
    (void)fprintf(stderr, "rate_cases: what is \"%s\"?\n", what == NULL ? "" : what);
    exit(2);
}

static uint64_t number(void)
{
    const char *word = next_word();
    char *end = NULL;
    uint64_t value = word == NULL ? 0 : strtoull(word, &end, 10);

    if (end == NULL || end == word || *end != '\0') {
        refuse(word);
    }
    return value;
}

static double real(void)
{
    const char *word = next_word();
    char *end = NULL;
    double value = word == NULL ? 0 : strtod(word, &end);

    if (end == NULL || end == word || *end != '\0') {
        refuse(word);
    }
    return value;
}

static void answer_wilson(void)
{
    uint64_t impressions = number();
    struct rate rate = rate_of(impressions, number());

    (void)printf("%.17g %.17g %.17g %d\n", rate.ctr, rate.low, rate.high, rate.enough ? 1 : 0);
}

static void answer_smoothed(void)
{
    uint64_t impressions = number();
    uint64_t clicks = number();
    double prior_ctr = real();

    (void)printf("%.17g\n", rate_smoothed(impressions, clicks, prior_ctr, real()));
}

static void answer_difference(void)
{
    uint64_t impressions = number();
    struct rate first = rate_of(impressions, number());
    struct rate second;
    struct rate_difference found;

    impressions = number();
    second = rate_of(impressions, number());
    found = rate_difference_of(&first, &second);
    (void)printf("%.17g %.17g %.17g\n", found.difference, found.low, found.high);
}

static void answer_weight(void)
{
    struct spread spread = {.siblings = 0};

    for (uint64_t left = number(); left > 0; left--) {
        uint64_t impressions = number();

        spread_add(&spread, impressions, number());
    }
    (void)printf("%.17g\n", spread_weight(&spread));
}

int main(void)
{
    static const struct {
        const char *name;
        void (*answer)(void);
    } questions[] = {{"wilson", answer_wilson},
                     {"smoothed", answer_smoothed},
                     {"difference", answer_difference},
                     {"weight", answer_weight}};

    for (const char *name = next_word(); name != NULL; name = next_word()) {
        size_t at = 0;

        while (at < sizeof questions / sizeof *questions && strcmp(questions[at].name, name) != 0) {
            at++;
        }
        if (at == sizeof questions / sizeof *questions) {
            refuse(name);
        }
        questions[at].answer();
    }
    return 0;
}
