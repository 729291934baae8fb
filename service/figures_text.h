/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people read them. Plain values. Thread: any.
 */
#ifndef LIVECTR_SERVICE_FIGURES_TEXT_H
#define LIVECTR_SERVICE_FIGURES_TEXT_H

#include <stdint.h>

struct figure_text {
    char text[32];
};

/* 1234567 is "1,234,567"; below 0: "?". */
struct figure_text figure_count(int64_t count);

/* 0.0453 is "4.53": percent, two digits behind the point. Ratios of -10 to 1000. */
struct figure_text figure_percent(double ratio);

/* As a person says it: "0.5 s", "12 s", "3 min", "2.0 h". */
struct figure_text figure_span(int64_t span_ms);

#endif
