/* SPDX-License-Identifier: Apache-2.0 */
#include "service/manual.h"

#include <stdlib.h>
#include <string.h>

#include "service/config.h"

enum { COLUMNS = 80, TERM_COLUMNS_MAX = 24 };

/* Words of `text`, no line longer than COLUMNS where words allow it; `used` columns of the first
 * line are taken, the others begin with `indent` blanks. */
static void write_wrapped(FILE *to, const char *text, size_t indent, size_t used)
{
    bool begun = false;

    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, " ");

        if (begun && used + 1 + length > COLUMNS) {
            (void)fprintf(to, "\n%*s", (int)indent, "");
            used = indent;
        } else if (begun) {
            (void)fputc(' ', to);
            used++;
        }
        (void)fwrite(at, 1, length, to);
        used += length;
        begun = true;
        at += length;
        at += strspn(at, " ");
    }
    (void)fputc('\n', to);
}

static void write_paragraphs(FILE *to, const char *const *paragraphs)
{
    for (size_t i = 0; paragraphs != NULL && paragraphs[i] != NULL; i++) {
        (void)fputc('\n', to);
        write_wrapped(to, paragraphs[i], 0, 0);
    }
}

static size_t term_length(const struct verb_row *row)
{
    return strlen(row->name) + (row->value == NULL ? 0 : 1 + strlen(row->value));
}

static void write_flag(FILE *to, const struct verb_row *row, size_t column)
{
    size_t used = (size_t)fprintf(to, "  %s%s%s", row->name, row->value == NULL ? "" : " ",
                                  row->value == NULL ? "" : row->value);
    char help[512];

    if (used + 2 > column) {
        (void)fprintf(to, "\n%*s", (int)column, "");
    } else {
        (void)fprintf(to, "%*s", (int)(column - used), "");
    }
    (void)snprintf(help, sizeof help, "%s%s%s%s", row->help, row->preset == NULL ? "" : " [",
                   row->preset == NULL ? "" : row->preset, row->preset == NULL ? "" : "]");
    write_wrapped(to, help, column, column);
}

static void write_rows(FILE *to, const struct verb_row *rows)
{
    size_t column = 0;

    for (const struct verb_row *row = rows; !verb_row_is_last(row); row++) {
        size_t length = verb_row_is_flag(row) ? term_length(row) : 0;

        column = length > column && length <= TERM_COLUMNS_MAX ? length : column;
    }
    column += 4;
    if (verb_row_is_flag(rows)) {
        (void)fputc('\n', to);
    }
    for (const struct verb_row *row = rows; !verb_row_is_last(row); row++) {
        if (verb_row_is_flag(row)) {
            write_flag(to, row, column);
        } else if (row->group != NULL) {
            (void)fprintf(to, "\n%s\n", row->group);
        } else {
            (void)fputs("  ", to);
            write_wrapped(to, row->help, 2, 2);
        }
    }
}

static void write_settings(FILE *to)
{
    char *settings = config_help();

    (void)fprintf(to, "\n%s", settings == NULL ? "(out of memory)\n" : settings);
    free(settings);
}

void manual_write_help(const struct verb *verb, FILE *to)
{
    for (size_t i = 0; verb->usage[i] != NULL; i++) {
        (void)fprintf(to, "%s livectr %s %s\n", i == 0 ? "Usage:" : "      ", verb->name,
                      verb->usage[i]);
    }
    write_paragraphs(to, verb->intro);
    write_rows(to, verb->rows);
    if (verb->settings) {
        write_settings(to);
    }
    write_paragraphs(to, verb->notes);
    (void)fputs("\nExit codes\n", to);
    for (const struct verb_code *code = verb->codes; code->means != NULL; code++) {
        (void)fprintf(to, "  %-3d ", code->code);
        write_wrapped(to, code->means, 6, 6);
    }
    for (size_t i = 0; verb->examples != NULL && verb->examples[i] != NULL; i++) {
        (void)fprintf(to, "%s  %s\n", i == 0 ? "\nExample\n" : "", verb->examples[i]);
    }
}

char *manual_help(const struct verb *verb)
{
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);

    if (to == NULL) {
        return NULL;
    }
    manual_write_help(verb, to);
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void manual_write_usage(FILE *to)
{
    (void)fputs("Usage: livectr VERB [...]\n\n"
                "Live click-through rates of pages and boxes, from Kafka, over HTTP.\n\n",
                to);
    for (size_t i = 0; i < verbs_count; i++) {
        (void)fprintf(to, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
    }
    (void)fputs("  help      this text; livectr VERB --help for one verb, man livectr for all\n"
                "  version   the version\n",
                to);
}
