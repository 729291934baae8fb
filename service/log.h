/* SPDX-License-Identifier: Apache-2.0
 *
 * One line per happening on stderr, logfmt: time, level, event, key=value. The only printer of
 * the service besides what a verb writes to its terminal. Thread: any.
 */
#ifndef LIVECTR_SERVICE_LOG_H
#define LIVECTR_SERVICE_LOG_H

#include "storage/status.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);

/* `event` is a short constant in snake_case; `format` gives the rest as key=value pairs. Lines that
 * do not fit in 1 KiB are cut. A broken stderr is ignored. */
void log_line(enum log_level level, const char *event, const char *format, ...) CTR_PRINTF(3, 4);

#endif
