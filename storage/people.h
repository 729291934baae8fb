/* SPDX-License-Identifier: Apache-2.0
 *
 * Who saw and clicked what, last: for each pair of a visitor and a key the second of its last view
 * and of its last click (docs/definitions.md "People"). From these two alone the people of every
 * window that ends at `to` follow, because both merge by maximum.
 *
 * An event is of one visitor and up to four keys, so all pairs of a visitor lie together:
 *
 *   part     [ slot slot ... ]      12 bits of the visitor's hash; a slot is 32 more and a line
 *   visitor  [ hash, count | line 0..3 | 4 kids | 4 times ]              a line of 64 bytes
 *   line     [ 6 kids | 6 times | next ]   line n + 4 hangs on line n, up to PEOPLE_LINES of them
 *   large    a visitor with more pairs: a table of such lines, a kid's hash says which is its home
 *
 * So an event reads a slot, its visitor's line and the lines of its pairs, one after the other for
 * a visitor who comes for the first time, at once for the others. A record never moves while it
 * grows, as every line fits every record (storage/lines.h). Sixteen bytes a pair at a dozen pairs.
 *
 * A pair is live while one of its times is at or after `reach`, the `from` of the longest window
 * with people. What is not live any more is garbage: its place is taken by the next pair that would
 * need a line more, and the rest goes when the part's index is four fifths full. Then the part is
 * swept, and its index grows by a factor of 1.4 if that does not do for long. There are many parts
 * so that this takes little each time: no long pause. The sizes that an index may have are spread
 * evenly over that factor, so the same share of parts grows at any time. A large visitor's table
 * grows as a whole, by half: a millisecond at 100,000 pairs.
 *
 * A pair is known by the visitor's hash and the key's number. A key lives at least as long as its
 * live pairs, so a number that another key was given has dead pairs alone, and a dead pair that is
 * met again begins anew. The crowd slices follow from the pairs: a start needs no other record of
 * them. Times are whole seconds since the epoch, kept modulo 2^24 (194 days); each part is swept
 * within 17 minutes of event time, or within the 4,096 steps after a jump at the latest, before a
 * time could be mistaken for one of the next round.
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

#include "storage/lines.h"
#include "storage/status.h"

enum {
    PEOPLE_PARTS = 4096,
    PEOPLE_HEAD_PAIRS = 4, /* in the visitor's own line */
    PEOPLE_LINE_PAIRS = 6,
    PEOPLE_CHAINS = 4, /* of lines that hang on a visitor */
    PEOPLE_LINES = 8,
    PEOPLE_AT_ONCE = 4,     /* pairs of one event */
    PEOPLE_PURGE_PARTS = 4, /* swept for each second that reach moves */
    PEOPLE_TIME_BITS = 24
};
#define PEOPLE_NEVER INT64_MIN

struct people_visitor; /* storage/people_visitor.h */

struct people_part {
    uint64_t *slots; /* 32 bits of a visitor's hash, and its line; 0 free */
    uint32_t count, size;
    uint64_t pairs;      /* of its visitors, live and garbage */
    uint64_t generation; /* of the table when it was last touched: an older one is all garbage */
};

/* Where a visitor was found, if it was: true until a line is given back, or the table is done. */
struct people_hint {
    uint64_t slot;  /* 0: nowhere */
    uint64_t given; /* the table's, then */
};

/* For whom room was made. */
struct people_met {
    struct people_part *part; /* NULL: nobody */
    uint64_t hash;
    struct people_visitor *visitor; /* NULL: a new one */
};

struct people {
    struct people_part parts[PEOPLE_PARTS];
    struct people_met met;
    uint64_t generation;
    uint64_t pairs; /* of all parts */
    uint64_t live, limit;
    int64_t reach_s;       /* the first second that counts; MOMENT_NONE: before there is a `to` */
    uint32_t *newest;      /* live pairs by their newest time: a ring, second & newest_mask */
    uint32_t newest_count; /* seconds from reach on that a time may lie in */
    uint32_t newest_mask;
    struct lines lines;
    uint64_t given;     /* lines, so far */
    int64_t purged;     /* parts, had it been so since the epoch */
    uint32_t next_part; /* to be swept */
    uint64_t bytes;     /* in use: lines, tables of large visitors, indexes, the ring */
};

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

/* Finds a visitor and makes room for up to PEOPLE_AT_ONCE more pairs of it, so that people_touch
 * cannot fail. `hint`: what people_look said of it at any time before; NULL: nothing. Errors:
 * CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_reserve(struct people *people, uint64_t visitor,
                                            const struct people_hint *hint, size_t pairs);

/* Ask for the memory that the two above and below will look at, some time apart and in this order:
 * the visitor's slot, its line, those of its pairs. Each needs what the one before asked for;
 * people_look comes in between and finds the line. */
void people_prefetch(const struct people *people, uint64_t visitor);
struct people_hint people_look(const struct people *people, uint64_t visitor);
void people_prefetch_visitor(const struct people *people, const struct people_hint *hint);
void people_prefetch_pairs(const struct people *people, const struct people_hint *hint);

/* What is told of a pair. */
struct people_touched {
    uint64_t visitor; /* for whom people_reserve was called last */
    uint32_t kid;
    bool click;
    int64_t second_s; /* at or after reach */
};

/* A view or click of a pair. False: a new pair, but the limit is reached; nothing changed and
 * *ret_moves is empty. */
bool people_touch(struct people *people, const struct people_touched *touched,
                  struct people_moves *ret_moves);

/* ---- all of them --------------------------------------------------------------------------- */

/* Some pairs of a visitor, next to each other. */
struct people_pairs {
    uint64_t visitor;     /* its hash without the part's 12 bits */
    const uint32_t *kids; /* KEY_NONE where there is no pair */
    struct people_times *times;
    size_t count;
};

/* The pairs of a part, in pieces. */
struct people_walk {
    const struct people *people;
    const struct people_part *part;
    uint32_t slot, line; /* what is next */
};

void people_walk_begin(struct people_walk *walk, const struct people *people, size_t part);
bool people_walk_next(struct people_walk *walk, struct people_pairs *ret_pairs);

/* ---- loading ------------------------------------------------------------------------------- */

/* people_touch without a limit and without saying what moved; `live` is not kept. */
void people_merge(struct people *people, const struct people_touched *touched);

/* Says how many pairs live, and how many of them by their newest second: newest[second - reach]. */
void people_count(struct people *people, uint64_t live, const uint32_t *newest);

/* The live pairs of a part in words, for an image: of each visitor its hash (two words) and how
 * many pairs it has; of each pair kid, view, click. Writes at most people_part_words(). */
enum { PEOPLE_COPY_BYTES = 13 }; /* of a pair, at a dozen pairs a visitor */
size_t people_part_words(const struct people *people, size_t part);
size_t people_copy_part(const struct people *people, size_t part, uint32_t *ret_words);

/* Takes a part as it was copied, each visitor once and each of its pairs once; their times not
 * older than 2^23 s before reach. Errors: CTR_NO_MEMORY; CTR_CORRUPT: they are not. The part is
 * empty then. */
CTR_MUST_USE enum ctr_status people_load_part(struct people *people, size_t part,
                                              const uint32_t *words, size_t count);

/* Moves the parts of `from` into an empty `into`. */
void people_adopt(struct people *into, struct people *from);

#endif
