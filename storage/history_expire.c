/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of old numbers: minutes become hours, hours go, keys without either go.
 */
#include "storage/history_internal.h"

bool history_number_lasts(int number)
{
    return number != MINUTE_PEOPLE && number != MINUTE_VIEWERS && number != MINUTE_CLICKERS &&
           number != MINUTE_UNSEEN_CLICKERS;
}

/* Adds history->cells, all the minutes of an hour, to the hour in history->day. */
static void sum_hour(struct history *history, unsigned hour)
{
    const struct history_cells *cells = &history->cells;

    for (int number = 0; number < MINUTE_NUMBERS; number++) {
        if (history_number_lasts(number)) {
            for (uint64_t left = cells->present; left != 0; left &= left - 1) {
                history_cells_add(&history->day, hour, number,
                                  cells->numbers[number][__builtin_ctzll(left)]);
            }
        }
    }
}

/* Makes the minutes of a block an hour of its day. */
static enum ctr_status roll_up(struct history *history, int64_t slot, struct ctr_error *reterr)
{
    int64_t hour = history_slot_number(slot);
    int64_t day_slot = history_slot(HISTORY_HOURS, hour / HISTORY_DAY_HOURS, (uint32_t)slot);
    enum ctr_status status = history_block_get(history, slot, &history->cells, reterr);

    if (status == CTR_NOT_FOUND) {
        return CTR_OK; /* damaged, and forgiven */
    }
    if (status != CTR_OK) {
        return status;
    }
    status = history_block_get(history, day_slot, &history->day, reterr);
    if (status == CTR_NOT_FOUND) {
        history->day.present = 0;
        status = CTR_OK;
    }
    if (status != CTR_OK) {
        return status;
    }
    sum_hour(history, (unsigned)(hour % HISTORY_DAY_HOURS));
    return history_block_put(history, day_slot, &history->day, reterr);
}

static enum ctr_status expire_minutes(struct history *history, const struct history_limits *limits,
                                      size_t *budget, struct ctr_error *reterr)
{
    int64_t minutes_from = history_minutes_from(limits);
    int64_t hours_from = history_hours_from(limits);

    for (; *budget > 0; (*budget)--) {
        int64_t slot = 0;
        int64_t hour = 0;
        enum ctr_status status = history_block_next(history, 0, &slot, reterr);

        hour = history_slot_number(slot);
        if (status == CTR_NOT_FOUND ||
            (status == CTR_OK &&
             (history_slot_grain(slot) != HISTORY_MINUTES || hour >= minutes_from))) {
            return CTR_OK;
        }
        if (status == CTR_OK && hour / HISTORY_DAY_HOURS >= hours_from) {
            status = roll_up(history, slot, reterr);
        }
        if (status == CTR_OK) {
            status = history_block_drop(history, slot, reterr);
        }
        if (status != CTR_OK) {
            return status;
        }
    }
    return CTR_OK;
}

static enum ctr_status expire_hours(struct history *history, const struct history_limits *limits,
                                    size_t *budget, struct ctr_error *reterr)
{
    const int64_t begin = history_slot(HISTORY_HOURS, 0, 0);
    int64_t hours_from = history_hours_from(limits);

    for (; *budget > 0; (*budget)--) {
        int64_t slot = 0;
        enum ctr_status status = history_block_next(history, begin, &slot, reterr);

        if (status == CTR_NOT_FOUND ||
            (status == CTR_OK && history_slot_number(slot) >= hours_from)) {
            return CTR_OK;
        }
        if (status == CTR_OK) {
            status = history_block_drop(history, slot, reterr);
        }
        if (status != CTR_OK) {
            return status;
        }
    }
    return CTR_OK;
}

/* Once a day: looking for them means to look at all. */
static enum ctr_status expire_keys(struct history *history, const struct history_limits *limits,
                                   size_t *budget, struct ctr_error *reterr)
{
    int64_t minutes_day = history_minutes_from(limits) / HISTORY_DAY_HOURS;
    int64_t day = history_hours_from(limits);
    enum ctr_status status = CTR_OK;

    day = day < minutes_day ? day : minutes_day;
    if (*budget == 0 || day <= history->swept_until) {
        return CTR_OK;
    }
    status = history_keys_drop(history, day, budget, reterr);
    if (status == CTR_OK && *budget > 0) {
        history->swept_until = day;
    }
    return status;
}

enum ctr_status history_expire(struct history *history, const struct history_limits *limits,
                               size_t budget, struct ctr_error *reterr)
{
    enum ctr_status status = expire_minutes(history, limits, &budget, reterr);

    if (status == CTR_OK) {
        status = expire_hours(history, limits, &budget, reterr);
    }
    /* With budget left nothing that is too old is: the last rows of old keys are gone. */
    return status == CTR_OK ? expire_keys(history, limits, &budget, reterr) : status;
}
