/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "service/config.h"
#include "service/manual.h"

struct span_text {
    char text[32];
};

/* In the largest unit that it is a whole number of. */
static struct span_text span_text(int64_t span_ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{INT64_C(86400000), "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    struct span_text span = {.text = "0s"};

    for (size_t i = 0; span_ms > 0 && i < sizeof units / sizeof units[0]; i++) {
        if (span_ms % units[i].ms == 0) {
            (void)snprintf(span.text, sizeof span.text, "%" PRId64 "%s", span_ms / units[i].ms,
                           units[i].name);
            break;
        }
    }
    return span;
}

static void choices_text(const struct option *option, char *ret_text)
{
    size_t used = 0;

    for (size_t i = 0; i < OPTION_CHOICES_MAX && option->choices[i] != NULL; i++) {
        size_t length = strlen(option->choices[i]);

        CTR_ASSERT(used + 2 + length < MANUAL_VALUES_BYTES);
        memcpy(ret_text + used, ", ", 2);
        used += i == 0 ? 0 : 2;
        memcpy(ret_text + used, option->choices[i], length);
        used += length;
    }
    ret_text[used] = '\0';
}

void manual_values(const struct option *option, char ret_text[MANUAL_VALUES_BYTES])
{
    static const char *const words[] = {
        [OPTION_ADDRESS] = "HOST:PORT",
        [OPTION_WINDOWS] = "1 to 8 durations, 1s to 400d, with commas",
        [OPTION_START] = "horizon, earliest, latest, or a time",
        [OPTION_TOPICS] = "NAME, NAME:view or NAME:click, with commas",
        [OPTION_FILTER] = "FIELD=VALUE",
    };
    const char *off = option->off_allowed ? ", or off" : "";

    switch (option->kind) {
    case OPTION_TEXT:
        (void)snprintf(ret_text, MANUAL_VALUES_BYTES, "%s",
                       option->choices[0] == NULL ? "text" : option->choices[0]);
        break;
    case OPTION_SPAN:
        (void)snprintf(ret_text, MANUAL_VALUES_BYTES, "%s to %s%s", span_text(option->min).text,
                       span_text(option->max).text, off);
        break;
    case OPTION_NUMBER:
        (void)snprintf(ret_text, MANUAL_VALUES_BYTES, "%" PRId64 " to %" PRId64, option->min,
                       option->max);
        break;
    case OPTION_BYTES:
        (void)snprintf(ret_text, MANUAL_VALUES_BYTES, "%" PRId64 "m to %" PRId64 "g%s",
                       option->min >> 20, option->max >> 30, off);
        break;
    case OPTION_CHOICE:
        choices_text(option, ret_text);
        break;
    case OPTION_ADDRESS:
    case OPTION_WINDOWS:
    case OPTION_START:
    case OPTION_TOPICS:
    case OPTION_FILTER:
    default:
        (void)snprintf(ret_text, MANUAL_VALUES_BYTES, "%s", words[option->kind]);
    }
}

/* What would end a cell of a table, or begin a tag, is no sign. */
static void write_cell(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        (void)fprintf(to, "%s%c", *text == '|' || *text == '*' || *text == '<' ? "\\" : "", *text);
    }
    (void)fputs(" |", to);
}

static void write_row(FILE *to, const struct option *option)
{
    bool has_preset = option->preset != NULL && *option->preset != '\0';
    char values[MANUAL_VALUES_BYTES];

    manual_values(option, values);
    (void)fprintf(to, "| `%s` | %s%s%s | ", option->name, has_preset ? "`" : "",
                  has_preset ? option->preset : "", has_preset ? "`" : "");
    write_cell(to, values);
    (void)fprintf(to, " %s | ", config_option_live(option) ? "yes" : "");
    write_cell(to, option->help);
    (void)fputc('\n', to);
}

static const char head[] =
    "# Settings\n\n"
    "Made by `./dev docs` of the table that the program itself uses (service/config_table.c); "
    "`livectr serve --help` and `man livectr` are made of it, too.\n\n"
    "Every setting has one name and three doors, later ones winning:\n\n"
    "1. `key = value`, a line of the file that `--config` or `LIVECTR_CONFIG` names; `#` begins a "
    "comment. `packaging/livectr.conf` is one to start from.\n"
    "2. `LIVECTR_KEY` in the environment; `LIVECTR_KAFKA_SASL_USERNAME` is `kafka.sasl.username`.\n"
    "3. `--key value` on the command line.\n\n"
    "A name that is not there, or a value that cannot be, stops the start with the place, the "
    "reason and the nearest name. Durations are written `500ms`, `10s`, `10m`, `48h`, `8d`; bytes "
    "`512m`, `3g`. *SIGHUP* says whether a new value takes effect on that signal; the others wait "
    "for the next start. Three are enough to begin with: `brokers`, `topics` and `data_dir`.\n";

void manual_write_settings(FILE *to)
{
    const char *group = "";

    (void)fputs(head, to);
    for (size_t i = 0; i < config_options_count; i++) {
        if (strcmp(group, config_options[i].group) != 0) {
            group = config_options[i].group;
            (void)fprintf(to,
                          "\n## %s\n\n| setting | default | values | SIGHUP | what |\n"
                          "|---|---|---|---|---|\n",
                          group);
        }
        write_row(to, &config_options[i]);
    }
    (void)fputs("\n## librdkafka\n\n`kafka.NAME = VALUE` goes to librdkafka as NAME, whatever it "
                "is: `kafka.security.protocol`, `kafka.sasl.mechanisms`, `kafka.ssl.ca.location`. "
                "Up to 64 of them.\n",
                to);
}
