/* SPDX-License-Identifier: Apache-2.0
 *
 * A new flag is one row of replay_help.c, and its setter here.
 */
#include "service/replay_flags.h"

#include <stdlib.h>
#include <string.h>

#include "service/near.h"
#include "service/verb.h"
#include "storage/moment.h"

static enum ctr_status refuse(struct replay_flags *flags, const char *value, const char *wanted)
{
    return ctr_fail(flags->reterr, CTR_INVALID, "%s %s: wanted %s", flags->flag, value, wanted);
}

static enum ctr_status set_topic(struct replay_flags *flags, char *value)
{
    flags->topic = value;
    return CTR_OK;
}

static enum ctr_status set_split(struct replay_flags *flags, char *value)
{
    flags->split = value;
    return CTR_OK;
}

static enum ctr_status set_map(struct replay_flags *flags, char *value)
{
    return replay_map_add(&flags->options->map, value, false, flags->reterr);
}

static enum ctr_status set_constant(struct replay_flags *flags, char *value)
{
    return replay_map_add(&flags->options->map, value, true, flags->reterr);
}

static enum ctr_status set_click_if(struct replay_flags *flags, char *value)
{
    return replay_map_click(&flags->options->map, value, flags->reterr);
}

static enum ctr_status set_click_after(struct replay_flags *flags, char *value)
{
    flags->click_after_given = true;
    if (!moment_parse_span(value, strlen(value), &flags->options->map.click_after_ms)) {
        return refuse(flags, value, "a span like 500ms, 2s, 10m");
    }
    return CTR_OK;
}

static enum ctr_status set_separator(struct replay_flags *flags, char *value)
{
    flags->separator_given = true;
    flags->options->separator = strcmp(value, "tab") == 0 ? '\t' : value[0];
    if (flags->options->separator != '\t' && (strlen(value) != 1 || strchr("\"\r\n", value[0]))) {
        return refuse(flags, value, "one byte, or the word tab");
    }
    return CTR_OK;
}

static bool read_positive(const char *value, double *ret_number)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || (*end && strcmp(end, "x") != 0) || !(number > 0) || number > 1e12) {
        return false;
    }
    *ret_number = number;
    return true;
}

static enum ctr_status set_speed(struct replay_flags *flags, char *value)
{
    flags->speed_given = true;
    flags->options->speed = 0;
    if (strcmp(value, "max") != 0 && !read_positive(value, &flags->options->speed)) {
        return refuse(flags, value, "max, or a multiple of real time like 1 or 100x");
    }
    return CTR_OK;
}

static enum ctr_status set_rate(struct replay_flags *flags, char *value)
{
    if (!read_positive(value, &flags->options->rate)) {
        return refuse(flags, value, "events per second, more than 0");
    }
    return CTR_OK;
}

static enum ctr_status set_from(struct replay_flags *flags, char *value)
{
    if (!moment_parse(value, strlen(value), &flags->options->from_ms)) {
        return refuse(flags, value, "RFC 3339 like 2019-11-24T00:00:00Z");
    }
    return CTR_OK;
}

static enum ctr_status set_until(struct replay_flags *flags, char *value)
{
    if (!moment_parse(value, strlen(value), &flags->options->until_ms)) {
        return refuse(flags, value, "RFC 3339 like 2019-11-24T00:00:00Z");
    }
    return CTR_OK;
}

static enum ctr_status set_partitions(struct replay_flags *flags, char *value)
{
    char *end;
    long count = strtol(value, &end, 10);

    if (end == value || *end || count < 1 || count > 10000) {
        return refuse(flags, value, "a number of partitions, 1 to 10000");
    }
    flags->options->partitions = (uint32_t)count;
    return CTR_OK;
}

static enum ctr_status set_key(struct replay_flags *flags, char *value)
{
    if (strcmp(value, "visitor") == 0) {
        flags->options->key = REPLAY_KEY_VISITOR;
    } else if (strcmp(value, "page") == 0) {
        flags->options->key = REPLAY_KEY_PAGE;
    } else if (strcmp(value, "none") == 0) {
        flags->options->key = REPLAY_KEY_NONE;
    } else {
        return refuse(flags, value, "visitor, page or none");
    }
    return CTR_OK;
}

static enum ctr_status set_csv(struct replay_flags *flags, char *value)
{
    (void)value;
    flags->options->csv = true;
    return CTR_OK;
}

static enum ctr_status set_dry_run(struct replay_flags *flags, char *value)
{
    (void)value;
    flags->options->dry_run = true;
    return CTR_OK;
}

static enum ctr_status set_offline(struct replay_flags *flags, char *value)
{
    (void)value;
    flags->options->offline = true;
    return CTR_OK;
}

static enum ctr_status set_dump(struct replay_flags *flags, char *value)
{
    flags->options->dump = value;
    return CTR_OK;
}

static enum ctr_status set_format(struct replay_flags *flags, char *value)
{
    flags->format_given = true;
    if (strcmp(value, "csv") != 0 && strcmp(value, "ndjson") != 0) {
        return refuse(flags, value, "ndjson or csv");
    }
    flags->options->format = strcmp(value, "csv") == 0 ? REPLAY_CSV : REPLAY_NDJSON;
    return CTR_OK;
}

static enum ctr_status set_output(struct replay_flags *flags, char *value)
{
    flags->options->output = strcmp(value, "-") == 0 ? NULL : value;
    return CTR_OK;
}

static enum ctr_status set_help(struct replay_flags *flags, char *value)
{
    (void)value;
    flags->options->help = true;
    return CTR_OK;
}

enum ctr_status replay_flags_hand_on(struct replay_flags *flags, char *argument)
{
    if (flags->handed_on_count == REPLAY_HANDED_ON_MAX) {
        return ctr_fail(flags->reterr, CTR_INVALID, "%s: too many settings; use --config",
                        argument);
    }
    flags->handed_on[flags->handed_on_count++] = argument;
    return CTR_OK;
}

/* clang-format off */
static const struct flag {
    const char *name;
    enum ctr_status (*set)(struct replay_flags *flags, char *value); /* NULL: hand on */
} flag_table[] = {
    {"--brokers", NULL},
    {"--config", NULL},
    {"--topic", set_topic},
    {"--split-topics", set_split},
    {"--create", set_partitions},
    {"--partition-by", set_key},
    {"--csv", set_csv},
    {"--separator", set_separator},
    {"--map", set_map},
    {"--set", set_constant},
    {"--click-if", set_click_if},
    {"--click-after", set_click_after},
    {"--speed", set_speed},
    {"--rate", set_rate},
    {"--from", set_from},
    {"--until", set_until},
    {"--dry-run", set_dry_run},
    {"--offline", set_offline},
    {"--dump", set_dump},
    {"--format", set_format},
    {"--output", set_output},
    {"--help", set_help},
    {"-h", set_help},
};
/* clang-format on */

enum { FLAGS = sizeof flag_table / sizeof *flag_table };

/* What is none of the above: settings, which config_load() judges. */
static const struct flag kafka_flag = {"--kafka.", NULL};
static const struct flag setting_flag = {"--", NULL};

/* What no help names is not taken either. */
static bool is_written(const char *name)
{
    return strcmp(name, "-h") == 0 || verb_find_row(&verb_replay, name) != NULL;
}

static bool has_value(const struct flag *flag)
{
    const struct verb_row *row = verb_find_row(&verb_replay, flag->name);

    return flag == &kafka_flag || flag == &setting_flag || (row != NULL && row->value != NULL);
}

static const struct flag *find_flag(struct replay_flags *flags, const char *name)
{
    struct near_miss miss;

    if (strncmp(name, kafka_flag.name, strlen(kafka_flag.name)) == 0) {
        return &kafka_flag;
    }
    near_miss_init(&miss, name);
    for (size_t i = 0; i < FLAGS; i++) {
        if (strcmp(name, flag_table[i].name) == 0 && is_written(name)) {
            return &flag_table[i];
        }
        near_miss_add(&miss, flag_table[i].name, strlen(flag_table[i].name));
    }
    if (flags->options->offline && strncmp(name, setting_flag.name, 2) == 0) {
        return &setting_flag;
    }
    (void)ctr_fail(flags->reterr, CTR_INVALID,
                   "unknown option %s%s (livectr replay --help lists them)", name,
                   near_miss_sentence(&miss));
    return NULL;
}

static enum ctr_status add_file(struct replay_flags *flags, const char *name)
{
    struct replay_options *options = flags->options;

    if (options->files_count == REPLAY_FILES_MAX) {
        return ctr_fail(flags->reterr, CTR_LIMIT, "more than %d files", REPLAY_FILES_MAX);
    }
    options->files[options->files_count++] = name;
    return CTR_OK;
}

/* --flag, --flag value or --flag=value at *at, which moves to the last argument that was used. */
static enum ctr_status read_flag(struct replay_flags *flags, int argc, char **argv, int *at)
{
    char *argument = argv[*at];
    size_t length = strcspn(argument, "=");
    bool joined = argument[length] == '=';
    const struct flag *flag;
    char *value = joined ? argument + length + 1 : NULL;

    if (length >= sizeof flags->flag) {
        length = sizeof flags->flag - 1;
    }
    memcpy(flags->flag, argument, length);
    flags->flag[length] = '\0';
    flag = find_flag(flags, flags->flag);
    if (!flag) {
        return CTR_INVALID;
    }
    if (joined && !has_value(flag)) {
        return ctr_fail(flags->reterr, CTR_INVALID, "%s takes no value", flags->flag);
    }
    if (has_value(flag) && !joined) {
        if (*at + 1 == argc) {
            return ctr_fail(flags->reterr, CTR_INVALID, "%s needs a value behind it", flags->flag);
        }
        value = argv[++*at];
    }
    if (strcmp(flag->name, "--brokers") == 0) {
        flags->brokers_given = true;
    }
    if (flag->set) {
        return flag->set(flags, value);
    }
    if (replay_flags_hand_on(flags, argument) != CTR_OK ||
        (!joined && replay_flags_hand_on(flags, value) != CTR_OK)) {
        return CTR_INVALID;
    }
    return CTR_OK;
}

enum ctr_status replay_flags_read(struct replay_flags *flags, int argc, char **argv)
{
    bool only_files = false;
    enum ctr_status status = CTR_OK;

    /* It decides what other flags there are. */
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        flags->options->offline = flags->options->offline || strcmp(argv[i], "--offline") == 0;
    }
    for (int i = 0; i < argc && status == CTR_OK; i++) {
        if (!only_files && strcmp(argv[i], "--") == 0) {
            only_files = true;
        } else if (!only_files && argv[i][0] == '-' && argv[i][1] != '\0') {
            status = read_flag(flags, argc, argv, &i);
        } else {
            status = add_file(flags, argv[i]);
        }
    }
    return status;
}
