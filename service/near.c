/* SPDX-License-Identifier: Apache-2.0 */
#include "service/near.h"

#include <stdio.h>
#include <string.h>

void near_miss_init(struct near_miss *miss, const char *word)
{
    miss->word = word;
    miss->distance = 2 + strlen(word) / 3; /* one more than what still counts as near */
    miss->best[0] = '\0';
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

/* Levenshtein (1966), one row of the table at a time. Both lengths <= NEAR_NAME_BYTES_MAX. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[NEAR_NAME_BYTES_MAX + 1];

    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];

            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}

void near_miss_add(struct near_miss *miss, const char *bytes, size_t length)
{
    size_t word_length = strlen(miss->word);
    size_t distance;

    if (length > NEAR_NAME_BYTES_MAX || word_length > NEAR_NAME_BYTES_MAX) {
        return;
    }
    distance = edit_distance(miss->word, word_length, bytes, length);
    if (distance >= miss->distance) {
        return;
    }
    miss->distance = distance;
    memcpy(miss->best, bytes, length);
    miss->best[length] = '\0';
}

const char *near_miss_sentence(struct near_miss *miss)
{
    if (!miss->best[0]) {
        return "";
    }
    (void)snprintf(miss->sentence, sizeof miss->sentence, "; did you mean \"%s\"?", miss->best);
    return miss->sentence;
}
