/* SPDX-License-Identifier: Apache-2.0
 *
 * One line per happening on stderr, logfmt: time, level, event, key=value. The only printer of
 * the service besides what a verb writes to its terminal. Thread: any.
 */
#ifndef LIVECTR_SERVICE_LOG_H
#define LIVECTR_SERVICE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/status.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);

/* One line about what is going on, on a terminal only: the next one, or a line of the log, takes
 * its place. "": nothing goes on any more. Thread: any. */
void log_progress(const char *text);

/* `event` is a short constant in snake_case; `format` gives the rest as key=value pairs. Lines that
 * do not fit in 1 KiB are cut. A broken stderr is ignored; lines that a full one does not take
 * within 20 ms are dropped, and how many is said as soon as it takes lines again
 * (log_lines_dropped). */
void log_line(enum log_level level, const char *event, const char *format, ...) CTR_PRINTF(3, 4);

/* Lines that are whole already, together at most PIPE_BUF bytes. Waits for stderr, unlike the
 * others here; false: it did not take them within patience_ms. A broken one takes everything. */
bool log_write(const char *lines, size_t length, int patience_ms);

#endif
