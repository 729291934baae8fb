/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that tells a user what livectr can be told, written from two tables: the verbs
 * (verb.h) and the settings (config_table.h). `livectr VERB --help` prints one part of it; the
 * rest is kept in the tree (packaging/livectr.1, packaging/completion/, docs/configuration.md), so
 * that a build needs nothing to have it; `./dev docs` writes it anew, a test compares. Thread: any.
 */
#ifndef LIVECTR_SERVICE_MANUAL_H
#define LIVECTR_SERVICE_MANUAL_H

#include <stdio.h>

#include "service/config_table.h"
#include "service/verb.h"

enum { MANUAL_VALUES_BYTES = 160 };

/* `livectr help`. */
void manual_write_usage(FILE *to);

/* `livectr VERB --help`. */
void manual_write_help(const struct verb *verb, FILE *to);

/* The same as malloc'ed text; NULL: no memory. */
char *manual_help(const struct verb *verb);

/* The manual page, in man(7)'s macros. No date, so that the same source is the same page. */
void manual_write_man(FILE *to);

/* docs/configuration.md. */
void manual_write_settings(FILE *to);

/* What bash and zsh source. */
void manual_write_bash(FILE *to);
void manual_write_zsh(FILE *to);

/* What values a setting takes, in words: "100ms to 1h, or off". */
void manual_values(const struct option *option, char ret_text[MANUAL_VALUES_BYTES]);

#endif
