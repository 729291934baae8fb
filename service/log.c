/* SPDX-License-Identifier: Apache-2.0 */
#include "service/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "service/clock.h"
#include "storage/moment.h"

enum { LINE_BYTES = 1024 };

static _Atomic int chosen_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&chosen_level, (int)level);
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char time[MOMENT_TEXT_BYTES];
    char line[LINE_BYTES];
    int length = 0;
    va_list args;

    if ((int)level > atomic_load(&chosen_level)) {
        return;
    }
    moment_format(clock_wall_ms(), time);
    length = snprintf(line, sizeof line, "time=%s level=%s event=%s ", time, names[level], event);
    va_start(args, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length, format, args);
    va_end(args);
    if (length > LINE_BYTES - 2) {
        length = LINE_BYTES - 2;
    }
    for (int i = 0; i < length; i++) {
        if (line[i] == '\n' || line[i] == '\r') {
            line[i] = ' '; /* one happening, one line */
        }
    }
    line[length] = '\n';
    /* One write, so that lines of different threads do not mix; a broken stderr is no reason to
     * stop serving. */
    if (write(STDERR_FILENO, line, (size_t)length + 1) < 0) {
        return;
    }
}
