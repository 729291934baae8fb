/* SPDX-License-Identifier: Apache-2.0 */
#include "service/top_verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/manual.h"
#include "service/printable.h"
#include "service/reply.h"
#include "service/rest.h"
#include "service/terminal.h"
#include "service/top_options.h"
#include "service/top_table.h"

enum { ROWS_MAX = 1000, PROBLEM_BYTES = 512, ONCE_COLUMNS = 110, ONCE_ROWS = 20, DRAW_MS = 1000 };

struct top {
    struct top_options options;
    struct rest *rest;
    struct terminal terminal;
    struct rest_target target;
    struct reply reply;
    bool has_reply, asking;
    int64_t answered_ms, asked_ms, drawn_ms; /* monotonic; answered: begins with the start */
    char trouble[PROBLEM_BYTES];             /* "": the newest question was answered */
};

static int complain(const char *words, int code)
{
    char shown[4 * PROBLEM_BYTES + 4];

    (void)printable(words, PROBLEM_BYTES, shown, sizeof shown);
    (void)fprintf(stderr, "livectr top: %s\n", shown);
    return code;
}

static void ask(struct top *top, size_t rows)
{
    const struct top_options *options = &top->options;
    struct ctr_error error = {.text = ""};
    char limit[16];

    (void)snprintf(limit, sizeof limit, "%zu", rows < 1 ? 1 : rows > ROWS_MAX ? ROWS_MAX : rows);
    rest_target_begin(&top->target, "/v1/top");
    rest_target_add(top->rest, &top->target, "level", options->level);
    rest_target_add(top->rest, &top->target, "by", options->by);
    rest_target_add(top->rest, &top->target, "window", options->window);
    rest_target_add(top->rest, &top->target, "page", options->page);
    rest_target_add(top->rest, &top->target, "min_impressions", options->min_impressions);
    rest_target_add(top->rest, &top->target, "limit", limit);
    top->asked_ms = clock_mono_ms();
    top->asking = rest_begin(top->rest, &top->target, &error) == CTR_OK;
    if (!top->asking) {
        (void)snprintf(top->trouble, sizeof top->trouble, "%.500s", error.text);
    }
}

/* Keeps the newest numbers, whatever comes after them. */
static void take(struct top *top)
{
    struct rest_answer answer = rest_answer(top->rest);
    struct ctr_error error = {.text = ""};
    struct reply reply;

    top->asking = false;
    if (!answer.reached) {
        (void)snprintf(top->trouble, sizeof top->trouble, "%.500s", answer.trouble);
    } else if (answer.status != 200) {
        reply_problem(answer.status, answer.body, answer.length, top->trouble, sizeof top->trouble);
    } else if (reply_read(answer.body, answer.length, &reply, &error) != CTR_OK) {
        (void)snprintf(top->trouble, sizeof top->trouble, "%.500s", error.text);
    } else {
        if (top->has_reply) {
            reply_done(&top->reply);
        }
        top->reply = reply;
        top->has_reply = true;
        top->trouble[0] = '\0';
        top->answered_ms = clock_mono_ms();
    }
}

static char *picture(const struct top *top, bool once)
{
    const struct top_picture picture = {
        .url = rest_url(top->rest),
        .level = top->options.level,
        .by = top->options.by,
        .reply = top->has_reply ? &top->reply : NULL,
        .age_ms = clock_mono_ms() - top->answered_ms,
        .trouble = top->trouble,
        .rows = once ? 0 : top->terminal.rows,
        .columns = once ? ONCE_COLUMNS : top->terminal.columns,
        .colours = once ? terminal_wants_colours(STDOUT_FILENO) : top->terminal.colours,
        .keys = !once,
    };

    return top_table(&picture);
}

static bool draw(struct top *top)
{
    char *text = picture(top, false);
    bool shown = text == NULL || terminal_show(&top->terminal, text) == CTR_OK;

    top->drawn_ms = clock_mono_ms();
    free(text);
    return shown;
}

/* ---- once --------------------------------------------------------------------------------------
 */

static int print_once(struct top *top)
{
    char *text = NULL;

    ask(top, ONCE_ROWS);
    while (top->asking) {
        if (rest_wait(top->rest, NULL, 0, DRAW_MS)) {
            take(top);
        }
    }
    if (top->trouble[0] != '\0') {
        return complain(top->trouble, TOP_FAILED);
    }
    text = picture(top, true);
    if (text == NULL || fputs(text, stdout) < 0 || fflush(stdout) != 0) {
        free(text);
        return complain("the table cannot be written", TOP_FAILED);
    }
    free(text);
    return TOP_OK;
}

/* ---- live --------------------------------------------------------------------------------------
 */

static int64_t until(int64_t then_ms, int64_t now_ms)
{
    return then_ms > now_ms ? then_ms - now_ms : 0;
}

/* Until the next question is due, or the page is older than DRAW_MS: ages are shown, too. */
static int64_t wait_ms_of(const struct top *top)
{
    int64_t now_ms = clock_mono_ms();
    int64_t draw_ms = until(top->drawn_ms + DRAW_MS, now_ms);
    int64_t ask_ms = until(top->asked_ms + top->options.interval_ms, now_ms);

    return !top->asking && ask_ms < draw_ms ? ask_ms : draw_ms;
}

static int watch(struct top *top)
{
    for (;;) {
        enum terminal_event event = TERMINAL_NOTHING;
        int64_t now_ms = clock_mono_ms();
        bool redraw = now_ms - top->drawn_ms >= DRAW_MS;

        if (!top->asking && now_ms - top->asked_ms >= top->options.interval_ms) {
            ask(top, top->terminal.rows);
        }
        if (rest_wait(top->rest, top->terminal.files, TERMINAL_FILES, wait_ms_of(top))) {
            take(top);
            redraw = true;
        }
        event = terminal_look(&top->terminal);
        if (event == TERMINAL_END) {
            return TOP_OK;
        }
        if (event == TERMINAL_REDRAW) {
            top->asked_ms = INT64_MIN / 2; /* a larger one has room for more */
            redraw = true;
        }
        if (event == TERMINAL_GONE || (redraw && !draw(top))) {
            return TOP_FAILED;
        }
    }
}

static int run_live(struct top *top)
{
    struct ctr_error error = {.text = ""};
    int code = TOP_OK;

    if (terminal_open(&top->terminal, &error) != CTR_OK) {
        return complain(error.text, TOP_FAILED);
    }
    top->asked_ms = INT64_MIN / 2;
    code = draw(top) ? watch(top) : TOP_FAILED;
    terminal_close(&top->terminal);
    return code;
}

int top_main(int argc, char **argv)
{
    struct top *top = calloc(1, sizeof *top);
    struct ctr_error error = {.text = ""};
    int code = TOP_OK;

    if (top == NULL) {
        return complain("out of memory", TOP_FAILED);
    }
    if (top_options_parse(argc, argv, &top->options, &error) == CTR_OK && top->options.help) {
        manual_write_help(&verb_top, stdout);
    } else if (error.text[0] != '\0' ||
               rest_open(&top->options.rest, &top->rest, &error) != CTR_OK) {
        code = complain(error.text, TOP_USAGE);
    } else {
        bool live = !top->options.once && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;

        top->answered_ms = clock_mono_ms();
        code = live ? run_live(top) : print_once(top);
    }
    rest_close(top->rest);
    if (top->has_reply) {
        reply_done(&top->reply);
    }
    free(top);
    return code;
}
