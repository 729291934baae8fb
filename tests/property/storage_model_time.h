/* SPDX-License-Identifier: Apache-2.0
 *
 * The model's time: which record counts next, and how far `to` moves. Part of storage_model.h.
 */
#ifndef LIVECTR_TESTS_PROPERTY_STORAGE_MODEL_TIME_H
#define LIVECTR_TESTS_PROPERTY_STORAGE_MODEL_TIME_H

#include "storage_model.h"

/* The canonical order: apply moment, then topic, partition number, offset. */
static inline bool model_before(const struct model *model, const struct model_record *left,
                                const struct model_record *right)
{
    const struct model_partition *a = &model->partitions[left->partition];
    const struct model_partition *b = &model->partitions[right->partition];
    int topics = strcmp(a->topic, b->topic);

    if (left->apply_ms != right->apply_ms) {
        return left->apply_ms < right->apply_ms;
    }
    if (topics != 0) {
        return topics < 0;
    }
    return a->number != b->number ? a->number < b->number : left->offset < right->offset;
}

static inline struct model_record *model_first_due(struct model *model, int64_t to_ms)
{
    struct model_record *first = NULL;

    while (model->first_unapplied < model->records_count &&
           model->records[model->first_unapplied].applied) {
        model->first_unapplied++;
    }
    for (size_t i = model->first_unapplied; i < model->records_count; i++) {
        struct model_record *record = &model->records[i];

        if (!record->applied && record->apply_ms <= to_ms &&
            (first == NULL || model_before(model, record, first))) {
            first = record;
        }
    }
    return first;
}

static inline int64_t model_clock(const struct model *model,
                                  const struct model_partition *partition, int64_t now_ms)
{
    int64_t delivered_ms = partition->arrival_ms < now_ms ? partition->arrival_ms : now_ms;

    if (!partition->started) {
        return MOMENT_NONE;
    }
    if (model->options.clock == CLOCK_EVENT) {
        return partition->at_end ? INT64_MAX : partition->arrival_ms;
    }
    return delivered_ms > partition->confirmed_ms ? delivered_ms : partition->confirmed_ms;
}

static inline bool model_all_at_end(const struct model *model)
{
    bool at_end = model->partitions_count > 0;

    for (size_t p = 0; p < model->partitions_count; p++) {
        at_end = at_end && model->partitions[p].started && model->partitions[p].at_end;
    }
    return at_end;
}

/* CONTRACT Time 8 and 9. */
static inline void model_advance(struct model *model, int64_t now_ms)
{
    int64_t least_ms = INT64_MAX;
    int64_t newest_ms = MOMENT_NONE;
    struct model_record *record = NULL;
    int64_t target_ms = 0;

    for (size_t p = 0; p < model->partitions_count; p++) {
        int64_t clock_ms = model_clock(model, &model->partitions[p], now_ms);

        least_ms = clock_ms < least_ms ? clock_ms : least_ms;
        if (model->partitions[p].arrival_ms > newest_ms) {
            newest_ms = model->partitions[p].arrival_ms;
        }
    }
    if (model->options.clock == CLOCK_EVENT && model_all_at_end(model)) {
        least_ms = newest_ms == MOMENT_NONE ? MOMENT_NONE : model_floor(newest_ms, 1000) + 1000;
    }
    if (least_ms != MOMENT_NONE && least_ms != INT64_MAX &&
        least_ms - model->options.settle_ms > model->as_of_ms) {
        model->as_of_ms = least_ms - model->options.settle_ms;
    }
    if (model->as_of_ms == MOMENT_NONE) {
        return;
    }
    target_ms = model_floor(model->as_of_ms, 1000);
    for (record = model_first_due(model, target_ms); record != NULL;) {
        int64_t apply_ms = record->apply_ms;

        model_move(model, apply_ms - 1000);
        for (; record != NULL && record->apply_ms == apply_ms;
             record = model_first_due(model, target_ms)) {
            model_apply(model, record);
        }
        model_move(model, apply_ms);
        model_forget_keys(model);
    }
    model_move(model, target_ms);
}

#endif
