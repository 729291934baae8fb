/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion for bash and zsh: lists, and as little shell as reads them.
 */
#include <string.h>

#include "service/manual.h"

struct flag_writer {
    FILE *to;
    const struct verb *verb;
    void (*write)(const struct flag_writer *writer, const char *dashes, const struct verb_row *row);
};

/* Calls write() for each flag of the verb, settings included, whose names lack the dashes. */
static void each_flag(const struct flag_writer *writer)
{
    const struct verb *verb = writer->verb;

    for (const struct verb_row *row = verb->rows; !verb_row_is_last(row); row++) {
        if (verb_row_is_flag(row)) {
            writer->write(writer, "", row);
        }
    }
    for (size_t i = 0; verb->settings && i < config_options_count; i++) {
        const struct option *option = &config_options[i];
        char choices[MANUAL_VALUES_BYTES] = "";
        const bool choice = option->kind == OPTION_CHOICE;
        const bool path = option->kind == OPTION_TEXT && option->choices[0] != NULL;
        struct verb_row row = {.name = option->name,
                               .value = path ? option->choices[0] : "VALUE",
                               .help = option->help,
                               .choices = choice ? choices : NULL};
        size_t used = 0;

        for (size_t n = 0; choice && n < OPTION_CHOICES_MAX && option->choices[n] != NULL; n++) {
            used += (size_t)snprintf(choices + used, sizeof choices - used, "%s%s",
                                     n == 0 ? "" : ",", option->choices[n]);
        }
        writer->write(writer, "--", &row);
    }
}

/* ---- bash --------------------------------------------------------------------------------------
 */

static void write_bash_flag(const struct flag_writer *writer, const char *dashes,
                            const struct verb_row *row)
{
    (void)fprintf(writer->to, " %s%s", dashes, row->name);
}

/* What comes behind a flag that takes a value: 'token --scope') kind=words words='read stream' ;;
 */
static void write_bash_value(const struct flag_writer *writer, const char *dashes,
                             const struct verb_row *row)
{
    FILE *to = writer->to;

    if (row->value == NULL) {
        return;
    }
    (void)fprintf(to, "    '%s %s%s') kind=", writer->verb->name, dashes, row->name);
    if (row->choices != NULL) {
        (void)fputs("words words='", to);
        for (const char *at = row->choices; *at != '\0'; at++) {
            (void)fputc(*at == ',' ? ' ' : *at, to);
        }
        (void)fputc('\'', to);
    } else if (strcmp(row->value, "FILE") == 0) {
        (void)fputs("files", to);
    } else if (strcmp(row->value, "DIR") == 0) {
        (void)fputs("folders", to);
    } else {
        (void)fputs("none", to);
    }
    (void)fputs(" ;;\n", to);
}

static void write_bash_verb(FILE *to, const struct verb *verb)
{
    const struct flag_writer names = {to, verb, write_bash_flag};

    (void)fprintf(to, "    %s) words='", verb->name);
    for (size_t i = 0; verb->words != NULL && verb->words[i] != NULL; i++) {
        (void)fprintf(to, "%s%s", i == 0 ? "" : " ", verb->words[i]);
    }
    each_flag(&names);
    (void)fprintf(to, "'%s ;;\n", verb->files ? " kind=words_or_files" : "");
}

static const char bash_head[] =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# bash completion for livectr, made by ./dev docs of service/verbs.c and "
    "service/config_table.c.\n"
    "# shellcheck shell=bash\n"
    "_livectr() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb=${COMP_WORDS[1]-} words='' kind=words\n"
    "    COMPREPLY=()\n"
    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W '";

static const char bash_tail[] = "    *) return ;;\n"
                                "    esac\n"
                                "    case \"$verb $before\" in\n";

static const char bash_end[] =
    "    esac\n"
    "    case $kind in\n"
    "    words) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\") ;;\n"
    "    words_or_files) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\"; compgen -f "
    "-- \"$word\") ;;\n"
    "    files) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
    "    folders) mapfile -t COMPREPLY < <(compgen -d -- \"$word\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -o filenames -F _livectr livectr\n";

void manual_write_bash(FILE *to)
{
    (void)fputs(bash_head, to);
    for (size_t i = 0; i < verbs_count; i++) {
        (void)fprintf(to, "%s ", verbs[i]->name);
    }
    (void)fputs("help version' -- \"$word\")\n        return\n    fi\n    case $verb in\n", to);
    for (size_t i = 0; i < verbs_count; i++) {
        write_bash_verb(to, verbs[i]);
    }
    (void)fputs(bash_tail, to);
    for (size_t i = 0; i < verbs_count; i++) {
        const struct flag_writer values = {to, verbs[i], write_bash_value};

        each_flag(&values);
    }
    (void)fputs(bash_end, to);
}

/* ---- zsh ---------------------------------------------------------------------------------------
 */

/* In single quotes, within the brackets and colons of _arguments. */
static void write_zsh_text(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            (void)fputs("'\\''", to);
        } else {
            (void)fprintf(to, "%s%c", strchr("[]:\\", *text) != NULL ? "\\" : "", *text);
        }
    }
}

static void write_zsh_flag(const struct flag_writer *writer, const char *dashes,
                           const struct verb_row *row)
{
    FILE *to = writer->to;

    (void)fprintf(to, " \\\n            '*%s%s[", dashes, row->name);
    write_zsh_text(to, row->help);
    (void)fputc(']', to);
    if (row->value != NULL) {
        (void)fputc(':', to);
        write_zsh_text(to, row->value);
        (void)fputc(':', to);
        if (row->choices != NULL) {
            (void)fputc('(', to);
            for (const char *at = row->choices; *at != '\0'; at++) {
                (void)fputc(*at == ',' ? ' ' : *at, to);
            }
            (void)fputc(')', to);
        } else if (strcmp(row->value, "FILE") == 0) {
            (void)fputs("_files", to);
        } else if (strcmp(row->value, "DIR") == 0) {
            (void)fputs("_files -/", to);
        }
    }
    (void)fputc('\'', to);
}

static void write_zsh_verb(FILE *to, const struct verb *verb)
{
    const struct flag_writer flags = {to, verb, write_zsh_flag};

    (void)fprintf(to, "    %s)\n        _arguments", verb->name);
    each_flag(&flags);
    for (size_t i = 0; verb->words != NULL && verb->words[i] != NULL; i++) {
        (void)fprintf(to, "%s%s", i == 0 ? " \\\n            '1:what:(" : " ", verb->words[i]);
    }
    (void)fprintf(to, "%s%s\n        ;;\n", verb->words == NULL ? "" : ")'",
                  verb->files ? " \\\n            '*:file:_files'" : "");
}

void manual_write_zsh(FILE *to)
{
    (void)fputs("#compdef livectr\n# SPDX-License-Identifier: Apache-2.0\n"
                "# zsh completion for livectr, made by ./dev docs of service/verbs.c and "
                "service/config_table.c.\n"
                "_livectr() {\n    local -a verbs\n    verbs=(\n",
                to);
    for (size_t i = 0; i < verbs_count; i++) {
        (void)fprintf(to, "        '%s:", verbs[i]->name);
        write_zsh_text(to, verbs[i]->summary);
        (void)fputs("'\n", to);
    }
    (void)fputs("        'help:this text'\n        'version:the version'\n    )\n"
                "    if ((CURRENT == 2)); then\n        _describe verb verbs\n        return\n"
                "    fi\n    local verb=$words[2]\n    shift words\n    ((CURRENT--))\n"
                "    case $verb in\n",
                to);
    for (size_t i = 0; i < verbs_count; i++) {
        write_zsh_verb(to, verbs[i]);
    }
    (void)fputs("    esac\n}\n_livectr \"$@\"\n", to);
}
