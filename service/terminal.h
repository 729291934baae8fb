/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal as one page that is drawn anew: keys without echo, its size, the signals of a person
 * at it, and all of it put back in the end. Six of ECMA-48's sequences, which every terminal of
 * today obeys. Thread: main.
 */
#ifndef LIVECTR_SERVICE_TERMINAL_H
#define LIVECTR_SERVICE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "storage/status.h"

enum { TERMINAL_FILES = 2 };

enum terminal_event {
    TERMINAL_NOTHING,
    TERMINAL_REDRAW, /* another size, or it is back in the foreground */
    TERMINAL_END,    /* q, Ctrl-C, SIGTERM */
    TERMINAL_GONE,   /* nobody is there any more */
};

struct terminal {
    int files[TERMINAL_FILES]; /* keys and signals: what to wait for */
    struct termios before;
    bool entered;
    bool colours;
    size_t rows, columns;
};

/* stdin and stdout must be a terminal. Blocks the signals it takes: call it before any thread
 * starts. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status terminal_open(struct terminal *terminal, struct ctr_error *reterr);

/* Everything as it was. Safe to call twice. */
void terminal_close(struct terminal *terminal);

/* What happened at the files; does not wait. */
enum terminal_event terminal_look(struct terminal *terminal);

/* Shows a page of lines, whatever was there before. A line ends with a line feed and fits. Errors:
 * CTR_IO where nobody is there any more. */
CTR_MUST_USE enum ctr_status terminal_show(struct terminal *terminal, const char *page);

/* Whether colours are wanted of `output`: a terminal, not dumb, and NO_COLOR is not set. */
bool terminal_wants_colours(int output);

#endif
