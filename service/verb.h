/* SPDX-License-Identifier: Apache-2.0
 *
 * What livectr can be told, as data: --help, the manual page and the completions are made of it
 * (manual.h), and flags are looked up in it, so that what is written and what is taken are one.
 * Static data. Thread: any, unless said otherwise.
 */
#ifndef LIVECTR_SERVICE_VERB_H
#define LIVECTR_SERVICE_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "storage/status.h"

/* A flag; or, where only `group` is set, a heading; or, where only `help` is, a paragraph. */
struct verb_row {
    const char *name; /* "--page" */
    const char
        *value; /* what stands behind it ("PAGE"; FILE and DIR are completed), NULL: nothing */
    const char *preset;  /* NULL: none */
    const char *choices; /* words with commas between, to complete; NULL: none */
    const char *help;    /* one sentence, no full stop */
    const char *group;
};

struct verb_code {
    int code;
    const char *means; /* NULL ends the list */
};

struct verb {
    const char *name;
    const char *summary;         /* a few words for `livectr help` */
    const char *const *usage;    /* each without "livectr NAME "; NULL ends it, as below */
    const char *const *intro;    /* paragraphs */
    const struct verb_row *rows; /* a row of nothing ends it; NULL: none */
    const char *const *words;    /* what may stand behind the verb, to complete; NULL: nothing */
    const char *const *notes;    /* paragraphs behind the flags; NULL: none */
    const char *const *examples; /* lines, as they are typed; NULL: none */
    const struct verb_code *codes;
    bool settings; /* any setting of the service is a flag, too */
    bool files;    /* names of files may stand behind it */
    int (*run)(int argc, char **argv);
};

/* A flag of a command line with its value, or what is none. */
struct verb_flag {
    const struct verb_row *row; /* NULL: `value` is no flag */
    char *value;                /* borrowed from argv; NULL: it takes none */
};

/* All verbs, in the order of `livectr help`. */
extern const struct verb *const verbs[];
extern const size_t verbs_count;

/* Verbs whose own files name them. */
extern const struct verb verb_demo, verb_replay, verb_token, verb_snapshot, verb_serve, verb_get,
    verb_top;

/* NULL: there is none. */
const struct verb *verb_find(const char *name);
const struct verb_row *verb_find_row(const struct verb *verb, const char *name);

/* Whether a row is a flag; a heading or paragraph is none. */
bool verb_row_is_flag(const struct verb_row *row);
bool verb_row_is_last(const struct verb_row *row);

/* Reads argv[*at], and the value behind it where it has one; *at moves behind what was read. Takes
 * --flag VALUE, --flag=VALUE, -h for --help. A lone - and what does not begin with one is no flag.
 * Errors: CTR_INVALID with the way out. */
CTR_MUST_USE enum ctr_status verb_next_flag(const struct verb *verb, int argc, char **argv, int *at,
                                            struct verb_flag *ret_flag, struct ctr_error *reterr);

#endif
