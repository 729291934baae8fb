/* SPDX-License-Identifier: Apache-2.0 */
#include "service/demo_options.h"

#include <stdlib.h>
#include <string.h>

#include "service/near.h"

static const char *const names[] = {"--seconds", "--rate",  "--seed",
                                    "--window",  "--kafka", "--help"};

static bool known(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum ctr_status unknown(const char *name, struct ctr_error *reterr)
{
    struct near_miss miss;

    near_miss_init(&miss, name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        near_miss_add(&miss, names[i], strlen(names[i]));
    }
    return ctr_fail(reterr, CTR_INVALID, "unknown option %s%s (livectr demo --help lists them)",
                    name, near_miss_sentence(&miss));
}

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

/* value NULL: there is none. */
static enum ctr_status set(struct demo_options *options, const char *name, const char *value,
                           struct ctr_error *reterr)
{
    double number = 0;
    char *end = NULL;

    if (!known(name)) {
        return unknown(name, reterr);
    }
    if (!value) {
        return ctr_fail(reterr, CTR_INVALID, "%s needs a value behind it", name);
    }
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
    char name[64];

    for (int i = 0; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        bool joined = argv[i][length] == '=';
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        const char *value = joined ? argv[i] + length + 1 : next;

        if (length >= sizeof name) {
            length = sizeof name - 1;
        }
        memcpy(name, argv[i], length);
        name[length] = '\0';
        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
            *ret_options = (struct demo_options){.help = true};
            return CTR_OK;
        }
        if (set(&options, name, value, reterr) != CTR_OK) {
            return CTR_INVALID;
        }
        i += !joined;
    }
    *ret_options = options;
    return CTR_OK;
}

const char *demo_help(void)
{
    return "Usage: livectr demo [options]\n"
           "\n"
           "Runs the whole service on made-up traffic whose true click-through rates are known,\n"
           "through a stand-in for Kafka inside the process, and shows a live table of measured\n"
           "against true. Needs nothing, leaves nothing behind. Ctrl-C ends it.\n"
           "\n"
           "  --seconds N      end by itself after N seconds; exit code 1 if no CTR was seen\n"
           "  --rate N         events per second (200)\n"
           "  --seed N         of the traffic (1): the same seed makes the same visits\n"
           "  --window NAME    the window shown: 1m, 10m (default), 1h or 24h\n"
           "  --kafka BROKERS  a real Kafka instead: makes the topic livectr-demo, which stays\n"
           "                   there, with records kept for a day\n"
           "\n"
           "The API listens on 127.0.0.1:8080 and the admin listener on 127.0.0.1:8081, or on "
           "free\n"
           "ports where those are taken. A listed CTR is clicks / impressions in the window; 19\n"
           "of 20 true values lie in their 95 % interval, after the first seconds (a click comes "
           "up\n"
           "to 3 s after its view).\n";
}
