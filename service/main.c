/* SPDX-License-Identifier: Apache-2.0
 *
 * livectr: which verb was asked for. Everything else is in the libraries.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/manual.h"
#include "service/standard_files.h"
#include "service/verb.h"

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
    manual_write_usage(stdout);
    return 0;
}

/* A library's thread may still hang on a broker: the exit handlers of other libraries must not run
 * under it. */
static void leave(int code)
{
    (void)fflush(NULL);
    _exit(code);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } others[] = {{"help", print_help},
                  {"--help", print_help},
                  {"-h", print_help},
                  {"version", print_version},
                  {"--version", print_version}};
    const struct verb *verb = NULL;

    standard_files_open();
    if (argc < 2) {
        manual_write_usage(stderr);
        return 2;
    }
    verb = verb_find(argv[1]);
    if (verb != NULL) {
        leave(verb->run(argc - 2, argv + 2));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(argv[1], others[i].name) == 0) {
            leave(others[i].run(argc - 2, argv + 2));
        }
    }
    (void)fprintf(stderr, "livectr: there is no verb \"%.40s\"\n\n", argv[1]);
    manual_write_usage(stderr);
    return 2;
}
