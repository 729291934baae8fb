/* SPDX-License-Identifier: Apache-2.0
 *
 * The fast decoder beside the judge: one record through both, and what differs in words. The record
 * lies in memory of its own length, so that a sanitizer sees a byte too far.
 */
#ifndef LIVECTR_TESTS_SUPPORT_DECODE_PAIR_H
#define LIVECTR_TESTS_SUPPORT_DECODE_PAIR_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "service/decode_fast.h"
#include "service/decode_judge.h"

enum { PAIR_BYTES_MAX = 16384 };

struct pair {
    struct schema schema;
    struct judge *judge;
    struct fast_room *room;
    unsigned long records, events, plain; /* given; to the judge; to the fast decoder */
};

/* What the settings of one pair are. */
struct pair_setting {
    const char *name, *value;
};

/* NULL: out of memory, or a setting that is none. */
static inline struct pair *pair_new(const struct pair_setting *settings, size_t count)
{
    struct pair *pair = calloc(1, sizeof *pair);
    struct config config;
    struct ctr_error error;
    bool good = pair != NULL;

    config_defaults(&config);
    for (size_t i = 0; good && i < count; i++)
        good = config_set(&config, settings[i].name, settings[i].value, "test", &error) == CTR_OK;
    if (good && schema_read(&config, &pair->schema, &error) == CTR_OK)
        pair->judge = judge_new(&pair->schema, PAIR_BYTES_MAX);
    if (good && pair->judge != NULL && fast_room_new(PAIR_BYTES_MAX, &pair->room) == CTR_OK) {
        pair->room->layouts.learn_every = 1; /* the more often is one tried */
        return pair;
    }
    free(pair);
    return NULL;
}

static inline void pair_free(struct pair *pair)
{
    if (pair != NULL) {
        judge_free(pair->judge);
        fast_room_free(pair->room);
    }
    free(pair);
}

static inline bool pair_same_text(struct text left, struct text right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.bytes, right.bytes, left.length) == 0);
}

/* What differs, NULL when nothing does. */
static inline const char *pair_differs(const struct event *fast, const struct decoded *judged)
{
    const struct event *event = &judged->event;

    if (!judged->is_event)
        return "an event where the judge sees none";
    if (fast->type != event->type)
        return "type";
    if (fast->ts_ms != event->ts_ms)
        return "ts";
    if (!pair_same_text(fast->page, event->page))
        return "page";
    if (!pair_same_text(fast->box, event->box))
        return "box";
    if (!pair_same_text(fast->visitor, event->visitor))
        return "visitor";
    if (!pair_same_text(fast->id, event->id))
        return "id";
    return fast->filtered != event->filtered ? "filtered" : NULL;
}

/* The record through the fast decoder. False: it is plain as it was not before, or the other way
 * round; *wrong: what differs from what the judge made of it. */
static inline bool pair_decode(struct pair *pair, scan_function *scan, struct text record,
                               enum topic_type type, const struct decoded *judged, int *taken,
                               const char **ret_wrong)
{
    struct event event;
    bool plain;

    pair->room->escapes.used = 0;
    plain = fast_decode(&pair->schema, scan, pair->room, record, type, &event);
    if (*taken >= 0 && *taken != plain) {
        *ret_wrong = "plain to one scan only, or by one layout";
        return false;
    }
    *taken = plain;
    *ret_wrong = plain ? pair_differs(&event, judged) : NULL;
    return *ret_wrong == NULL;
}

/* With one scan: walked through, as no layout is known, and then by its own layout. */
static inline bool pair_scan(struct pair *pair, scan_function *scan, struct text record,
                             enum topic_type type, const struct decoded *judged, int *taken,
                             const char **ret_wrong)
{
    bool good = true;

    pair->room->layouts = (struct layouts){.learn_every = 1};
    for (int time = 0; time < 2 && good; time++)
        good = pair_decode(pair, scan, record, type, judged, taken, ret_wrong);
    return good;
}

/* The record through the judge, and through the fast decoder: with the layouts of the records
 * before it, and with every scan that this machine has (or one of them, by `which` below
 * SCAN_KINDS). All must take it or none. NULL: all agree. */
static inline const char *pair_check(struct pair *pair, const char *bytes, size_t length,
                                     enum topic_type type, enum scan_kind which)
{
    struct text record = {bytes, length};
    static struct layouts known;
    struct decoded judged;
    const char *wrong = NULL;
    int taken = -1;
    bool good = true;

    pair->records++;
    judge_record(pair->judge, bytes, length, type, &judged);
    if (length > 0) {
        good = pair_decode(pair, scan_best(), record, type, &judged, &taken, &wrong);
        known = pair->room->layouts;
    }
    for (enum scan_kind kind = 0; length > 0 && kind < SCAN_KINDS && good; kind++) {
        if (scan_of(kind) != NULL && (which >= SCAN_KINDS || kind == which))
            good = pair_scan(pair, scan_of(kind), record, type, &judged, &taken, &wrong);
    }
    if (length > 0)
        pair->room->layouts = known;
    pair->events += judged.is_event;
    pair->plain += taken == 1;
    return wrong;
}

#endif
