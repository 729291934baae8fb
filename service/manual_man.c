/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "service/manual.h"

/* Text as roff takes it: no dash is a hyphen (it could not be copied), no line begins a request. */
static void write_text(FILE *to, const char *text)
{
    if (*text == '.' || *text == '\'') {
        (void)fputs("\\&", to);
    }
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            (void)fputs("\\-", to);
        } else if (*text == '\\') {
            (void)fputs("\\e", to);
        } else {
            (void)fputc(*text, to);
        }
    }
}

static void write_line(FILE *to, const char *text)
{
    write_text(to, text);
    (void)fputc('\n', to);
}

/* The first one of a section needs no beginning. */
static void write_paragraphs(FILE *to, const char *const *paragraphs, bool section)
{
    for (size_t i = 0; paragraphs != NULL && paragraphs[i] != NULL; i++) {
        (void)fputs(section && i == 0 ? "" : ".PP\n", to);
        write_line(to, paragraphs[i]);
    }
}

static void write_usage(FILE *to, const struct verb *verb)
{
    for (size_t i = 0; verb->usage[i] != NULL; i++) {
        (void)fprintf(to, "\\fBlivectr %s\\fR ", verb->name);
        write_text(to, verb->usage[i]);
        (void)fputs("\n.br\n", to);
    }
}

static void write_flag(FILE *to, const struct verb_row *row)
{
    (void)fputs(".TP\n\\fB", to);
    write_text(to, row->name);
    (void)fputs("\\fR", to);
    if (row->value != NULL) {
        (void)fputs(" \\fI", to);
        write_text(to, row->value);
        (void)fputs("\\fR", to);
    }
    (void)fputc('\n', to);
    write_text(to, row->help);
    if (row->preset != NULL) {
        (void)fputs(" [", to);
        write_text(to, row->preset);
        (void)fputc(']', to);
    }
    (void)fputc('\n', to);
}

static void write_verb(FILE *to, const struct verb *verb)
{
    (void)fprintf(to, ".SS livectr %s\n", verb->name);
    write_paragraphs(to, verb->intro, true);
    for (const struct verb_row *row = verb->rows; !verb_row_is_last(row); row++) {
        if (verb_row_is_flag(row)) {
            write_flag(to, row);
        } else {
            (void)fprintf(to, ".PP\n%s", row->group == NULL ? "" : "\\fI");
            write_text(to, row->group == NULL ? row->help : row->group);
            (void)fprintf(to, "%s\n", row->group == NULL ? "" : "\\fR");
        }
    }
    write_paragraphs(to, verb->notes, false);
    (void)fputs(".PP\nExit codes:\n", to);
    for (const struct verb_code *code = verb->codes; code->means != NULL; code++) {
        (void)fprintf(to, ".TP\n\\fB%d\\fR\n", code->code);
        write_line(to, code->means);
    }
    if (verb->examples != NULL) {
        (void)fputs(".PP\nExample:\n.PP\n.RS\n.nf\n", to);
        for (size_t i = 0; verb->examples[i] != NULL; i++) {
            write_line(to, verb->examples[i]);
        }
        (void)fputs(".fi\n.RE\n", to);
    }
}

static void write_setting(FILE *to, const struct option *option)
{
    char values[MANUAL_VALUES_BYTES];

    manual_values(option, values);
    (void)fprintf(to, ".TP\n\\fB%s\\fR", option->name);
    (void)fputs(" = \\fI", to);
    write_text(to, values);
    (void)fputs("\\fR\n", to);
    write_text(to, option->help);
    if (option->preset != NULL && *option->preset != '\0') {
        (void)fputs(" [", to);
        write_text(to, option->preset);
        (void)fputc(']', to);
    }
    (void)fprintf(to, "%s\n", config_option_live(option) ? " (SIGHUP)" : "");
}

static void write_settings(FILE *to)
{
    const char *group = "";

    (void)fputs(".SH SETTINGS\nof \\fBlivectr serve\\fR and, where it counts offline, \\fBlivectr "
                "replay\\fR. A setting \\fIkey\\fR is a line \\fIkey\\fR = \\fIvalue\\fR of the "
                "file that \\fB\\-\\-config\\fR names, LIVECTR_\\fIKEY\\fR in the environment, "
                "and \\fB\\-\\-\\fR\\fIkey value\\fR; later ones win. Those with (SIGHUP) change "
                "at that signal, the others at the next start.\n",
                to);
    for (size_t i = 0; i < config_options_count; i++) {
        if (strcmp(group, config_options[i].group) != 0) {
            group = config_options[i].group;
            (void)fprintf(to, ".SS %s\n", group);
        }
        write_setting(to, &config_options[i]);
    }
    (void)fputs(".SS librdkafka\n.TP\n\\fBkafka.\\fR\\fINAME\\fR = \\fIVALUE\\fR\ngoes to "
                "librdkafka as NAME\n",
                to);
}

static const char tail[] =
    ".SH FILES\n"
    ".TP\n\\fI/etc/livectr/livectr.conf\\fR\nsettings of the packaged service\n"
    ".TP\n\\fI/var/lib/livectr\\fR\nits data_dir: livectr.db and livectr.2.db with all that was "
    "counted, hash.key with the secret that visitor ids are hashed with\n"
    ".TP\n\\fI/usr/share/doc/livectr\\fR\nconfiguration.md, operations.md, metrics.md, "
    "definitions.md, problems.md, and examples\n"
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBLIVECTR_\\fR\\fIKEY\\fR\na setting of \\fBlivectr serve\\fR; LIVECTR_CONFIG is "
    "\\fB\\-\\-config\\fR\n"
    ".TP\n\\fBLIVECTR_URL\\fR, \\fBLIVECTR_BEARER\\fR\nwhere \\fBget\\fR and \\fBtop\\fR ask, "
    "and their bearer token\n"
    ".TP\n\\fBNO_COLOR\\fR, \\fBTERM\\fR\n\\fBtop\\fR has no colours where the first is set or "
    "the second is dumb\n"
    ".SH SEE ALSO\n"
    "GET /docs of a running service has the API; docs/operations.md says how it is run.\n";

void manual_write_man(FILE *to)
{
    (void)fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n"
                ".\\\" Made by ./dev docs of service/verbs.c and service/config_table.c.\n"
                ".TH LIVECTR 1 \"\" \"livectr " LIVECTR_VERSION "\" \"User Commands\"\n"
                ".SH NAME\nlivectr \\- live click\\-through rates from Kafka, over HTTP\n"
                ".SH SYNOPSIS\n",
                to);
    for (size_t i = 0; i < verbs_count; i++) {
        write_usage(to, verbs[i]);
    }
    (void)fputs("\\fBlivectr help\\fR\n.br\n\\fBlivectr version\\fR\n.SH DESCRIPTION\n"
                "Reads views and clicks of boxes on pages from Kafka, keeps exact click\\-through "
                "rates over rolling windows of event time, and answers over HTTP.\n"
                ".SH COMMANDS\n",
                to);
    for (size_t i = 0; i < verbs_count; i++) {
        write_verb(to, verbs[i]);
    }
    write_settings(to);
    (void)fputs(tail, to);
}
