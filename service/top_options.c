/* SPDX-License-Identifier: Apache-2.0 */
#include "service/top_options.h"

#include <string.h>

#include "service/verb.h"
#include "storage/moment.h"

enum { TIMEOUT_MS = 3000, INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 3600000 };

/* A word that the table of verbs lists; what it does not list would be refused only by the service,
 * when the screen is drawn already. */
static enum ctr_status check_choice(const struct verb_flag *flag, struct ctr_error *reterr)
{
    const char *choices = flag->row->choices;
    size_t length = strlen(flag->value);

    for (const char *at = choices; *at != '\0'; at += strcspn(at, ","), at += *at == ',' ? 1 : 0) {
        if (strcspn(at, ",") == length && memcmp(at, flag->value, length) == 0) {
            return CTR_OK;
        }
    }
    return ctr_fail(reterr, CTR_INVALID, "%s %.60s: wanted one of %s", flag->row->name, flag->value,
                    choices);
}

static enum ctr_status set(struct top_options *options, const struct verb_flag *flag,
                           struct ctr_error *reterr)
{
    const struct {
        const char *name, **into;
        bool listed;
    } texts[] = {{"--level", &options->level, true},
                 {"--by", &options->by, true},
                 {"--window", &options->window, false},
                 {"--page", &options->page, false},
                 {"--min-impressions", &options->min_impressions, false},
                 {"--url", &options->rest.url, false},
                 {"--token-file", &options->rest.token_file, false},
                 {"--ca-file", &options->rest.ca_file, false}};

    if (flag->row == NULL) {
        return ctr_fail(reterr, CTR_INVALID,
                        "what is \"%.100s\"? (livectr top --help lists the options)", flag->value);
    }
    options->once = options->once || strcmp(flag->row->name, "--once") == 0;
    options->help = options->help || strcmp(flag->row->name, "--help") == 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(flag->row->name, texts[i].name) == 0) {
            *texts[i].into = flag->value;
            return texts[i].listed ? check_choice(flag, reterr) : CTR_OK;
        }
    }
    if (strcmp(flag->row->name, "--interval") == 0 &&
        (!moment_parse_span(flag->value, strlen(flag->value), &options->interval_ms) ||
         options->interval_ms < INTERVAL_MIN_MS || options->interval_ms > INTERVAL_MAX_MS)) {
        return ctr_fail(reterr, CTR_INVALID, "--interval %.60s: wanted a span from 100ms to 1h",
                        flag->value);
    }
    return CTR_OK;
}

enum ctr_status top_options_parse(int argc, char **argv, struct top_options *ret_options,
                                  struct ctr_error *reterr)
{
    *ret_options = (struct top_options){
        .level = "placement",
        .by = "ctr_low",
        .interval_ms = 1000,
        .rest = {.timeout_ms = TIMEOUT_MS},
    };
    for (int i = 0; i < argc;) {
        struct verb_flag flag;

        if (verb_next_flag(&verb_top, argc, argv, &i, &flag, reterr) != CTR_OK ||
            set(ret_options, &flag, reterr) != CTR_OK) {
            return CTR_INVALID;
        }
    }
    return CTR_OK;
}
