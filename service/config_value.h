/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of settings that are one member each: texts, durations, numbers, bytes, choices,
 * addresses, windows. Thread: any.
 */
#ifndef LIVECTR_SERVICE_CONFIG_VALUE_H
#define LIVECTR_SERVICE_CONFIG_VALUE_H

#include <stdbool.h>

#include "service/config_table.h"

/* Reads `value` as the option's kind into the member. False: `why` (OPTION_WHY_BYTES) goes on from
 * the value: "must be ...". */
bool config_value_set(const struct option *option, void *member, const char *value, char *why);

#endif
