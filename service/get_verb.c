/* SPDX-License-Identifier: Apache-2.0 */
#include "service/get_verb.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "service/figures_text.h"
#include "service/manual.h"
#include "service/printable.h"
#include "service/reply.h"
#include "service/rest.h"
#include "service/verb.h"
#include "storage/moment.h"

enum {
    NAME_COLUMNS = 2000,
    NAME_BYTES = 4 * NAME_COLUMNS + 4,
    WAIT_MS = 1000,
    PROBLEM_BYTES = 512
};

struct get_options {
    const char *page, *box, *window;
    bool json, help;
    struct rest_options rest;
};

static int complain(const char *words, int code)
{
    char shown[4 * PROBLEM_BYTES + 4];

    (void)printable(words, PROBLEM_BYTES, shown, sizeof shown);
    (void)fprintf(stderr, "livectr get: %s\n", shown);
    return code;
}

static enum ctr_status set(struct get_options *options, const struct verb_flag *flag,
                           struct ctr_error *reterr)
{
    const struct {
        const char *name, **into;
    } texts[] = {{"--page", &options->page},
                 {"--box", &options->box},
                 {"--window", &options->window},
                 {"--url", &options->rest.url},
                 {"--token-file", &options->rest.token_file},
                 {"--ca-file", &options->rest.ca_file}};

    if (flag->row == NULL) {
        return ctr_fail(reterr, CTR_INVALID,
                        "what is \"%.100s\"? A page is named by --page, a box by --box",
                        flag->value);
    }
    options->json = options->json || strcmp(flag->row->name, "--json") == 0;
    options->help = options->help || strcmp(flag->row->name, "--help") == 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(flag->row->name, texts[i].name) == 0) {
            *texts[i].into = flag->value;
        }
    }
    if (strcmp(flag->row->name, "--timeout") == 0 &&
        (!moment_parse_span(flag->value, strlen(flag->value), &options->rest.timeout_ms) ||
         options->rest.timeout_ms < 1 || options->rest.timeout_ms > INT32_MAX)) {
        return ctr_fail(reterr, CTR_INVALID, "--timeout %.60s: wanted a span like 500ms or 5s",
                        flag->value);
    }
    return CTR_OK;
}

/* "/offer/list opbox.carousel.1", or what it is where nothing is named. */
static void print_name(const struct get_options *options)
{
    char shown[NAME_BYTES];

    if (options->page == NULL && options->box == NULL) {
        (void)fputs("the site", stdout);
    }
    if (options->page != NULL) {
        (void)printable(options->page, NAME_COLUMNS, shown, sizeof shown);
        (void)printf("%s%s", shown, options->box == NULL ? "" : " ");
    }
    if (options->box != NULL) {
        (void)printable(options->box, NAME_COLUMNS, shown, sizeof shown);
        (void)fputs(shown, stdout);
    }
}

static void print_reply(const struct get_options *options, const struct reply *reply)
{
    const struct reply_row *row = &reply->rows[0];

    print_name(options);
    if (row->has_ctr) {
        (void)printf(": CTR %s %% (95 %%: %s to %s), ", figure_percent(row->ctr).text,
                     figure_percent(row->low).text, figure_percent(row->high).text);
    } else {
        (void)fputs(": no CTR, ", stdout);
    }
    (void)printf("%s clicks of %s impressions in %s up to %.19sZ", figure_count(row->clicks).text,
                 figure_count(row->impressions).text, reply->window, reply->to);
    if (reply->coverage < 1) {
        (void)printf(" (%s %% of it was read)", figure_percent(reply->coverage).text);
    }
    (void)printf(", %s, %s behind\n", reply->state, figure_span(reply->lag_ms).text);
}

static int show(const struct get_options *options, const struct rest_answer *answer)
{
    struct reply reply;
    struct ctr_error error = {.text = ""};
    int code = GET_OK;

    if (reply_read(answer->body, answer->length, &reply, &error) != CTR_OK) {
        return complain(error.text, GET_NO_ANSWER);
    }
    if (options->json) {
        (void)fwrite(answer->body, 1, answer->length, stdout);
        (void)fputc('\n', stdout);
    } else {
        print_reply(options, &reply);
    }
    if (strcmp(reply.state, "live") != 0) {
        code = GET_NOT_LIVE;
    } else if (!reply.rows[0].has_ctr) {
        code = GET_NO_CTR;
    }
    reply_done(&reply);
    if (fflush(stdout) != 0) {
        return complain("the answer cannot be written", GET_NO_ANSWER);
    }
    return code;
}

static int ask(const struct get_options *options, struct rest *rest)
{
    static struct rest_target target;
    struct ctr_error error = {.text = ""};
    struct rest_answer answer;
    char words[PROBLEM_BYTES];

    rest_target_begin(&target, "/v1/ctr");
    rest_target_add(rest, &target, "page", options->page);
    rest_target_add(rest, &target, "box", options->box);
    rest_target_add(rest, &target, "window", options->window);
    if (rest_begin(rest, &target, &error) != CTR_OK) {
        return complain(error.text, GET_USAGE);
    }
    while (!rest_wait(rest, NULL, 0, WAIT_MS)) {
    }
    answer = rest_answer(rest);
    if (!answer.reached) {
        (void)snprintf(words, sizeof words, "%s: %s", rest_url(rest), answer.trouble);
        return complain(words, GET_NO_ANSWER);
    }
    if (answer.status != 200) {
        reply_problem(answer.status, answer.body, answer.length, words, sizeof words);
        return complain(words, answer.status == 400 ? GET_USAGE : GET_NO_ANSWER);
    }
    return show(options, &answer);
}

int get_main(int argc, char **argv)
{
    struct get_options options = {.rest = {.timeout_ms = 5000}};
    struct ctr_error error = {.text = ""};
    struct rest *rest = NULL;
    int code = GET_OK;

    for (int i = 0; i < argc;) {
        struct verb_flag flag;

        if (verb_next_flag(&verb_get, argc, argv, &i, &flag, &error) != CTR_OK ||
            set(&options, &flag, &error) != CTR_OK) {
            return complain(error.text, GET_USAGE);
        }
    }
    if (options.help) {
        manual_write_help(&verb_get, stdout);
        return GET_OK;
    }
    if (rest_open(&options.rest, &rest, &error) != CTR_OK) {
        return complain(error.text, GET_USAGE);
    }
    code = ask(&options, rest);
    rest_close(rest);
    return code;
}
