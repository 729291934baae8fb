/* SPDX-License-Identifier: Apache-2.0
 *
 * One row per setting. A new option is one row in config_table.c and one member of struct config.
 */
#ifndef LIVECTR_SERVICE_CONFIG_TABLE_H
#define LIVECTR_SERVICE_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_WHY_BYTES = 200, OPTION_CHOICES_MAX = 6 };

enum option_kind {
    OPTION_TEXT, /* char array; min and max bytes; choices: none, or FILE or DIR, which it names */
    OPTION_SPAN, /* int64_t ms; min and max ms */
    OPTION_NUMBER,  /* uint32_t; min and max */
    OPTION_CHOICE,  /* an enum; choices in its order */
    OPTION_ADDRESS, /* struct config_address */
    OPTION_WINDOWS, /* struct window_set */
    OPTION_START,   /* start, start_given, start_horizon */
    OPTION_TOPICS,  /* topics, topics_count */
    OPTION_FILTER,  /* filter_field, filter_value */
    OPTION_BYTES,   /* int64_t; min and max bytes; off is 0 */
};

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *preset; /* NULL: none */
    int64_t min, max;
    bool off_allowed;
    const char *choices[OPTION_CHOICES_MAX];
    const char *group; /* heading in --help */
    const char *help;  /* one sentence */
};

extern const struct option config_options[];
extern const size_t config_options_count;

/* The row of a setting, NULL where there is none. */
const struct option *config_option(const char *name);

/* Whether a new value takes effect on SIGHUP; the others need a restart. */
bool config_option_live(const struct option *option);

#endif
