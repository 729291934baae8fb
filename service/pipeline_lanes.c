/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipeline's partitions: where each begins, and what is missing before that.
 */
#include <stdlib.h>
#include <string.h>

#include "service/log.h"
#include "service/pipeline_internal.h"
#include "storage/moment.h"

static enum topic_type type_of(const struct config *config, const char *topic)
{
    for (size_t i = 0; i < config->topics_count; i++) {
        if (strcmp(config->topics[i].name, topic) == 0) {
            return config->topics[i].type;
        }
    }
    return TOPIC_TYPE_FROM_EVENT;
}

/* How much later than its record an event may be. */
static int64_t ahead_of_record(const struct config *config)
{
    return config->future_ms == INT64_MAX ? 0 : config->future_ms;
}

/* Where a stretch begins that is to be covered whole: an event may be that much later than its
 * record, and whether a click counts may hang on one that much older. */
static int64_t before_covered(const struct config *config)
{
    return ahead_of_record(config) + (config->click_gap_ms == INT64_MAX ? 0 : config->click_gap_ms);
}

/* CONTRACT 10. From where the widest window's `from` lies, less what an event may be ahead of its
 * record. */
static struct source_start horizon(const struct pipeline *pipeline, int64_t *ret_from_ms)
{
    const struct config *config = pipeline->options.config;
    const struct window *widest = &config->windows.items[config->windows.count - 1];

    *ret_from_ms = window_from_ms(widest, pipeline->started_ms - config->settle_ms);
    return (struct source_start){.kind = START_TIME,
                                 .value = *ret_from_ms - ahead_of_record(config)};
}

static struct source_start where_to_start(const struct pipeline *pipeline,
                                          const struct partition *partition)
{
    const struct config *config = pipeline->options.config;
    int64_t from_ms = 0;

    if (partition_next(partition) >= 0) {
        return (struct source_start){.kind = START_OFFSET,
                                     .value = partition_next(partition),
                                     .prove = partition->print.offset >= 0,
                                     .proof = partition->print.offset};
    }
    /* Made since: all of it is read. One that was there, and had not begun when it was saved, has
     * no leader perhaps: it begins where it would have. */
    if (!pipeline->first_start && !partition->restored) {
        return (struct source_start){.kind = START_EARLIEST};
    }
    if (pipeline->options.begin_given) {
        return (struct source_start){.kind = START_TIME,
                                     .value = pipeline->options.begin_ms - before_covered(config)};
    }
    if (!config->start_given && config->clock == CLOCK_EVENT) {
        return (struct source_start){.kind = START_EARLIEST};
    }
    if (!config->start_given || config->start_horizon) {
        return horizon(pipeline, &from_ms);
    }
    if (config->start.kind == START_TIME) {
        return (struct source_start){.kind = START_TIME,
                                     .value = config->start.value - ahead_of_record(config)};
    }
    return config->start;
}

/* Everything at or after this was read, given where the source began. */
static int64_t covered_from(const struct pipeline *pipeline, const struct source_item *item)
{
    const struct config *config = pipeline->options.config;
    int64_t from_ms = item->time_ms;

    if (pipeline->options.begin_given) {
        from_ms = pipeline->options.begin_ms;
    } else if (!config->start_given || config->start_horizon) {
        (void)horizon(pipeline, &from_ms);
    } else if (config->start.kind == START_TIME) {
        from_ms = config->start.value;
    }
    return from_ms;
}

bool pipeline_add_lane(struct pipeline *pipeline, const struct source_item *item)
{
    struct lane *lanes = NULL;
    struct lane lane = {.index = 0};
    struct partition *partition = NULL;

    CTR_ASSERT(item->partition == pipeline->lanes_count);
    if (store_partition_open(pipeline->options.store, item->text, (int32_t)item->offset,
                             &lane.index) != CTR_OK) {
        return false;
    }
    lanes = realloc(pipeline->lanes, (pipeline->lanes_count + 1) * sizeof *lanes);
    if (lanes == NULL) {
        return false;
    }
    lane.type = type_of(pipeline->options.config, item->text);
    pipeline->lanes = lanes;
    pipeline->lanes[pipeline->lanes_count++] = lane;
    partition = store_partition(pipeline->options.store, lane.index);
    partition->alive_ms = pipeline->options.wall_ms();
    pipeline->options.source->ops->start(pipeline->options.source, item->partition,
                                         where_to_start(pipeline, partition));
    log_line(LOG_INFO, "partition_found", "pipeline=%s topic=%s partition=%d next=%lld",
             pipeline->options.name, partition->topic, (int)partition->number,
             (long long)partition_next(partition));
    return true;
}

void pipeline_begin_lane(struct pipeline *pipeline, struct lane *lane,
                         const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);
    bool fresh = partition_next(partition) < 0;

    lane->stopped = false;
    partition->trouble = PARTITION_READING;
    partition_start(partition, item->offset, false);
    partition->alive_ms = pipeline->options.wall_ms();
    if (fresh && item->time_ms == INT64_MAX) {
        lane->cover_next = true;
    } else if (fresh && item->time_ms != MOMENT_NONE) {
        store_cover_from(pipeline->options.store, covered_from(pipeline, item));
    }
    log_line(LOG_INFO, "partition_started", "pipeline=%s topic=%s partition=%d offset=%lld",
             pipeline->options.name, partition->topic, (int)partition->number,
             (long long)item->offset);
}
