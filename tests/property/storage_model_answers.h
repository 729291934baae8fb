/* SPDX-License-Identifier: Apache-2.0
 *
 * What the model answers: counts, people and minutes, as docs/definitions.md has them. People are
 * sets of bits; all is counted anew for each question.
 */
#ifndef LIVECTR_TESTS_STORAGE_MODEL_ANSWERS_H
#define LIVECTR_TESTS_STORAGE_MODEL_ANSWERS_H

#include "storage_model_time.h"

/* What one window holds. */
struct model_totals {
    struct totals keys[LEVEL_COUNT][MODEL_KEYS];
    struct totals other[LEVEL_COUNT];
};

static inline void model_recount(const struct model *model, size_t window,
                                 struct model_totals *ret_totals)
{
    int64_t from_ms = model_from(model->options.windows.items[window].length_ms, model->to_ms);

    memset(ret_totals, 0, sizeof *ret_totals);
    for (size_t i = 0; i < model->records_count; i++) {
        const struct model_record *record = &model->records[i];

        if (!model_counted(record) || record->event.ts_ms < from_ms ||
            record->event.ts_ms >= model->to_ms) {
            continue;
        }
        for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
            if (model_counts(model, &record->event, level)) {
                struct totals *into =
                    record->in_other[level]
                        ? &ret_totals->other[level]
                        : &ret_totals->keys[level][model_key(&record->event, level)];

                into->impressions += record->event.type == EVENT_VIEW ? 1 : 0;
                into->clicks += record->event.type == EVENT_CLICK && !record->repeated ? 1 : 0;
            }
        }
    }
}

/* Who saw and who clicked, a bit per visitor. */
struct model_crowd {
    uint64_t saw, clicked;
};

struct model_crowds {
    struct model_crowd keys[LEVEL_COUNT][MODEL_KEYS];
    struct model_crowd other[LEVEL_COUNT];
};

/* Any event on a page concerns the people of the page and of the site. */
static inline bool model_concerns(const struct model_event *event, enum level level)
{
    return level <= LEVEL_PAGE || event->box != MODEL_NO_BOX;
}

static inline void model_meet(const struct model_event *event, struct model_crowd *crowd)
{
    uint64_t bit = event->visitor == 0 ? 0 : UINT64_C(1) << event->visitor;

    if (event->type == EVENT_VIEW) {
        crowd->saw |= bit;
    } else {
        crowd->clicked |= bit;
    }
}

/* The crowds of [from, to) from what had its step at or before step_ms. */
static inline void model_people(const struct model *model, int64_t from_ms, int64_t to_ms,
                                struct model_crowds *ret_crowds)
{
    memset(ret_crowds, 0, sizeof *ret_crowds);
    for (size_t i = 0; i < model->records_count; i++) {
        const struct model_record *record = &model->records[i];

        if (!model_counted(record) || record->step_ms > to_ms || record->event.ts_ms < from_ms ||
            record->event.ts_ms >= to_ms) {
            continue;
        }
        for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
            if (model_concerns(&record->event, level)) {
                model_meet(&record->event,
                           record->in_other[level]
                               ? &ret_crowds->other[level]
                               : &ret_crowds->keys[level][model_key(&record->event, level)]);
            }
        }
    }
}

static inline uint32_t model_bits(uint64_t set)
{
    return (uint32_t)__builtin_popcountll(set);
}

static inline struct crowd model_crowd_counts(const struct model_crowd *crowd)
{
    return (struct crowd){.viewers = model_bits(crowd->saw),
                          .clickers = model_bits(crowd->saw & crowd->clicked),
                          .clicking = model_bits(crowd->clicked)};
}

/* ---- minutes ------------------------------------------------------------------------------- */

static inline bool model_is_about(const struct model_event *event, enum level level, int key)
{
    return model_concerns(event, level) && model_key(event, level) == key;
}

static inline void model_minute_record(const struct model *model, const struct model_record *record,
                                       enum level level, int64_t end_ms,
                                       int64_t numbers[MINUTE_NUMBERS])
{
    bool counts = model_counts(model, &record->event, level);
    bool view = record->event.type == EVENT_VIEW;

    if (record->duplicate || record->event.filtered) {
        numbers[record->duplicate ? MINUTE_DUPLICATES : MINUTE_FILTERED] += counts ? 1 : 0;
        return;
    }
    if (model_people_window(model) && record->step_ms <= end_ms) {
        numbers[MINUTE_PEOPLE] = 1;
    }
    if (counts) {
        numbers[MINUTE_IMPRESSIONS] += view ? 1 : 0;
        numbers[MINUTE_CLICKS] += !view && !record->repeated ? 1 : 0;
        numbers[MINUTE_REPEATED] += record->repeated ? 1 : 0;
        numbers[MINUTE_REVISION] += record->step_ms > end_ms + model->options.lateness_ms ? 1 : 0;
    }
}

/* One row of the history, whether it is saved or not. */
static inline void model_minute(const struct model *model, enum level level, int key,
                                int64_t minute_ms, int64_t ret_numbers[MINUTE_NUMBERS])
{
    static struct model_crowds crowds;
    int64_t end_ms = minute_ms + MINUTE_MS;

    memset(ret_numbers, 0, MINUTE_NUMBERS * sizeof ret_numbers[0]);
    for (size_t i = 0; i < model->records_count; i++) {
        const struct model_record *record = &model->records[i];

        if (record->applied && model_floor(record->event.ts_ms, MINUTE_MS) == minute_ms &&
            model_is_about(&record->event, level, key)) {
            model_minute_record(model, record, level, end_ms, ret_numbers);
        }
    }
    for (size_t i = 0; i < model->refused_count; i++) {
        const struct model_event *event = &model->refused[i].event;

        if (model_floor(event->ts_ms, MINUTE_MS) == minute_ms &&
            model_is_about(event, level, key) && model_counts(model, event, level)) {
            ret_numbers[model->refused[i].late ? MINUTE_LATE : MINUTE_FUTURE]++;
        }
    }
    if (model->to_ms < end_ms) {
        ret_numbers[MINUTE_PEOPLE] = 0; /* taken at its end */
    }
    if (ret_numbers[MINUTE_PEOPLE] == 1) {
        struct crowd counts;

        model_people(model, model_from(10 * MINUTE_MS, end_ms), end_ms, &crowds);
        counts = model_crowd_counts(&crowds.keys[level][key]);
        ret_numbers[MINUTE_VIEWERS] = counts.viewers;
        ret_numbers[MINUTE_CLICKERS] = counts.clickers;
        ret_numbers[MINUTE_UNSEEN_CLICKERS] = counts.clicking - counts.clickers;
    }
}

#endif
