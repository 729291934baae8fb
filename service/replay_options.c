/* SPDX-License-Identifier: Apache-2.0
 *
 * What belongs to every verb (--config, --brokers, --kafka.*) is handed on to config_load(), so
 * that a replay reaches the cluster exactly as the service does.
 */
#include "service/replay_options.h"

#include <stdlib.h>
#include <string.h>

#include "service/replay_flags.h"

/* The topics each type of event goes to, and what config_load() is to believe about them. */
static enum ctr_status settle_topics(struct replay_flags *flags)
{
    struct replay_options *options = flags->options;
    char *comma = flags->split ? strchr(flags->split, ',') : NULL;

    if (flags->topic && flags->split) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "--topic and --split-topics exclude each other");
    }
    if (flags->split && (!comma || comma == flags->split || !comma[1] || strchr(comma + 1, ','))) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "--split-topics %s: wanted two names, VIEWS,CLICKS", flags->split);
    }
    if (!flags->topic && !flags->split && !options->dry_run) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "where to? Add --topic TOPIC (or --dry-run to only look)");
    }
    if (flags->split) {
        *comma = '\0';
        options->topics[EVENT_VIEW] = flags->split;
        options->topics[EVENT_CLICK] = comma + 1;
    } else {
        options->topics[EVENT_VIEW] = options->topics[EVENT_CLICK] = flags->topic;
    }
    return CTR_OK;
}

static enum ctr_status check_input(struct replay_flags *flags)
{
    struct replay_options *options = flags->options;
    const struct replay_map *map = &options->map;

    if (options->files_count == 0) {
        return ctr_fail(flags->reterr, CTR_INVALID, "which files? Name them, or - for stdin");
    }
    if (options->from_ms >= options->until_ms) {
        return ctr_fail(flags->reterr, CTR_INVALID, "--from must lie before --until");
    }
    if (options->rate > 0 && flags->speed_given) {
        return ctr_fail(flags->reterr, CTR_INVALID, "--speed and --rate exclude each other");
    }
    if (flags->click_after_given && !map->click_column[0]) {
        return ctr_fail(flags->reterr, CTR_INVALID, "--click-after needs --click-if");
    }
    if (options->csv) {
        return replay_map_check(&options->map, flags->reterr);
    }
    if (map->click_column[0] || flags->separator_given || map->constants[REPLAY_PAGE] ||
        map->constants[REPLAY_BOX] || map->constants[REPLAY_VISITOR]) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "--click-if, --separator and --set (but for the type) need --csv: NDJSON "
                        "lines are produced as they are");
    }
    return CTR_OK;
}

/* How the lines of NDJSON name their fields: the configuration's names, unless mapped here. */
static enum ctr_status settle_fields(struct replay_flags *flags)
{
    struct config_fields *fields = &flags->options->config.fields;
    struct {
        char *name;
        size_t size;
    } targets[REPLAY_FIELDS] = {
        [REPLAY_TYPE] = {fields->type, sizeof fields->type},
        [REPLAY_TS] = {fields->ts, sizeof fields->ts},
        [REPLAY_PAGE] = {fields->page, sizeof fields->page},
        [REPLAY_BOX] = {fields->box, sizeof fields->box},
        [REPLAY_VISITOR] = {fields->visitor, sizeof fields->visitor},
        [REPLAY_ID] = {fields->id, sizeof fields->id},
    };

    for (size_t i = 0; i < REPLAY_FIELDS; i++) {
        const char *name = flags->options->map.columns[i];

        if (!name) {
            continue;
        }
        if (strlen(name) >= targets[i].size) {
            return ctr_fail(flags->reterr, CTR_INVALID, "--map: \"%s\" is too long", name);
        }
        memcpy(targets[i].name, name, strlen(name) + 1);
    }
    return CTR_OK;
}

/* How this verb reaches the cluster is what the service's own settings say. Rows of CSV become
 * events with the names of the defaults, whatever the service is told to read. */
static enum ctr_status load_config(struct replay_flags *flags, char **environment)
{
    static char topics_flag[] = "--topics", no_topic[] = "unused";
    static char brokers_flag[] = "--brokers", no_brokers[] = "localhost:9092";
    struct config *config = &flags->options->config;
    struct config_fields fields;
    enum ctr_status status = replay_flags_hand_on(flags, topics_flag);

    if (status == CTR_OK) {
        status = replay_flags_hand_on(flags, no_topic);
    }
    if (status == CTR_OK && flags->options->dry_run && !flags->brokers_given) {
        status = replay_flags_hand_on(flags, brokers_flag);
    }
    if (status == CTR_OK && flags->options->dry_run && !flags->brokers_given) {
        status = replay_flags_hand_on(flags, no_brokers);
    }
    if (status != CTR_OK) {
        return status;
    }
    config_defaults(config);
    fields = config->fields;
    status =
        config_load(flags->handed_on_count, flags->handed_on, environment, config, flags->reterr);
    if (status == CTR_OK && flags->options->csv) {
        config->fields = fields;
        status = config_set(config, "view_types", "view", "livectr replay", flags->reterr);
    }
    if (status == CTR_OK && flags->options->csv) {
        status = config_set(config, "click_types", "click", "livectr replay", flags->reterr);
    }
    return status;
}

enum ctr_status replay_options_parse(int argc, char **argv, char **environment,
                                     struct replay_options *ret_options, struct ctr_error *reterr)
{
    struct replay_flags flags = {.options = ret_options, .reterr = reterr};
    enum ctr_status status;

    *ret_options = (struct replay_options){
        .separator = ',',
        .map = {.click_after_ms = 2000},
        .from_ms = INT64_MIN,
        .until_ms = INT64_MAX,
    };
    status = replay_flags_read(&flags, argc, argv);
    if (status != CTR_OK || ret_options->help) {
        return status;
    }
    status = check_input(&flags);
    if (status == CTR_OK) {
        status = settle_topics(&flags);
    }
    if (status == CTR_OK) {
        status = load_config(&flags, environment);
    }
    if (status == CTR_OK && !ret_options->csv) {
        status = settle_fields(&flags);
    }
    return status;
}
