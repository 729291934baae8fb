/* SPDX-License-Identifier: Apache-2.0 */
#include "service/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "storage/moment.h"

enum { LINE_BYTES = 1024, PATIENCE_MS = 20 };

/* Erases the line that the cursor is in. */
#define ERASE "\r\033[K"

static _Atomic int chosen_level = LOG_INFO;
static _Atomic bool progress_shown; /* the cursor stands behind a line of progress */
static _Atomic bool clogged;        /* whoever reads stderr does not */
static _Atomic unsigned long dropped;

void log_set_level(enum log_level level)
{
    atomic_store(&chosen_level, (int)level);
}

/* Whether a line may be written without waiting: a pipe that is ready takes one of this length
 * whole (PIPE_BUF). A reader that was slow before is not waited for again. */
static bool sink_ready(void)
{
    struct pollfd sink = {.fd = STDERR_FILENO, .events = POLLOUT};
    bool ready = poll(&sink, 1, atomic_load(&clogged) ? 0 : PATIENCE_MS) == 1 &&
                 (sink.revents & POLLOUT) != 0;

    atomic_store(&clogged, !ready);
    return ready;
}

/* One write, so that lines of different threads do not mix; a broken stderr is no reason to stop
 * serving, and a full one none to stop counting. */
static void write_line(const char *line, size_t length)
{
    if (!sink_ready() || write(STDERR_FILENO, line, length) < 0) {
        (void)atomic_fetch_add(&dropped, 1);
    }
}

static size_t end_line(char *line, int length)
{
    if (length > LINE_BYTES - 2) {
        length = LINE_BYTES - 2;
    }
    for (int i = 0; i < length; i++) {
        if (line[i] == '\n' || (line[i] == '\r' && i > 0)) {
            line[i] = ' '; /* one happening, one line */
        }
    }
    line[length] = '\n';
    return (size_t)length + 1;
}

static void tell_dropped(const char *time)
{
    char line[LINE_BYTES];
    unsigned long count = atomic_load(&dropped);

    if (count > 0 && sink_ready()) {
        int length = snprintf(line, sizeof line,
                              "time=%s level=warn event=log_lines_dropped count=%lu", time, count);

        (void)atomic_fetch_sub(&dropped, count);
        write_line(line, end_line(line, length));
    }
}

void log_progress(const char *text)
{
    char line[LINE_BYTES];
    bool any = text[0] != '\0';
    int length = 0;

    if ((!any && !atomic_load(&progress_shown)) || LOG_INFO > atomic_load(&chosen_level) ||
        isatty(STDERR_FILENO) == 0) {
        return;
    }
    length = snprintf(line, sizeof line, ERASE "%.*s", LINE_BYTES / 2, text);
    atomic_store(&progress_shown, any);
    write_line(line, (size_t)length);
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
    tell_dropped(time);
    length =
        snprintf(line, sizeof line, "%stime=%s level=%s event=%s ",
                 atomic_exchange(&progress_shown, false) ? ERASE : "", time, names[level], event);
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was begun one line above */
    length += vsnprintf(line + length, sizeof line - (size_t)length, format, args);
    va_end(args);
    write_line(line, end_line(line, length));
}

bool log_write(const char *lines, size_t length, int patience_ms)
{
    struct pollfd sink = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (atomic_exchange(&progress_shown, false) && write(STDERR_FILENO, ERASE, strlen(ERASE)) < 0) {
        return true; /* as below: nobody is there */
    }
    while (length > 0) {
        ssize_t written = 0;

        if (poll(&sink, 1, patience_ms) != 1) {
            return false;
        }
        written = write(STDERR_FILENO, lines, length);
        if (written < 0) {
            return errno != EAGAIN && errno != EINTR;
        }
        lines += written; /* a pipe takes all or nothing, a file that is full not */
        length -= (size_t)written;
    }
    return true;
}
