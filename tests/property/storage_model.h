/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as its rules are written, without a thought for speed: it keeps every record and
 * recounts from the first for each question. It shares no code with storage/ but the structs of
 * requests and answers.
 *
 * Ids are small numbers; model_text() gives their texts. Key numbers of one level: page p is p,
 * box b is b, the placement of b on p is p * MODEL_IDS + b.
 */
#ifndef LIVECTR_TESTS_STORAGE_MODEL_H
#define LIVECTR_TESTS_STORAGE_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/minutes.h"
#include "storage/moment.h"
#include "storage/store.h"

enum {
    MODEL_IDS = 40,
    MODEL_KEYS = MODEL_IDS * MODEL_IDS,
    MODEL_RECORDS_MAX = 8192,
    MODEL_PARTITIONS_MAX = 6,
    MODEL_NO_BOX = -1,
};

struct model_event {
    enum event_type type;
    int64_t ts_ms;
    int page, box;
    int visitor, id; /* 0: none */
    bool filtered;
};

struct model_record {
    struct model_event event;
    int64_t offset, apply_ms;
    int64_t step_ms; /* once applied */
    uint32_t partition;
    bool straggler, applied;
    bool too_late;  /* its delay is beyond dedup_horizon */
    bool duplicate; /* its verdict, once applied */
    bool unchecked, gapped, repeated;
    bool in_other[LEVEL_COUNT];
};

struct model_partition {
    char topic[16];
    int32_t number;
    bool started, at_end;
    int64_t next, end, arrival_ms, confirmed_ms, pending_end, pending_ms;
    uint64_t read, late, future, malformed;
};

struct model {
    struct store_options options;
    size_t records_count, first_unapplied;
    struct model_record records[MODEL_RECORDS_MAX];
    size_t refused_count;
    struct {
        struct model_event event;
        bool late;
    } refused[MODEL_RECORDS_MAX];
    uint64_t repeated;
    size_t partitions_count;
    struct model_partition partitions[MODEL_PARTITIONS_MAX];
    int64_t as_of_ms, to_ms;
    uint64_t keys_folded;
    bool key_used[LEVEL_COUNT][MODEL_KEYS];
    int64_t key_newest_ms[LEVEL_COUNT][MODEL_KEYS];
    size_t keys_used;
};

static inline struct text model_text(int id)
{
    /* Prefixes of each other, a byte above 0x7f, and one id of the greatest length. */
    static const char *const first[] = {"a", "ab", "abc", "b", "/offer/list", "/offer", "\xc3\xa9"};
    static char longest[EVENT_ID_BYTES_MAX];
    static char rest[MODEL_IDS][8];
    int count = (int)(sizeof first / sizeof first[0]);

    if (id < count) {
        return (struct text){.bytes = first[id], .length = strlen(first[id])};
    }
    if (id == count) {
        memset(longest, 'x', sizeof longest);
        return (struct text){.bytes = longest, .length = sizeof longest};
    }
    (void)snprintf(rest[id], sizeof rest[id], "id%d", id % 1000);
    return (struct text){.bytes = rest[id], .length = strlen(rest[id])};
}

static inline int64_t model_floor(int64_t time_ms, int64_t grain_ms)
{
    int64_t floored = time_ms / grain_ms * grain_ms;

    return floored > time_ms ? floored - grain_ms : floored;
}

/* DESIGN "The edges of a window", in its own words. */
static inline int64_t model_from(int64_t length_ms, int64_t to_ms)
{
    int64_t minute_ms = 60000;
    int64_t grain_ms = 10 * minute_ms;

    if (length_ms <= 2 * minute_ms) {
        grain_ms = 1000;
    } else if (length_ms <= 20 * minute_ms) {
        grain_ms = 10000;
    } else if (length_ms <= 120 * minute_ms) {
        grain_ms = minute_ms;
    }
    return model_floor(to_ms - length_ms, grain_ms);
}

static inline int model_key(const struct model_event *event, enum level level)
{
    switch (level) {
    case LEVEL_SITE:
        return 0;
    case LEVEL_PAGE:
        return event->page;
    case LEVEL_BOX:
        return event->box;
    case LEVEL_PLACEMENT:
        return event->page * MODEL_IDS + event->box;
    case LEVEL_COUNT:
    default:
        abort();
    }
}

/* DESIGN "Levels", CONTRACT 12. */
static inline bool model_counts(const struct model *model, const struct model_event *event,
                                enum level level)
{
    if (level == LEVEL_BOX || level == LEVEL_PLACEMENT) {
        return event->box != MODEL_NO_BOX;
    }
    return event->type == EVENT_CLICK || event->box == MODEL_NO_BOX ||
           model->options.page_impressions == PAGE_IMPRESSIONS_BOX_VIEWS;
}

static inline bool model_counted(const struct model_record *record)
{
    return record->applied && !record->duplicate && !record->event.filtered;
}

/* Whether minutes keep people: only where a ten-minute window is served with people. */
static inline bool model_people_window(const struct model *model)
{
    bool found = false;

    for (size_t w = 0; w < model->options.windows.count; w++) {
        found = found || (model->options.windows.items[w].length_ms == 10 * MINUTE_MS &&
                          model->options.people_horizon_ms >= 10 * MINUTE_MS);
    }
    return found;
}

/* ---- records ------------------------------------------------------------------------------- */

static inline void model_refuse(struct model *model, struct model_event event, bool late)
{
    if (model->refused_count < MODEL_RECORDS_MAX) {
        model->refused[model->refused_count].event = event;
        model->refused[model->refused_count++].late = late;
    }
}

static inline void model_reach(struct model_partition *partition, int64_t next)
{
    partition->next = next > partition->next ? next : partition->next;
    partition->end = next > partition->end ? next : partition->end;
    partition->at_end = false;
    if (partition->pending_ms != MOMENT_NONE && partition->next >= partition->pending_end) {
        if (partition->pending_ms > partition->confirmed_ms) {
            partition->confirmed_ms = partition->pending_ms;
        }
        partition->pending_ms = MOMENT_NONE;
    }
}

static inline void model_end(struct model_partition *partition, int64_t next)
{
    if (next > partition->next) {
        model_reach(partition, next);
    }
    partition->at_end = partition->next >= partition->end;
}

static inline void model_confirm(struct model_partition *partition, int64_t end, int64_t asked_ms)
{
    partition->end = end;
    partition->at_end = partition->next >= end;
    if (partition->at_end) {
        if (asked_ms > partition->confirmed_ms) {
            partition->confirmed_ms = asked_ms;
        }
        partition->pending_ms = MOMENT_NONE;
    } else if (partition->pending_ms == MOMENT_NONE) {
        partition->pending_ms = asked_ms;
        partition->pending_end = end;
    }
}

/* What a restart does not remember. */
static inline void model_restart(struct model *model)
{
    for (size_t p = 0; p < model->partitions_count; p++) {
        struct model_partition *partition = &model->partitions[p];

        partition->at_end = false;
        partition->end = -1;
        partition->confirmed_ms = MOMENT_NONE;
        partition->pending_ms = MOMENT_NONE;
    }
}

static inline void model_malformed(struct model *model, uint32_t number, int64_t offset)
{
    struct model_partition *partition = &model->partitions[number];

    partition->read++;
    partition->malformed++;
    model_reach(partition, offset + 1);
}

/* CONTRACT Events 6, Time 8; DESIGN "The edges of a window" and rule 1 on stragglers. */
static inline void model_record(struct model *model, uint32_t number, int64_t offset,
                                int64_t record_ms, int64_t now_ms, struct model_event event)
{
    const struct store_options *options = &model->options;
    struct model_partition *partition = &model->partitions[number];
    int64_t time_ms = record_ms < 0 ? event.ts_ms : record_ms;
    bool wall = options->clock == CLOCK_WALL;
    int64_t own_ms = wall ? time_ms : event.ts_ms;

    partition->read++;
    if (time_ms - event.ts_ms > options->late_ms) {
        partition->late++;
        model_refuse(model, event, true);
    } else if (event.ts_ms - time_ms > options->future_ms ||
               (wall && time_ms - now_ms > options->future_ms)) {
        partition->future++;
        model_refuse(model, event, false);
    } else {
        struct model_record *record = &model->records[model->records_count++];
        int64_t later_ms = 0;

        if (own_ms > partition->arrival_ms) {
            partition->arrival_ms = own_ms;
        }
        *record = (struct model_record){.event = event, .offset = offset, .partition = number};
        record->too_late = partition->arrival_ms - event.ts_ms > model->options.dedup_horizon_ms;
        record->straggler = model->to_ms != MOMENT_NONE && partition->arrival_ms < model->to_ms;
        later_ms = event.ts_ms > partition->arrival_ms || record->straggler ? event.ts_ms
                                                                            : partition->arrival_ms;
        record->apply_ms = model_floor(later_ms, 1000) + 1000;
        if (record->apply_ms < model->to_ms) {
            record->apply_ms = model->to_ms;
        }
    }
    model_reach(partition, offset + 1);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* A key lives as long as the longest window holds an event that was counted in its row. */
static inline void model_forget_keys(struct model *model)
{
    const struct window_set *windows = &model->options.windows;
    int64_t from_ms = model_from(windows->items[windows->count - 1].length_ms, model->to_ms);

    for (int level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        for (int key = 0; key < MODEL_KEYS; key++) {
            if (model->key_used[level][key] && model->key_newest_ms[level][key] < from_ms) {
                model->key_used[level][key] = false;
                model->keys_used--;
            }
        }
    }
}

static inline void model_move(struct model *model, int64_t to_ms)
{
    if (to_ms > model->to_ms) {
        model->to_ms = to_ms;
        model_forget_keys(model);
    }
}

static inline void model_admit(struct model *model, struct model_record *record, enum level level)
{
    int key = model_key(&record->event, level);

    if (!model->key_used[level][key]) {
        if (model->keys_used >= model->options.keys_max) {
            model->keys_folded++;
            record->in_other[level] = true;
            return;
        }
        model->key_used[level][key] = true;
        model->key_newest_ms[level][key] = MOMENT_NONE;
        model->keys_used++;
    }
    if (record->event.ts_ms > model->key_newest_ms[level][key]) {
        model->key_newest_ms[level][key] = record->event.ts_ms;
    }
}

/* Whether what was remembered of a minute is gone by now; only a straggler can see that. */
static inline bool model_forgotten(const struct model *model, int64_t ts_ms, int64_t more_ms)
{
    return model_floor(ts_ms, MINUTE_MS) + MINUTE_MS + model->options.dedup_horizon_ms +
               2 * MINUTE_MS + more_ms <=
           model->to_ms;
}

static inline bool model_same(const struct model_event *a, const struct model_event *b)
{
    return a->id == b->id && a->type == b->type && a->ts_ms == b->ts_ms && a->page == b->page &&
           a->box == b->box && a->visitor == b->visitor && a->filtered == b->filtered;
}

/* CONTRACT, Events 7. */
static inline void model_look_up(struct model *model, struct model_record *record)
{
    if (record->event.id == 0) {
        return;
    }
    record->unchecked = record->too_late || model_forgotten(model, record->event.ts_ms, 0);
    for (size_t i = 0; i < model->records_count && !record->unchecked; i++) {
        const struct model_record *other = &model->records[i];

        if (other != record && other->applied && !other->duplicate && !other->unchecked &&
            model_same(&other->event, &record->event)) {
            record->duplicate = true;
        }
    }
}

static inline bool model_same_place(const struct model_event *a, const struct model_event *b)
{
    return a->visitor == b->visitor && a->page == b->page && a->box == b->box;
}

/* A click less than click_gap after another of its place is repeated, whichever came first. */
static inline void model_mind_gap(struct model *model, struct model_record *record)
{
    int64_t gap_ms = model->options.click_gap_ms;

    if (gap_ms == 0 || record->event.type != EVENT_CLICK || record->event.visitor == 0 ||
        record->too_late || model_forgotten(model, record->event.ts_ms, gap_ms)) {
        return;
    }
    record->gapped = true;
    for (size_t i = 0; i < model->records_count; i++) {
        struct model_record *other = &model->records[i];
        int64_t after_ms = other->event.ts_ms - record->event.ts_ms;

        if (other == record || !other->gapped || !model_same_place(&other->event, &record->event) ||
            model_forgotten(model, other->event.ts_ms, gap_ms)) {
            continue;
        }
        if (after_ms <= 0 && -after_ms < gap_ms) {
            record->repeated = true;
            record->gapped = record->gapped && after_ms != 0; /* the same moment once */
        }
    }
    for (size_t i = 0; i < model->records_count && record->gapped; i++) {
        struct model_record *other = &model->records[i];
        int64_t after_ms = other->event.ts_ms - record->event.ts_ms;

        if (other->gapped && model_same_place(&other->event, &record->event) && after_ms > 0 &&
            after_ms < gap_ms && !model_forgotten(model, other->event.ts_ms, gap_ms)) {
            model->repeated += other->repeated ? 0 : 1;
            other->repeated = true;
        }
    }
    model->repeated += record->repeated ? 1 : 0;
}

static inline void model_apply(struct model *model, struct model_record *record)
{
    const struct window_set *windows = &model->options.windows;
    bool box = record->event.box != MODEL_NO_BOX;

    record->applied = true;
    record->step_ms = record->apply_ms > model->to_ms ? record->apply_ms : model->to_ms;
    model_look_up(model, record);
    if (record->duplicate || record->event.filtered) {
        return;
    }
    model_mind_gap(model, record);
    if (record->event.ts_ms <
        model_from(windows->items[windows->count - 1].length_ms, model->to_ms)) {
        return; /* no window holds it: it takes no key */
    }
    model_admit(model, record, LEVEL_PAGE);
    if (box) {
        model_admit(model, record, LEVEL_BOX);
        model_admit(model, record, LEVEL_PLACEMENT);
    }
}

#endif
