/* SPDX-License-Identifier: Apache-2.0 */
/* For TIOCGWINSZ. */
#define _DEFAULT_SOURCE /* NOLINT(readability-identifier-naming): the C library's name */

#include "service/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <unistd.h>

enum { KEYS, SIGNALS };
enum { ROWS_PRESET = 24, COLUMNS_PRESET = 80, SIZE_MAX_CELLS = 2000, WRITE_PATIENCE_MS = 2000 };

/* Another page, which hides what was typed before and gives it back; no cursor; no wrapping, so
 * that a line that is too long does not push the others down. */
static const char enter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l";
static const char leave[] = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

static bool write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};

        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (written == 0 || (errno != EINTR &&
                                    (errno != EAGAIN || poll(&room, 1, WRITE_PATIENCE_MS) <= 0))) {
            return false;
        }
    }
    return true;
}

static void read_size(struct terminal *terminal)
{
    struct winsize size = {0};
    bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;

    terminal->rows = told ? size.ws_row : ROWS_PRESET;
    terminal->columns = told ? size.ws_col : COLUMNS_PRESET;
    terminal->rows = terminal->rows > SIZE_MAX_CELLS ? SIZE_MAX_CELLS : terminal->rows;
    terminal->columns = terminal->columns > SIZE_MAX_CELLS ? SIZE_MAX_CELLS : terminal->columns;
}

/* Keys one by one and unseen; Ctrl-C and Ctrl-Z stay signals. */
static bool go_in(struct terminal *terminal)
{
    struct termios keys = terminal->before;

    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &keys) != 0) {
        return false;
    }
    terminal->entered = true;
    read_size(terminal);
    return write_all(enter, sizeof enter - 1);
}

static void go_out(struct terminal *terminal)
{
    if (terminal->entered) {
        terminal->entered = false;
        (void)write_all(leave, sizeof leave - 1);
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    }
}

bool terminal_wants_colours(int output)
{
    const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");

    return isatty(output) == 1 && (none == NULL || *none == '\0') &&
           (kind == NULL || strcmp(kind, "dumb") != 0);
}

enum ctr_status terminal_open(struct terminal *terminal, struct ctr_error *reterr)
{
    sigset_t taken;

    *terminal = (struct terminal){.files = {STDIN_FILENO, -1}};
    terminal->colours = terminal_wants_colours(STDOUT_FILENO);
    if (tcgetattr(STDIN_FILENO, &terminal->before) != 0) {
        return ctr_fail(reterr, CTR_IO, "stdin is no terminal: %s", strerror(errno));
    }
    (void)sigemptyset(&taken);
    (void)sigaddset(&taken, SIGWINCH);
    (void)sigaddset(&taken, SIGINT);
    (void)sigaddset(&taken, SIGTERM);
    (void)sigaddset(&taken, SIGHUP);
    (void)sigaddset(&taken, SIGTSTP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &taken, NULL) != 0 ||
        (terminal->files[SIGNALS] = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
        return ctr_fail(reterr, CTR_IO, "no signals: %s", strerror(errno));
    }
    if (!go_in(terminal)) {
        terminal_close(terminal);
        return ctr_fail(reterr, CTR_IO, "the terminal does not obey: %s", strerror(errno));
    }
    return CTR_OK;
}

void terminal_close(struct terminal *terminal)
{
    go_out(terminal);
    if (terminal->files[SIGNALS] >= 0) {
        (void)close(terminal->files[SIGNALS]);
        terminal->files[SIGNALS] = -1;
    }
}

static enum terminal_event look_at_signals(struct terminal *terminal)
{
    enum terminal_event event = TERMINAL_NOTHING;
    struct signalfd_siginfo one;

    while (read(terminal->files[SIGNALS], &one, sizeof one) == (ssize_t)sizeof one) {
        switch ((int)one.ssi_signo) {
        case SIGWINCH:
            read_size(terminal);
            event = TERMINAL_REDRAW;
            break;
        case SIGTSTP: /* the shell's page, until it calls us back */
            go_out(terminal);
            (void)raise(SIGSTOP);
            if (!go_in(terminal)) {
                return TERMINAL_GONE;
            }
            event = TERMINAL_REDRAW;
            break;
        case SIGHUP:
            return TERMINAL_GONE;
        default:
            return TERMINAL_END;
        }
    }
    return event;
}

enum terminal_event terminal_look(struct terminal *terminal)
{
    enum terminal_event event = look_at_signals(terminal);
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[64];

    while (event < TERMINAL_END && poll(&keys, 1, 0) > 0) {
        ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);

        if (length <= 0) {
            return TERMINAL_GONE;
        }
        for (ssize_t i = 0; i < length; i++) {
            if (bytes[i] == 'q' || bytes[i] == 'Q' || bytes[i] == '\x03') {
                return TERMINAL_END;
            }
        }
    }
    return event;
}

enum ctr_status terminal_show(struct terminal *terminal, const char *page)
{
    /* Home; each line, and nothing behind it; nothing below the last. */
    static const char home[] = "\x1b[H", line_end[] = "\x1b[0m\x1b[K\r\n", below[] = "\x1b[J";
    size_t size = sizeof home + sizeof below, used = sizeof home - 1;
    char *bytes = NULL;
    bool written = false;

    for (const char *at = page; *at != '\0'; at++) {
        size += *at == '\n' ? sizeof line_end : 1;
    }
    bytes = malloc(size);
    if (bytes == NULL) {
        return CTR_OK; /* the next one, then */
    }
    memcpy(bytes, home, used);
    for (const char *at = page; *at != '\0'; at++) {
        if (*at != '\n') {
            bytes[used++] = *at;
        } else if (at[1] != '\0') {
            memcpy(bytes + used, line_end, sizeof line_end - 1);
            used += sizeof line_end - 1;
        } else { /* the last: a line feed there would push the first one out */
            memcpy(bytes + used, line_end, sizeof line_end - 3);
            used += sizeof line_end - 3;
        }
    }
    memcpy(bytes + used, below, sizeof below - 1);
    used += sizeof below - 1;
    written = write_all(bytes, used);
    (void)terminal;
    free(bytes);
    return written ? CTR_OK : CTR_IO;
}
