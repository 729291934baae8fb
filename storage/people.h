/* SPDX-License-Identifier: Apache-2.0
 *
 * Who saw and clicked what, last: for each pair of a visitor and a key the second of its last view
 * and of its last click (docs/definitions.md "People"). From these two alone the people of every
 * window that ends at `to` follow, because both merge by maximum.
 *
 *   part    [ block ] [ block ] ...            the print's low half says which group is its home
 *   block   [ 4 groups of 16 tags | 4 groups of 15 pairs ]      1 KB; 64 bytes are the tags
 *   group   [ tag ... tag | passed ]           tag: 8 bits of the print, 0 where the slot is free
 *
 * A pair is put into the first free slot of its home group, or else of those that follow, first in
 * its block. A group says whether a pair passed it that way. So a look-up reads one line of tags
 * and, as a rule, one of pairs, whether the pair is there or not.
 *
 * A pair is live while one of its times is at or after `reach`, the `from` of the longest window
 * with people. What is not live any more is garbage, which goes when nine tenths of its part's
 * slots are in use: the part is cleaned where it is, or grows by a factor of 1.4 if that would not
 * do for long. The table is cut into many parts so that this moves few pairs: no long pause. The
 * sizes that a part may have are spread evenly over that factor, so the same share of parts grows
 * at any time, and all together have the same room (17 bytes a slot, 23 a pair). Blocks are of huge
 * pages (storage/blocks.h): an event looks at four pairs anywhere in the table, and without them
 * most of what that costs is finding out where the pages are.
 *
 * A pair is known by 64 bits of a keyed hash of visitor and key; storage/keys.h says what of.
 * Twelve of them say the part, 52 are kept. It also says which key it is of (a key lives at least
 * as long as its live pairs, at the same number), so the crowd slices follow from the pairs alone:
 * a start needs no other record of them. Times are whole seconds since the epoch, kept modulo 2^22
 * (48 days); each part is cleaned every three days of event time at the latest, before a time could
 * be mistaken for one of the next round.
 *
 * Loading: people_merge() in any order and any number of times, then people_count() once. Because
 * times merge by maximum, that leads to the same table however often an event is merged.
 * Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_H
#define LIVECTR_STORAGE_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/blocks.h"
#include "storage/status.h"

enum { PEOPLE_PARTS = 4096 };

/* Read and written through people.c and pair_* alone. */
struct pair {
    uint64_t print_kid; /* 52 bits of the print, never 0; the low 12 of the kid */
    uint64_t times_kid; /* view 22, click 22, the high 20 of the kid */
};

enum { PAIR_KID_LOW = 12, PAIR_TIME_BITS = 22, PAIR_TIME_MASK = (1 << 22) - 1 };

static inline uint32_t pair_kid(const struct pair *pair)
{
    return (uint32_t)(pair->times_kid & 0xFFFFF) << PAIR_KID_LOW |
           (uint32_t)(pair->print_kid & 0xFFF);
}

static inline uint32_t pair_view(const struct pair *pair)
{
    return (uint32_t)(pair->times_kid >> 42);
}

static inline uint32_t pair_click(const struct pair *pair)
{
    return (uint32_t)(pair->times_kid >> 20) & PAIR_TIME_MASK;
}

/* A tag a slot, and whether the group was passed. */
enum { PEOPLE_TAGS = 16, PEOPLE_GROUP = PEOPLE_TAGS - 1 };
enum { PEOPLE_BLOCK_GROUPS = 4, PEOPLE_BLOCK = PEOPLE_BLOCK_GROUPS * PEOPLE_GROUP };

/* What a free slot holds is nothing. */
struct people_block {
    uint8_t tags[PEOPLE_BLOCK_GROUPS * PEOPLE_TAGS];
    struct pair pairs[]; /* PEOPLE_BLOCK, or the groups that a part of one block has */
};

/* Up to PEOPLE_BLOCK_GROUPS groups (1, 2 or 4) are memory of their own, more are whole blocks. */
struct people_part {
    union {
        struct people_block *few;
        struct people_block **blocks;
    } slots;
    uint32_t count, groups; /* slots in use (live and garbage); groups of slots */
    uint64_t generation;    /* of the table when it was last touched: an older one is empty */
};

/* The block of a group, which is less than `groups`. */
static inline struct people_block *people_block(const struct people_part *part, uint32_t group)
{
    return part->groups <= PEOPLE_BLOCK_GROUPS ? part->slots.few
                                               : part->slots.blocks[group / PEOPLE_BLOCK_GROUPS];
}

/* The pair at a slot less than groups * PEOPLE_GROUP; NULL where it is free. */
static inline struct pair *people_pair(const struct people_part *part, uint32_t at)
{
    struct people_block *block = people_block(part, at / PEOPLE_GROUP);
    uint32_t slot = at % PEOPLE_BLOCK;

    return block->tags[slot + slot / PEOPLE_GROUP] == 0 ? NULL : &block->pairs[slot];
}

struct people {
    struct people_part parts[PEOPLE_PARTS];
    uint64_t generation;
    uint64_t live, limit;
    int64_t reach_s;       /* the first second that counts; MOMENT_NONE: before there is a `to` */
    uint32_t *newest;      /* live pairs by their newest time: a ring, second & newest_mask */
    uint32_t newest_count; /* seconds from reach on that a time may lie in */
    uint32_t newest_mask;
    struct blocks blocks;
    struct pair *moved; /* scratch of a part that is renewed */
    size_t moved_capacity;
    int64_t purged; /* how many spans of PEOPLE_PURGE_S since the epoch a part was cleaned in */
    uint64_t bytes;
};

enum { PEOPLE_PURGE_S = 64 }; /* event time after which the next part is cleaned */
#define PEOPLE_NEVER INT64_MIN

/* The second that is kept as `kept`, PEOPLE_NEVER where it lies before reach. */
static inline int64_t people_second(const struct people *people, uint32_t kept)
{
    uint32_t after = (kept - (uint32_t)people->reach_s) & PAIR_TIME_MASK;

    return after < UINT32_C(1) << (PAIR_TIME_BITS - 1) ? people->reach_s + after : PEOPLE_NEVER;
}

/* What one event changed for the three counts of a slice: the second a person leaves
 * (PEOPLE_NEVER: none) and the one it enters; enters PEOPLE_NEVER: nothing changed. */
struct people_move {
    int64_t leaves_s, enters_s;
};

struct people_moves {
    struct people_move viewer;   /* by last view */
    struct people_move clicker;  /* by the earlier of last view and last click */
    struct people_move clicking; /* by last click */
};

/* span_s: the longest stretch of seconds that reach may lie behind the step that is applied.
 * limit: pairs that may be live. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_init(struct people *people, uint32_t span_s, uint64_t limit);
void people_done(struct people *people);

/* Moves reach on: pairs whose times all lie before it are not live any more. */
void people_set_reach(struct people *people, int64_t reach_s);

/* Makes room for one more pair where `print` belongs, so that people_touch cannot fail.
 * Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_reserve(struct people *people, uint64_t print);

/* Ask for the memory that people_touch will look at, some time apart and in this order: where the
 * pairs' blocks are, their tags, the pairs. Each needs what the one before asked for. */
void people_prefetch(const struct people *people, const uint64_t prints[], size_t count);
void people_prefetch_tags(const struct people *people, const uint64_t prints[], size_t count);
void people_prefetch_pairs(const struct people *people, const uint64_t prints[], size_t count);

/* What is told of a pair. */
struct people_touched {
    uint64_t print;
    uint32_t kid; /* of the key that `print` was made with */
    bool click;
    int64_t second_s; /* at or after reach */
};

/* A view or click of a pair. False: a new pair, but the limit is reached; nothing changed and
 * *ret_moves is empty. */
bool people_touch(struct people *people, const struct people_touched *touched,
                  struct people_moves *ret_moves);

/* ---- loading ------------------------------------------------------------------------------- */

/* The same without a limit and without saying what moved; `live` is not kept. After people_reserve
 * for the same print. */
void people_merge(struct people *people, const struct people_touched *touched);

/* Whether the pair is there and lives: then people_merge does not need its kid. */
bool people_knows(const struct people *people, uint64_t print);

/* Says how many pairs live, and how many of them by their newest second: newest[second - reach]. */
void people_count(struct people *people, uint64_t live, const uint32_t *newest);

/* Takes a part as it was saved: `pairs` of that part in any order, each once, their times not older
 * than 2^21 s before reach. Errors: CTR_NO_MEMORY; CTR_CORRUPT: they are not. */
CTR_MUST_USE enum ctr_status people_load_part(struct people *people, size_t part,
                                              const struct pair *pairs, size_t count);

/* Moves the parts of `from` into an empty `into`. */
void people_adopt(struct people *into, struct people *from);

/* Copies the live pairs of a part to `ret_pairs`, which has room for all its slots in use. */
size_t people_copy_part(const struct people *people, size_t part, struct pair *ret_pairs);

#endif
