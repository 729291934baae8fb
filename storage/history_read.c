/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history_internal.h"

/* What is read, and to whom it is given. */
struct reading {
    struct history *history;
    uint32_t id;
    int64_t from_ms, until_ms;
    history_visit *visit;
    void *owner;
    bool stopped;
};

static int64_t round_up(int64_t time_ms, int64_t grain_ms)
{
    return time_ms / grain_ms + (time_ms % grain_ms != 0);
}

static void give(struct reading *reading, const struct history_cells *cells, unsigned cell,
                 int64_t start_ms, int64_t grain_ms)
{
    struct history_point point = {.start_ms = start_ms, .grain_ms = grain_ms};

    if (start_ms < reading->from_ms || start_ms >= reading->until_ms || reading->stopped) {
        return;
    }
    for (int number = 0; number < MINUTE_NUMBERS; number++) {
        point.numbers[number] = cells->numbers[number][cell];
    }
    reading->stopped = !reading->visit(reading->owner, &point);
}

/* The hours of the day in history->day that begin in [from, until). */
static void give_hours(struct reading *reading, int64_t from, int64_t until)
{
    const struct history_cells *day = &reading->history->day;

    for (int64_t hour = from; hour < until && !reading->stopped; hour++) {
        unsigned cell = (unsigned)(hour % HISTORY_DAY_HOURS);

        if ((day->present >> cell & 1) != 0) {
            give(reading, day, cell, hour * HISTORY_HOUR_MS, HISTORY_HOUR_MS);
        }
    }
}

static enum ctr_status give_minutes(struct reading *reading, int64_t hour, struct ctr_error *reterr)
{
    struct history *history = reading->history;
    enum ctr_status status = history_block_get(
        history, history_slot(HISTORY_MINUTES, hour, reading->id), &history->cells, reterr);

    if (status != CTR_OK) {
        return status;
    }
    for (uint64_t left = history->cells.present; left != 0; left &= left - 1) {
        unsigned cell = (unsigned)__builtin_ctzll(left);

        give(reading, &history->cells, cell, hour * HISTORY_HOUR_MS + cell * MINUTE_MS, MINUTE_MS);
    }
    return CTR_OK;
}

/* One day: hours and minutes in the order of time. No hour has both. */
static enum ctr_status give_day(struct reading *reading, int64_t day, bool has_hours,
                                struct ctr_error *reterr)
{
    struct history *history = reading->history;
    int64_t hour = day * HISTORY_DAY_HOURS;
    int64_t end = hour + HISTORY_DAY_HOURS;
    int64_t from = reading->from_ms / HISTORY_HOUR_MS;
    int64_t until = round_up(reading->until_ms, HISTORY_HOUR_MS);
    enum ctr_status status = CTR_OK;

    hour = hour < from ? from : hour;
    end = end > until ? until : end;
    history->day.present = 0;
    if (has_hours) {
        status = history_block_get(history, history_slot(HISTORY_HOURS, day, reading->id),
                                   &history->day, reterr);
    }
    while (status == CTR_OK && hour < end && !reading->stopped) {
        int64_t next = end;

        status =
            history_block_seek(history, HISTORY_MINUTES, reading->id, hour, end, &next, reterr);
        if (status != CTR_OK) {
            break;
        }
        give_hours(reading, hour, next);
        if (next < end && !reading->stopped) {
            status = give_minutes(reading, next, reterr);
        }
        hour = next + 1;
    }
    return status;
}

/* All days; steps over those at which nobody has anything. */
static enum ctr_status give_all(struct reading *reading, struct ctr_error *reterr)
{
    struct history *history = reading->history;
    int64_t day = reading->from_ms / HISTORY_DAY_MS;
    int64_t until = round_up(reading->until_ms, HISTORY_DAY_MS);
    int64_t hours_day = -1;

    while (day < until && !reading->stopped) {
        int64_t hour = 0;
        enum ctr_status status = CTR_OK;

        if (hours_day < day) {
            status = history_block_seek(history, HISTORY_HOURS, reading->id, day, until, &hours_day,
                                        reterr);
        }
        if (status == CTR_OK) {
            status =
                history_block_seek(history, HISTORY_MINUTES, reading->id, day * HISTORY_DAY_HOURS,
                                   until * HISTORY_DAY_HOURS, &hour, reterr);
        }
        if (status != CTR_OK) {
            return status;
        }
        day = hour / HISTORY_DAY_HOURS < hours_day ? hour / HISTORY_DAY_HOURS : hours_day;
        if (day < until) {
            status = give_day(reading, day, day == hours_day, reterr);
        }
        if (status != CTR_OK) {
            return status;
        }
        day++;
    }
    return CTR_OK;
}

enum ctr_status history_read(struct history *history, const struct minute_key *key, int64_t from_ms,
                             int64_t until_ms, history_visit *visit, void *owner,
                             struct ctr_error *reterr)
{
    struct reading reading = {.history = history, .visit = visit, .owner = owner};
    struct history_key kept = {0};
    enum ctr_status status = history_key_find(history, key, &kept, reterr);

    if (status != CTR_OK) {
        return status == CTR_NOT_FOUND ? CTR_OK : status;
    }
    reading.id = kept.id;
    reading.from_ms = from_ms < 0 ? 0 : from_ms;
    reading.until_ms = until_ms > EVENT_TS_MS_MAX ? EVENT_TS_MS_MAX + 1 : until_ms;
    return reading.from_ms < reading.until_ms ? give_all(&reading, reterr) : CTR_OK;
}

/* ---- every key ----------------------------------------------------------------------------- */

struct each {
    const struct minute_key *key;
    history_visit_key *visit;
    void *owner;
    bool stopped;
};

static bool visit_each(void *owner, const struct history_point *point)
{
    struct each *each = owner;

    each->stopped = !each->visit(each->owner, each->key, point);
    return !each->stopped;
}

enum ctr_status history_each(struct history *history, history_visit_key *visit, void *owner,
                             struct ctr_error *reterr)
{
    struct sql_statement *all = history->statements[HISTORY_ALL_KEYS];
    struct minute_key name;
    struct each each = {.key = &name, .visit = visit, .owner = owner};
    enum ctr_status status = sql_next(history->sql, all, reterr);

    while (status == CTR_OK && !each.stopped) {
        struct reading reading = {.history = history,
                                  .until_ms = EVENT_TS_MS_MAX + 1,
                                  .visit = visit_each,
                                  .owner = &each};
        struct history_key key;

        status = history_key_get(all, &name, &key, reterr);
        if (status == CTR_OK) {
            reading.id = key.id;
            status = give_all(&reading, reterr);
        }
        if (status == CTR_OK) {
            status = sql_next(history->sql, all, reterr);
        }
    }
    sql_reset(all);
    return status == CTR_NOT_FOUND ? CTR_OK : status;
}
