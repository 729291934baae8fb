/* SPDX-License-Identifier: Apache-2.0
 *
 * What the system tests need from Kafka: topics, records in, records out, a live flood. Shares no
 * code with the service. Verbs and options: `ktool --help`. Results go to stdout, all else to
 * stderr; exit 0 only if everything that was asked for was done.
 */
#include "tests/support/ktool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const option_names[OPTION_COUNT] = {
    [BROKERS] = "-b",
    [RATE] = "--rate",
    [TOPICS] = "--topics",
    [SECONDS] = "--seconds",
    [SEED] = "--seed",
    [PAGES] = "--pages",
    [BOXES] = "--boxes",
    [VISITORS] = "--visitors",
    [CLICK_PERCENT] = "--click-percent",
    [PARTITIONS] = "--partitions",
    [LEADERS] = "--leaders",
    [TIMEOUT] = "--timeout",
    [BEGIN] = "--begin",
    [UNTIL] = "--until",
    [KEY] = "--key",
    [LZ4] = "--lz4", /* the only one without a value */
};

static const char usage_text[] =
    "Usage: ktool VERB -b BROKERS [options] [arguments]\n"
    "\n"
    "  create TOPIC PARTITIONS [config=value...] [--leaders 1,2,...]\n"
    "        makes a topic and waits until each partition has a leader\n"
    "  partitions TOPIC COUNT\n"
    "        grows a topic to COUNT partitions\n"
    "  delete-records TOPIC PARTITION OFFSET\n"
    "        removes what lies before OFFSET (-1: everything)\n"
    "  delete TOPIC\n"
    "        removes a topic and waits until the brokers do not know it any more\n"
    "  produce [--rate N] [--lz4] [--timeout SECONDS] [--key TEXT]\n"
    "        reads lines from stdin, fields parted by tabs:\n"
    "        topic, partition (-1: by hash of the value), record time in ms (-1: now),\n"
    "        raw|b64|null, value (the rest of the line); waits for all acknowledgements\n"
    "  transact ID commit|commit-late|abort|hang|none\n"
    "        the same lines in one transaction; commit-late waits 4 s before it, hang leaves it\n"
    "        open, none ends an open one\n"
    "  dump TOPIC...\n"
    "        every record up to the ends at the start, one JSON object a line\n"
    "  ends TOPIC [--timeout SECONDS]\n"
    "        low and high offset and leader per partition, one JSON object a line\n"
    "  flood --topics views:view,clicks:click|events [--rate N] [--seconds S] [--seed X]\n"
    "        [--pages P] [--boxes B] [--visitors V] [--click-percent C]\n"
    "        [--partitions all|0,1,...] [--lz4] [--timeout SECONDS]\n"
    "        exactly rate x seconds events with the time of day, paced; a click follows a view\n"
    "  outage TOPIC --begin MS --until MS [--rate N] [--lz4] [--timeout SECONDS]\n"
    "        events dated from MS on, rate a second of that time: what is past as fast as it "
    "goes,\n"
    "        the rest as it comes, until SIGTERM; record i is a function of i alone\n"
    "        (ktool_outage.c has it)\n";

_Noreturn void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "ktool: %s: %s\n", what, why);
    exit(1);
}

int64_t to_number(const char *text, const char *what)
{
    char *end;
    int64_t number = strtoll(text, &end, 10);

    if (*text == '\0' || *end != '\0') {
        die(what, "not a number");
    }
    return number;
}

int64_t option_number(const struct args *args, enum option option, int64_t otherwise)
{
    const char *text = args->values[option];

    return text == NULL ? otherwise : to_number(text, option_names[option]);
}

uint32_t option_bounded(const struct args *args, enum option option, int64_t otherwise,
                        int64_t least)
{
    int64_t number = option_number(args, option, otherwise);

    if (number < least || number > 1000000000) {
        die(option_names[option], "out of range");
    }
    return (uint32_t)number;
}

static void parse(int argc, char **argv, struct args *ret_args)
{
    memset(ret_args, 0, sizeof *ret_args);
    for (int i = 2; i < argc; i++) {
        int option = 0;

        while (option < OPTION_COUNT && strcmp(argv[i], option_names[option]) != 0) {
            option++;
        }
        if (option == OPTION_COUNT && strncmp(argv[i], "--", 2) == 0) {
            die(argv[i], "no such option (ktool --help)");
        } else if (option == OPTION_COUNT && ret_args->rest_count == REST_MAX) {
            die(argv[i], "too many arguments");
        } else if (option == OPTION_COUNT) {
            ret_args->rest[ret_args->rest_count++] = argv[i];
        } else if (option != LZ4 && i + 1 == argc) {
            die(argv[i], "needs a value");
        } else {
            ret_args->values[option] = option == LZ4 ? "yes" : argv[++i];
        }
    }
    if (ret_args->values[BROKERS] == NULL) {
        die("-b", "the brokers are missing (ktool --help)");
    }
}

void need_rest(const struct args *args, int least)
{
    if (args->rest_count < least) {
        die("arguments", "too few (ktool --help)");
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct args *args);
    } verbs[] = {
        {"create", verb_create},
        {"partitions", verb_partitions},
        {"delete-records", verb_delete_records},
        {"produce", verb_produce},
        {"dump", verb_dump},
        {"ends", verb_ends},
        {"flood", verb_flood},
        {"outage", verb_outage},
        {"transact", verb_transact},
        {"delete", verb_delete},
    };
    struct args args;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        (void)fputs(usage_text, argc < 2 ? stderr : stdout);
        return argc < 2 ? 1 : 0;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            parse(argc, argv, &args);
            return verbs[i].run(&args);
        }
    }
    die(argv[1], "no such verb (ktool --help)");
}
