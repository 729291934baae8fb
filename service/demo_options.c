/* SPDX-License-Identifier: Apache-2.0 */
#include "service/demo_options.h"

#include <stdlib.h>
#include <string.h>

#include "service/verb.h"

static enum ctr_status read_number(const char *name, const char *value, double max,
                                   double *ret_number, struct ctr_error *reterr)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || *end || !(number > 0) || number > max) {
        return ctr_fail(reterr, CTR_INVALID, "%s %s: wanted a number above 0 and up to %.0f", name,
                        value, max);
    }
    *ret_number = number;
    return CTR_OK;
}

static enum ctr_status set(struct demo_options *options, const char *name, const char *value,
                           struct ctr_error *reterr)
{
    double number = 0;
    char *end = NULL;

    if (strcmp(name, "--rate") == 0) {
        return read_number(name, value, 1e5, &options->rate, reterr);
    }
    if (strcmp(name, "--seconds") == 0) {
        if (read_number(name, value, 1e6, &number, reterr) != CTR_OK) {
            return CTR_INVALID;
        }
        options->seconds = number < 1 ? 1 : (int64_t)number;
    } else if (strcmp(name, "--seed") == 0) {
        options->seed = strtoull(value, &end, 10);
        if (end == value || *end) {
            return ctr_fail(reterr, CTR_INVALID, "--seed %s: wanted a whole number", value);
        }
    } else if (strcmp(name, "--window") == 0) {
        options->window = value;
    } else {
        options->kafka = value;
    }
    return CTR_OK;
}

enum ctr_status demo_options_parse(int argc, char **argv, struct demo_options *ret_options,
                                   struct ctr_error *reterr)
{
    struct demo_options options = {.rate = 200, .seed = 1};
    struct verb_flag flag;

    for (int i = 0; i < argc;) {
        if (verb_next_flag(&verb_demo, argc, argv, &i, &flag, reterr) != CTR_OK) {
            return CTR_INVALID;
        }
        if (flag.row == NULL) {
            return ctr_fail(reterr, CTR_INVALID,
                            "unknown option %s (livectr demo --help lists them)", flag.value);
        }
        if (strcmp(flag.row->name, "--help") == 0) {
            *ret_options = (struct demo_options){.help = true};
            return CTR_OK;
        }
        if (set(&options, flag.row->name, flag.value, reterr) != CTR_OK) {
            return CTR_INVALID;
        }
    }
    *ret_options = options;
    return CTR_OK;
}
