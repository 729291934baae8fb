/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/gaps.h"

#include <stdlib.h>
#include <string.h>

#include "storage/minutes.h"
#include "storage/moment.h"

enum { HEADS_FIRST = 256 };

void gaps_init(struct gaps *gaps, int64_t gap_ms, uint32_t limit)
{
    memset(gaps, 0, sizeof *gaps);
    gaps->gap_ms = gap_ms;
    gaps->limit = limit;
    gaps->gone_ms = MOMENT_NONE;
}

void gaps_done(struct gaps *gaps)
{
    free(gaps->clicks);
    free(gaps->heads);
    free(gaps->minutes);
    memset(gaps, 0, sizeof *gaps);
}

static bool forgotten(const struct gaps *gaps, int64_t minute_ms)
{
    return gaps->gone_ms != MOMENT_NONE && minute_ms + MINUTE_MS <= gaps->gone_ms;
}

static uint32_t *head_of(const struct gaps *gaps, uint64_t place)
{
    return &gaps->heads[(size_t)place & (gaps->heads_count - 1)];
}

/* Deals a chain out to the two heads that come of its one, in the order it has. */
static void split_chain(struct gaps *gaps, uint32_t first, uint32_t *heads, size_t count)
{
    uint32_t last[2] = {0, 0};

    for (uint32_t at = first, next = 0; at != 0; at = next) {
        struct gap_click *click = &gaps->clicks[at - 1];
        size_t head = (size_t)click->place & (count - 1);
        uint32_t *end = &last[head >= count / 2];

        next = click->next;
        click->next = 0;
        click->before = *end;
        *(*end == 0 ? &heads[head] : &gaps->clicks[*end - 1].next) = at;
        *end = at;
    }
}

static enum ctr_status grow_heads(struct gaps *gaps)
{
    size_t count = gaps->heads_count == 0 ? HEADS_FIRST : gaps->heads_count * 2;
    uint32_t *heads = calloc(count, sizeof *heads);

    if (heads == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < gaps->heads_count; i++) {
        split_chain(gaps, gaps->heads[i], heads, count);
    }
    free(gaps->heads);
    gaps->heads = heads;
    gaps->heads_count = count;
    return CTR_OK;
}

static enum ctr_status grow_clicks(struct gaps *gaps)
{
    uint32_t capacity = gaps->clicks_capacity == 0 ? 256 : gaps->clicks_capacity * 2;
    struct gap_click *clicks = realloc(gaps->clicks, capacity * sizeof *clicks);

    if (clicks == NULL) {
        return CTR_NO_MEMORY;
    }
    gaps->clicks = clicks;
    gaps->clicks_capacity = capacity;
    return CTR_OK;
}

static size_t place_of_minute(const struct gaps *gaps, int64_t minute_ms)
{
    size_t at = gaps->minutes_count;

    while (at > 0 && gaps->minutes[at - 1].minute_ms >= minute_ms) {
        at--;
    }
    return at;
}

static enum ctr_status reserve_minute(struct gaps *gaps, int64_t minute_ms)
{
    size_t at = place_of_minute(gaps, minute_ms);

    if (at < gaps->minutes_count && gaps->minutes[at].minute_ms == minute_ms) {
        return CTR_OK;
    }
    if (gaps->minutes_count == gaps->minutes_capacity) {
        size_t capacity = gaps->minutes_capacity == 0 ? 32 : gaps->minutes_capacity * 2;
        struct gap_minute *minutes = realloc(gaps->minutes, capacity * sizeof *minutes);

        if (minutes == NULL) {
            return CTR_NO_MEMORY;
        }
        gaps->minutes = minutes;
        gaps->minutes_capacity = capacity;
    }
    memmove(&gaps->minutes[at + 1], &gaps->minutes[at],
            (gaps->minutes_count - at) * sizeof gaps->minutes[0]);
    gaps->minutes[at] = (struct gap_minute){.minute_ms = minute_ms};
    gaps->minutes_count++;
    return CTR_OK;
}

enum ctr_status gaps_reserve(struct gaps *gaps, int64_t ts_ms)
{
    int64_t minute_ms = moment_floor(ts_ms, MINUTE_MS);

    if (gaps->used >= gaps->heads_count && grow_heads(gaps) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (gaps->free == 0 && gaps->clicks_count == gaps->clicks_capacity &&
        grow_clicks(gaps) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return forgotten(gaps, minute_ms) ? CTR_OK : reserve_minute(gaps, minute_ms);
}

/* The clicks next to a moment in one place, and the one at it; NULL: none. */
struct neighbours {
    struct gap_click *before, *at, *after;
};

/* Clicks come nearly in order, so what is looked for stands in front, however many there are. */
static struct neighbours look_around(const struct gaps *gaps, uint64_t place, int64_t ts_ms)
{
    struct neighbours found = {.at = NULL};

    for (uint32_t at = *head_of(gaps, place); at != 0; at = gaps->clicks[at - 1].next) {
        struct gap_click *click = &gaps->clicks[at - 1];

        if (click->place != place) {
            continue;
        }
        if (click->ts_ms <= ts_ms) {
            *(click->ts_ms == ts_ms ? &found.at : &found.before) = click;
            break;
        }
        found.after = click;
    }
    return found;
}

static bool apart(const struct gaps *gaps, const struct gap_click *before, int64_t ts_ms)
{
    return before == NULL || ts_ms - before->ts_ms >= gaps->gap_ms;
}

struct gap_verdict gaps_judge(const struct gaps *gaps, uint64_t place, int64_t ts_ms)
{
    struct gap_verdict verdict = {.counts = true, .taken_back_ms = MOMENT_NONE};
    struct neighbours around;

    if (forgotten(gaps, moment_floor(ts_ms, MINUTE_MS)) || gaps->used >= gaps->limit) {
        return verdict;
    }
    around = look_around(gaps, place, ts_ms);
    if (around.at != NULL) {
        verdict.counts = false;
        return verdict;
    }
    verdict.keep = true;
    verdict.counts = apart(gaps, around.before, ts_ms);
    if (around.after != NULL && around.after->counted &&
        around.after->ts_ms - ts_ms < gaps->gap_ms) {
        verdict.takes_back = true;
        verdict.taken_back_ms = around.after->ts_ms;
        verdict.taken_back = (uint32_t)(around.after - gaps->clicks);
        verdict.taken_back_folded = around.after->folded;
    }
    return verdict;
}

/* Puts a click where it belongs in its chain. */
static void link_click(struct gaps *gaps, uint32_t at)
{
    struct gap_click *click = &gaps->clicks[at - 1];
    uint32_t *link = head_of(gaps, click->place);

    while (*link != 0 && gaps->clicks[*link - 1].ts_ms > click->ts_ms) {
        click->before = *link;
        link = &gaps->clicks[*link - 1].next;
    }
    click->next = *link;
    if (click->next != 0) {
        gaps->clicks[click->next - 1].before = at;
    }
    *link = at;
}

void gaps_keep(struct gaps *gaps, uint64_t place, int64_t ts_ms, uint8_t folded,
               const struct gap_verdict *verdict)
{
    struct gap_minute *minute =
        &gaps->minutes[place_of_minute(gaps, moment_floor(ts_ms, MINUTE_MS))];
    uint32_t at = gaps->free;

    if (at == 0) {
        at = ++gaps->clicks_count;
    } else {
        gaps->free = gaps->clicks[at - 1].next_of_minute;
    }
    gaps->clicks[at - 1] = (struct gap_click){.place = place,
                                              .ts_ms = ts_ms,
                                              .folded = folded,
                                              .counted = verdict->counts,
                                              .next_of_minute = minute->first};
    link_click(gaps, at);
    minute->first = at;
    gaps->used++;
    if (verdict->takes_back) {
        gaps->clicks[verdict->taken_back].counted = false;
    }
}

void gaps_merge(struct gaps *gaps, uint64_t place, int64_t ts_ms, uint8_t folded, bool counted)
{
    struct neighbours around = look_around(gaps, place, ts_ms);

    if (forgotten(gaps, moment_floor(ts_ms, MINUTE_MS))) {
        /* It is not kept, but what it took back may be. */
    } else if (around.at == NULL) {
        gaps_keep(gaps, place, ts_ms, folded, &(struct gap_verdict){.counts = counted});
    } else if (!counted) {
        around.at->counted = false;
    }
    /* It took back the one after it, whichever of the two came first. */
    if (around.after != NULL && around.after->ts_ms - ts_ms < gaps->gap_ms) {
        around.after->counted = false;
    }
}

static void unlink_click(struct gaps *gaps, uint32_t at)
{
    const struct gap_click *click = &gaps->clicks[at - 1];

    if (click->before != 0) {
        gaps->clicks[click->before - 1].next = click->next;
    } else {
        *head_of(gaps, click->place) = click->next;
    }
    if (click->next != 0) {
        gaps->clicks[click->next - 1].before = click->before;
    }
}

void gaps_forget(struct gaps *gaps, int64_t until_ms)
{
    size_t count = 0;

    if (until_ms <= gaps->gone_ms) {
        return;
    }
    gaps->gone_ms = until_ms;
    while (count < gaps->minutes_count && forgotten(gaps, gaps->minutes[count].minute_ms)) {
        uint32_t at = gaps->minutes[count].first;

        while (at != 0) {
            uint32_t next = gaps->clicks[at - 1].next_of_minute;

            unlink_click(gaps, at);
            gaps->clicks[at - 1].next_of_minute = gaps->free;
            gaps->free = at;
            gaps->used--;
            at = next;
        }
        count++;
    }
    gaps->minutes_count -= count;
    if (count > 0) {
        memmove(&gaps->minutes[0], &gaps->minutes[count],
                gaps->minutes_count * sizeof gaps->minutes[0]);
    }
}

uint64_t gaps_bytes(const struct gaps *gaps)
{
    return gaps->clicks_capacity * sizeof *gaps->clicks + gaps->heads_count * sizeof *gaps->heads;
}
