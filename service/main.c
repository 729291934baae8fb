/* SPDX-License-Identifier: Apache-2.0
 *
 * livectr: which verb was asked for. Everything else is in the libraries.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/demo.h"
#include "service/replay.h"
#include "service/serve.h"

static int print_usage(FILE *to, int code)
{
    (void)fputs(
        "usage: livectr VERB [...]\n\n"
        "Live click-through rates of pages and boxes, from Kafka, over HTTP.\n\n"
        "  serve     run the service\n"
        "  demo      the service with a Kafka stand-in and traffic of known CTR, to look at\n"
        "  replay    produce events from NDJSON or CSV files to a topic, or count them offline\n"
        "  help      this text; livectr VERB --help for one verb\n"
        "  version   the version\n",
        to);
    return code;
}

static int print_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)puts("livectr " LIVECTR_VERSION);
    return 0;
}

static int print_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return print_usage(stdout, 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"serve", serve_main},      {"demo", demo_main},         {"replay", replay_main},
                 {"help", print_help},       {"--help", print_help},      {"-h", print_help},
                 {"version", print_version}, {"--version", print_version}};

    if (argc < 2) {
        return print_usage(stderr, 2);
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            int code = verbs[i].run(argc - 2, argv + 2);

            /* A library's thread may still hang on a broker: the exit handlers of other libraries
             * must not run under it. */
            (void)fflush(NULL);
            _exit(code);
        }
    }
    (void)fprintf(stderr, "livectr: there is no verb \"%.40s\"\n\n", argv[1]);
    return print_usage(stderr, 2);
}
