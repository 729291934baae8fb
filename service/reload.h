/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGHUP: the settings are read again through their three doors. Those that can change while the
 * service runs do (config_option_live() in the table of settings); the others are named once and
 * wait for a restart. Settings that are wrong change nothing.
 */
#ifndef LIVECTR_SERVICE_RELOAD_H
#define LIVECTR_SERVICE_RELOAD_H

#include "service/config.h"

/* The doors as they were at the start; borrowed. The file they name is read anew. */
struct reload_doors {
    int argc;
    char **argv, **environment;
};

enum { RELOAD_NAMES_BYTES = 512 };

/* Names of settings, with commas; "" none. */
struct reload_result {
    char changed[RELOAD_NAMES_BYTES];
    char waiting[RELOAD_NAMES_BYTES]; /* for a restart */
};

/* Changes `config` in place, one member at a time, so that other threads may read with
 * config_live_ms(). Errors: CTR_INVALID, CTR_IO with the sentence: nothing changed. Thread: main.
 */
CTR_MUST_USE enum ctr_status reload_config(const struct reload_doors *doors, struct config *config,
                                           struct reload_result *ret_result,
                                           struct ctr_error *reterr);

/* The same, and says in the log what came of it. */
void reload_and_log(const struct reload_doors *doors, struct config *config);

#endif
