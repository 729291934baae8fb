/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs `livectr replay`, or another verb, inside a test and catches what it prints.
 */
#ifndef LIVECTR_TESTS_SUPPORT_VERB_H
#define LIVECTR_TESTS_SUPPORT_VERB_H

#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/replay.h"

enum { VERB_ARGUMENTS_MAX = 64, VERB_TEXT_BYTES = 16 << 20, VERB_PATH_BYTES = 264 };

static char verb_out[VERB_PATH_BYTES], verb_err[VERB_PATH_BYTES];
static char verb_printed[VERB_TEXT_BYTES], verb_said[VERB_TEXT_BYTES]; /* by the newest run */

static int (*verb_main)(int argc, char **argv) = replay_main;

/* Two files in `folder` serve for it, which verb_done() removes. */
static inline void verb_use(const char *folder)
{
    snprintf(verb_out, sizeof verb_out, "%.250s/out", folder);
    snprintf(verb_err, sizeof verb_err, "%.250s/err", folder);
}

static inline void verb_done(void)
{
    unlink(verb_out);
    unlink(verb_err);
}

static inline void verb_slurp(const char *from, char *text)
{
    FILE *file = fopen(from, "rb");
    size_t length;

    assert_non_null(file);
    length = fread(text, 1, VERB_TEXT_BYTES - 1, file);
    text[length] = '\0';
    fclose(file);
}

/* Points a standard stream at a file and returns a copy of what it was. */
static inline int verb_redirect(FILE *stream, const char *to)
{
    int saved, target = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    fflush(stream);
    saved = dup(fileno(stream));
    assert_true(target >= 0 && saved >= 0);
    dup2(target, fileno(stream));
    close(target);
    return saved;
}

static inline void verb_restore(FILE *stream, int saved)
{
    fflush(stream);
    dup2(saved, fileno(stream));
    close(saved);
}

/* Runs the verb; what it printed is in verb_printed, what it said to the user in verb_said. */
static inline int verb_run(const char *flags, const char *file)
{
    char copy[2048];
    char *argv[VERB_ARGUMENTS_MAX];
    int argc = 0, code, saved_out, saved_err;

    snprintf(copy, sizeof copy, "%s %s", flags, file);
    for (char *at = copy; *at; at += strspn(at, " ")) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at) {
            *at++ = '\0';
        }
    }
    saved_out = verb_redirect(stdout, verb_out);
    saved_err = verb_redirect(stderr, verb_err);
    code = verb_main(argc, argv);
    verb_restore(stdout, saved_out);
    verb_restore(stderr, saved_err);
    verb_slurp(verb_out, verb_printed);
    verb_slurp(verb_err, verb_said);
    return code;
}

#endif
