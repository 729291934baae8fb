/* SPDX-License-Identifier: Apache-2.0
 *
 * What belongs to every verb (--config, --brokers, --kafka.*) is handed on to config_load(), so
 * that a replay reaches the cluster exactly as the service does.
 */
#include "service/replay_options.h"

#include <stdio.h>
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
    if (!flags->topic && !flags->split && !options->dry_run && !options->offline) {
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

/* What only one of producing and counting knows. */
static enum ctr_status check_offline(const struct replay_flags *flags)
{
    const struct replay_options *options = flags->options;
    bool ranged = options->from_ms != INT64_MIN || options->until_ms != INT64_MAX;

    if (!options->offline && (options->dump || options->output || flags->format_given)) {
        return ctr_fail(flags->reterr, CTR_INVALID, "--dump, --output and --format need --offline");
    }
    if (options->offline &&
        (flags->topic || flags->split || options->dry_run || options->partitions > 0 ||
         options->key != REPLAY_KEY_VISITOR || flags->speed_given || options->rate > 0)) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "--offline produces nothing: --topic, --split-topics, --create, "
                        "--partition-by, --dry-run, --speed and --rate do not go with it");
    }
    if (options->dump && options->files_count > 0) {
        return ctr_fail(flags->reterr, CTR_INVALID, "--dump and files exclude each other");
    }
    if ((options->dump || options->from_kafka) && (options->csv || ranged)) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "--csv, --from and --until are for files; name some");
    }
    if (options->files_count > 0 && flags->brokers_given && options->offline) {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "--offline reads files or --brokers, not both; leave one out");
    }
    return CTR_OK;
}

static enum ctr_status check_input(struct replay_flags *flags)
{
    struct replay_options *options = flags->options;
    const struct replay_map *map = &options->map;
    enum ctr_status status = check_offline(flags);

    if (status != CTR_OK || options->dump || options->from_kafka) {
        return status;
    }
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

/* Counting knows every setting of the service; what Kafka needs may be missing where none is read.
 */
static enum ctr_status load_settings(struct replay_flags *flags, char **environment)
{
    struct replay_options *options = flags->options;
    struct config *config = &options->config;
    const char *type = options->csv ? NULL : options->map.constants[REPLAY_TYPE];
    char topics[64];
    enum ctr_status status =
        config_read(flags->handed_on_count, flags->handed_on, environment, config, flags->reterr);

    if (status == CTR_OK && options->from_kafka && config->brokers[0] == '\0') {
        return ctr_fail(flags->reterr, CTR_INVALID,
                        "what to read? Name files, --dump FILE, or --brokers and --topics");
    }
    if (status == CTR_OK && !options->from_kafka) {
        status = config_set(config, "brokers", "none", "livectr replay", flags->reterr);
    }
    if (status == CTR_OK && !options->from_kafka && !options->dump) {
        (void)snprintf(topics, sizeof topics, REPLAY_FILES_TOPIC "%s%s", type ? ":" : "",
                       type ? type : "");
        status = config_set(config, "topics", topics, "livectr replay", flags->reterr);
    }
    if (status == CTR_OK && options->dump && config->topics_count == 0) {
        options->any_topic = true;
        status = config_set(config, "topics", "any", "livectr replay", flags->reterr);
    }
    if (status == CTR_OK && options->from_kafka && !config->start_given) {
        status = config_set(config, "start", "earliest", "livectr replay", flags->reterr);
    }
    return status == CTR_OK ? config_check(config, flags->reterr) : status;
}

/* How this verb reaches the cluster is what the service's own settings say. Rows of CSV become
 * events with the names of the defaults, whatever the service is told to read. */
static enum ctr_status load_cluster(struct replay_flags *flags, char **environment)
{
    static char topics_flag[] = "--topics", no_topic[] = "unused";
    static char brokers_flag[] = "--brokers", no_brokers[] = "localhost:9092";
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
    return status == CTR_OK ? config_load(flags->handed_on_count, flags->handed_on, environment,
                                          &flags->options->config, flags->reterr)
                            : status;
}

static enum ctr_status load_config(struct replay_flags *flags, char **environment)
{
    struct config *config = &flags->options->config;
    struct config_fields fields;
    enum ctr_status status = CTR_OK;

    config_defaults(config);
    fields = config->fields;
    status = flags->options->offline ? load_settings(flags, environment)
                                     : load_cluster(flags, environment);
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
    ret_options->from_kafka =
        ret_options->offline && !ret_options->dump && ret_options->files_count == 0;
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
