/* SPDX-License-Identifier: Apache-2.0 */
#include "service/figures_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct figure_text figure_count(int64_t count)
{
    struct figure_text figure = {.text = "?"};
    char digits[24];
    size_t length = 0, used = 0;

    if (count < 0) {
        return figure;
    }
    length = (size_t)snprintf(digits, sizeof digits, "%" PRId64, count);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            figure.text[used++] = ',';
        }
        figure.text[used++] = digits[i];
    }
    figure.text[used] = '\0';
    return figure;
}

static struct figure_text whole(int64_t number, const char *unit)
{
    struct figure_text figure;

    (void)snprintf(figure.text, sizeof figure.text, "%" PRId64 "%s", number, unit);
    return figure;
}

/* Not below 0. */
static struct figure_text tenths(int64_t number, const char *unit)
{
    struct figure_text figure;

    (void)snprintf(figure.text, sizeof figure.text, "%" PRId64 ".%c%s", number / 10,
                   "0123456789"[number % 10], unit);
    return figure;
}

struct figure_text figure_percent(double ratio)
{
    double most = ratio > 1e6 ? 1e6 : ratio;
    int64_t hundredths = llround((most < -1e6 ? -1e6 : most) * 1e4);
    int64_t size = hundredths < 0 ? -hundredths : hundredths;
    struct figure_text figure;

    (void)snprintf(figure.text, sizeof figure.text, "%s%" PRId64 ".%c%c", hundredths < 0 ? "-" : "",
                   size / 100, "0123456789"[size / 10 % 10], "0123456789"[size % 10]);
    return figure;
}

struct figure_text figure_span(int64_t span_ms)
{
    if (span_ms < 9950) {
        return tenths(((span_ms < 0 ? 0 : span_ms) + 50) / 100, " s");
    }
    if (span_ms < 120000) {
        return whole((span_ms + 500) / 1000, " s");
    }
    if (span_ms < 7200000) {
        return whole((span_ms + 30000) / 60000, " min");
    }
    return tenths((span_ms + 180000) / 360000, " h");
}
