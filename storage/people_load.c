/* SPDX-License-Identifier: Apache-2.0
 *
 * Pairs at a start, and copied for an image.
 */
#include <string.h>

#include "storage/people_pair.h"

enum { VISITOR_WORDS = 3, PAIR_WORDS = 3 };

void people_merge(struct people *people, const struct people_touched *touched)
{
    struct people_seconds before;
    struct people_seconds after;
    struct people_times *times = people_admit(people, touched, &before);

    CTR_ASSERT(times != NULL);
    after = people_merged(touched, &before);
    times_set(times, kept_as(people, after.view_s), kept_as(people, after.click_s));
}

void people_count(struct people *people, uint64_t live, const uint32_t *newest)
{
    for (uint32_t i = 0; i < people->newest_count; i++) {
        *newest_at(people, people->reach_s + i) = newest[i];
    }
    people->live = live;
    people->purged = people_purge_number(people->reach_s);
}

void people_adopt(struct people *into, struct people *from)
{
    CTR_ASSERT(into->lines.count == 0);
    into->lines = from->lines;
    from->lines = (struct lines){.open = NULL};
    into->pairs = from->pairs;
    from->pairs = 0;
    into->bytes += from->bytes - people_ring_bytes(from);
    from->bytes = people_ring_bytes(from);
    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        struct people_part *part = &into->parts[i];

        if (from->parts[i].size > 0) {
            CTR_ASSERT(part->size == 0);
            *part = from->parts[i];
            part->generation = into->generation;
            from->parts[i] = (struct people_part){.size = 0};
        }
    }
}

/* ---- copied -------------------------------------------------------------------------------- */

size_t people_part_words(const struct people *people, size_t part)
{
    const struct people_part *from = &people->parts[part];

    return from->generation == people->generation
               ? (size_t)from->count * VISITOR_WORDS + from->pairs * PAIR_WORDS
               : 0;
}

/* A copy under way. */
struct copy {
    const struct people *people;
    uint32_t *words; /* of the visitor under way */
    uint64_t visitor;
    uint32_t count;
};

static void copy_pairs(struct copy *copy, const struct people_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const struct people_times *times = &pairs->times[i];

        if (pairs->kids[i] != KEY_NONE && times_live(copy->people, times)) {
            uint32_t *pair = &copy->words[VISITOR_WORDS + (size_t)copy->count++ * PAIR_WORDS];

            pair[0] = pairs->kids[i];
            pair[1] = times_view(times);
            pair[2] = times_click(times);
        }
    }
}

/* Ends a visitor; gives how many words it takes. */
static size_t end_visitor(struct copy *copy)
{
    if (copy->count == 0) {
        return 0;
    }
    copy->words[0] = (uint32_t)copy->visitor;
    copy->words[1] = (uint32_t)(copy->visitor >> 32);
    copy->words[2] = copy->count;
    return VISITOR_WORDS + (size_t)copy->count * PAIR_WORDS;
}

size_t people_copy_part(const struct people *people, size_t part, uint32_t *ret_words)
{
    struct copy copy = {.people = people, .words = ret_words};
    struct people_walk walk;
    struct people_pairs pairs;

    people_walk_begin(&walk, people, part);
    while (people_walk_next(&walk, &pairs)) {
        if (pairs.visitor != copy.visitor) {
            copy.words += end_visitor(&copy);
            copy.visitor = pairs.visitor;
            copy.count = 0;
        }
        copy_pairs(&copy, &pairs);
    }
    copy.words += end_visitor(&copy);
    return (size_t)(copy.words - ret_words);
}

/* ---- taken --------------------------------------------------------------------------------- */

/* Takes a visitor out of its words, of which there are enough. */
static enum ctr_status load_visitor(struct people *people, struct people_part *part,
                                    const uint32_t *words)
{
    uint64_t hash = (uint64_t)words[1] << 32 | words[0];
    uint32_t count = words[2];
    struct people_visitor *visitor = NULL;

    if (hash > PEOPLE_HASH_MASK || people_find(people, part, hash) != NULL) {
        return CTR_CORRUPT;
    }
    if (lines_reserve(&people->lines, 1 + PEOPLE_LINES) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    visitor = people_add(people, part, hash);
    if (count > VISITOR_PAIRS && people_enlarge(people, part, visitor, count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *pair = &words[VISITOR_WORDS + (size_t)i * PAIR_WORDS];

        if (pair[0] == KEY_NONE || pair[1] > PEOPLE_TIME_MASK || pair[2] > PEOPLE_TIME_MASK ||
            visitor_find(&people->lines, visitor, pair[0]) != NULL) {
            return CTR_CORRUPT;
        }
        times_set(people_put(people, part, visitor, pair[0]), pair[1], pair[2]);
    }
    return CTR_OK;
}

/* How many visitors there are in all these words; UINT32_MAX: they are none. */
static uint32_t count_visitors(const uint32_t *words, size_t count)
{
    uint32_t visitors = 0;

    for (size_t at = 0; at < count; visitors++) {
        size_t left = count - at;

        if (left < VISITOR_WORDS || words[at + 2] == 0 ||
            words[at + 2] > (left - VISITOR_WORDS) / PAIR_WORDS) {
            return UINT32_MAX;
        }
        at += VISITOR_WORDS + (size_t)words[at + 2] * PAIR_WORDS;
    }
    return visitors;
}

enum ctr_status people_load_part(struct people *people, size_t part, const uint32_t *words,
                                 size_t count)
{
    struct people_part *into = &people->parts[part];
    uint32_t visitors = count_visitors(words, count);
    enum ctr_status status = CTR_OK;

    if (count == 0) {
        return CTR_OK;
    }
    if (into->size > 0 || visitors == UINT32_MAX) {
        return CTR_CORRUPT;
    }
    into->generation = people->generation;
    status = people_size_part(people, into, visitors);
    for (size_t at = 0; at < count && status == CTR_OK;
         at += VISITOR_WORDS + (size_t)words[at + 2] * PAIR_WORDS) {
        status = load_visitor(people, into, &words[at]);
    }
    if (status != CTR_OK) {
        people_free_part(people, into);
    }
    return status;
}
