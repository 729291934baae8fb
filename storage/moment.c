/* SPDX-License-Identifier: Apache-2.0
 *
 * The calendar is computed, not asked of the C library: its functions read time zones and locales.
 * Day numbers follow the civil-from-days method: eras of 400 years = 146,097 days, years that
 * begin in March, so that the leap day is the last of its year.
 */
#include "storage/moment.h"

#include <stdio.h>
#include <string.h>

#include "storage/event.h"
#include "storage/status.h"

enum {
    DAY_MS = 86400000,
    DAYS_PER_ERA = 146097,
    DAYS_TO_EPOCH = 719468, /* from 0000-03-01 to 1970-01-01 */
    SPAN_DAYS_MAX = 10000,
};

struct civil {
    int64_t year;
    int64_t month, day;
};

static int64_t days_from_civil(struct civil date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = year / 400; /* years here are never negative */
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

static struct civil civil_from_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = shifted / DAYS_PER_ERA;
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct civil date = {
        .year = year_of_era + era * 400,
        .month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };

    date.year += date.month <= 2 ? 1 : 0;
    return date;
}

void moment_format(int64_t time_ms, char ret_text[MOMENT_TEXT_BYTES])
{
    struct civil date;
    unsigned in_day = 0;

    CTR_ASSERT(time_ms >= MOMENT_MIN_MS && time_ms <= EVENT_TS_MS_MAX);
    date = civil_from_days(moment_floor(time_ms, DAY_MS) / DAY_MS);
    in_day = (unsigned)(time_ms - moment_floor(time_ms, DAY_MS));
    (void)snprintf(ret_text, MOMENT_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)date.year % 10000, (unsigned)date.month % 100,
                   (unsigned)date.day % 100, in_day / 3600000 % 24, in_day / 60000 % 60,
                   in_day / 1000 % 60, in_day % 1000);
}

/* Reads exactly `digits` decimal digits at *at. */
static bool take_number(const char **at, const char *end, int digits, int64_t *ret_value)
{
    int64_t value = 0;

    if (end - *at < digits) {
        return false;
    }
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *ret_value = value;
    return true;
}

static bool take_byte(const char **at, const char *end, char byte)
{
    if (*at == end || **at != byte) {
        return false;
    }
    (*at)++;
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **at, const char *end, int64_t *ret_days)
{
    struct civil date = {0};

    if (!take_number(at, end, 4, &date.year) || !take_byte(at, end, '-') ||
        !take_number(at, end, 2, &date.month) || !take_byte(at, end, '-') ||
        !take_number(at, end, 2, &date.day)) {
        return false;
    }
    if (date.month < 1 || date.month > 12 || date.day < 1 ||
        date.day > days_in_month(date.year, date.month)) {
        return false;
    }
    *ret_days = days_from_civil(date);
    return true;
}

/* Up to nine digits after a point, cut (not rounded) to ms. */
static bool take_fraction(const char **at, const char *end, int64_t *ret_ms)
{
    static const int64_t weight[3] = {100, 10, 1};
    int digits = 0;

    *ret_ms = 0;
    if (!take_byte(at, end, '.')) {
        return true;
    }
    for (; *at != end && **at >= '0' && **at <= '9'; (*at)++, digits++) {
        *ret_ms += digits < 3 ? (**at - '0') * weight[digits] : 0;
    }
    return digits >= 1 && digits <= 9;
}

static bool take_time(const char **at, const char *end, int64_t *ret_ms)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t fraction_ms = 0;

    if (!take_number(at, end, 2, &hour) || !take_byte(at, end, ':') ||
        !take_number(at, end, 2, &minute) || !take_byte(at, end, ':') ||
        !take_number(at, end, 2, &second) || !take_fraction(at, end, &fraction_ms)) {
        return false;
    }
    *ret_ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction_ms;
    return hour <= 23 && minute <= 59 && second <= 59;
}

static bool take_offset(const char **at, const char *end, int64_t *ret_ms)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t sign = 1;

    if (take_byte(at, end, 'Z')) {
        *ret_ms = 0;
        return true;
    }
    if (take_byte(at, end, '-')) {
        sign = -1;
    } else if (!take_byte(at, end, '+')) {
        return false;
    }
    if (!take_number(at, end, 2, &hour) || !take_byte(at, end, ':') ||
        !take_number(at, end, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *ret_ms = sign * (hour * 60 + minute) * 60000;
    return true;
}

bool moment_parse(const char *bytes, size_t length, int64_t *ret_ms)
{
    const char *at = bytes;
    const char *end = bytes + length;
    int64_t days = 0;
    int64_t in_day_ms = 0;
    int64_t offset_ms = 0;
    int64_t time_ms = 0;

    if (!take_date(&at, end, &days) || !take_byte(&at, end, 'T') ||
        !take_time(&at, end, &in_day_ms) || !take_offset(&at, end, &offset_ms) || at != end) {
        return false;
    }
    time_ms = days * DAY_MS + in_day_ms - offset_ms;
    if (time_ms < 0 || time_ms > EVENT_TS_MS_MAX) {
        return false;
    }
    *ret_ms = time_ms;
    return true;
}

bool moment_parse_span(const char *bytes, size_t length, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}};
    const int64_t max_ms = (int64_t)SPAN_DAYS_MAX * DAY_MS;
    int64_t value = 0;
    size_t digits = 0;

    while (digits < length && bytes[digits] >= '0' && bytes[digits] <= '9') {
        value = value * 10 + (bytes[digits] - '0');
        digits++;
        if (value > max_ms) {
            return false;
        }
    }
    for (size_t i = 0; digits > 0 && i < sizeof units / sizeof units[0]; i++) {
        if (length - digits == strlen(units[i].unit) &&
            memcmp(bytes + digits, units[i].unit, length - digits) == 0) {
            if (value > max_ms / units[i].ms) {
                return false;
            }
            *ret_ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}
