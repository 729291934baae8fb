/* SPDX-License-Identifier: Apache-2.0
 *
 * When a log is not what it was: what is counted as lost, what is begun anew, what stands still
 * until somebody decides. Numbers of two logs are never mixed unasked.
 */
#include "service/log.h"
#include "service/pipeline_internal.h"
#include "storage/moment.h"

/* The partition stands, and with it as_of: answers become stale, and the status says why. */
static void stand(struct pipeline *pipeline, struct lane *lane, const struct source_item *item,
                  enum partition_state state)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);

    partition->trouble = state;
    lane->stopped = true;
    pipeline->options.source->ops->stop(pipeline->options.source, item->partition);
    log_line(LOG_ERROR, "partition_stands",
             "topic=%s partition=%d state=%s next=%lld offset=%lld reason=\"%s\"", partition->topic,
             (int)partition->number, partition_state_name(state),
             (long long)partition_next(partition), (long long)item->offset,
             partition_state_reason(state));
}

static void take_gap(struct pipeline *pipeline, struct lane *lane, const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);

    if (pipeline->options.config->gap == GAP_STOP) {
        partition->gap_to = item->offset;
        stand(pipeline, lane, item, PARTITION_GAP);
        return;
    }
    log_line(LOG_WARN, "records_gone", "topic=%s partition=%d records=%lld next=%lld",
             partition->topic, (int)partition->number,
             (long long)(item->offset - partition_next(partition)), (long long)item->offset);
    partition_start(partition, item->offset, true);
    lane->cover_next = true;
}

/* Another log under the same name, or the same one cut short. */
static void take_change(struct pipeline *pipeline, struct lane *lane,
                        const struct source_item *item, enum partition_state state)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);
    struct source *source = pipeline->options.source;

    if (pipeline->options.config->log_changed == LOG_CHANGED_STOP) {
        stand(pipeline, lane, item, state);
        return;
    }
    partition->trouble = state;
    lane->stopped = true; /* what still comes of the old reading is not taken */
    lane->cover_next = true;
    log_line(LOG_WARN, "log_changed", "topic=%s partition=%d state=%s next=%lld offset=%lld",
             partition->topic, (int)partition->number, partition_state_name(state),
             (long long)partition_next(partition), (long long)item->offset);
    source->ops->start(source, item->partition, (struct source_start){.kind = START_EARLIEST});
}

static struct record_print print_of(const struct pipeline *pipeline, const struct source_item *item)
{
    const struct store_options *options = store_options(pipeline->options.store);

    return record_print_of(options->hash_secret, item->offset, item->time_ms,
                           (struct text){.bytes = item->key, .length = item->key_length},
                           (struct text){.bytes = item->text, .length = item->length});
}

static void take_proof(struct pipeline *pipeline, struct lane *lane, const struct source_item *item)
{
    const struct partition *partition = store_partition(pipeline->options.store, lane->index);
    struct record_print now = print_of(pipeline, item);

    if (now.offset != partition->print.offset || now.time_ms != partition->print.time_ms ||
        now.hash != partition->print.hash) {
        take_change(pipeline, lane, item, PARTITION_REPLACED);
    }
}

/* With gap = continue it goes on behind what cannot be read, which the source then gives as GAP. */
static void take_damage(struct pipeline *pipeline, struct lane *lane,
                        const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);
    struct source *source = pipeline->options.source;

    if (pipeline->options.config->gap == GAP_STOP) {
        stand(pipeline, lane, item, PARTITION_DAMAGED);
        return;
    }
    partition->trouble = PARTITION_DAMAGED;
    lane->stopped = true;
    log_line(LOG_WARN, "batch_damaged", "topic=%s partition=%d offset=%lld", partition->topic,
             (int)partition->number, (long long)item->offset);
    source->ops->start(source, item->partition,
                       (struct source_start){
                           .kind = START_OFFSET, .value = partition_next(partition), .skip = true});
}

void pipeline_take_fault(struct pipeline *pipeline, struct lane *lane,
                         const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);

    switch ((int)item->kind) {
    case SOURCE_GAP:
        take_gap(pipeline, lane, item);
        break;
    case SOURCE_PROOF:
        take_proof(pipeline, lane, item);
        break;
    case SOURCE_UNPROVED:
        partition->unverified++;
        break;
    case SOURCE_SHRUNK:
        take_change(pipeline, lane, item, PARTITION_TRUNCATED);
        break;
    case SOURCE_DAMAGED:
        take_damage(pipeline, lane, item);
        break;
    default: /* SOURCE_STATE */
        partition->trouble = item->state;
        break;
    }
}

void pipeline_take_prints(struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->lanes_count; i++) {
        struct lane *lane = &pipeline->lanes[i];

        if (lane->newest != NULL) {
            store_partition(pipeline->options.store, lane->index)->print =
                print_of(pipeline, lane->newest);
            lane->newest = NULL;
        }
    }
}

void pipeline_miss_lanes(struct pipeline *pipeline)
{
    struct store *store = pipeline->options.store;

    for (uint32_t i = 0; i < store_partition_count(store); i++) {
        struct partition *partition = store_partition(store, i);
        bool found = false;

        for (size_t k = 0; k < pipeline->lanes_count && !found; k++) {
            found = pipeline->lanes[k].index == i;
        }
        if (!found) {
            partition->trouble = PARTITION_GONE;
            log_line(LOG_ERROR, "partition_stands",
                     "topic=%s partition=%d state=gone reason=\"%s\"", partition->topic,
                     (int)partition->number, partition_state_reason(PARTITION_GONE));
        }
    }
}
