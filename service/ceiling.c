/* SPDX-License-Identifier: Apache-2.0 */
#include "service/ceiling.h"

#include "service/config_table.h"
#include "storage/held.h"
#include "storage/keys.h"
#include "storage/minutes.h"
#include "storage/names.h"

enum {
    QUEUE_KBYTES = 65536, /* where nothing is derived */
    QUEUE_KBYTES_MIN = 512,
    /* librdkafka's own bytes for a message of 250 are more than the message, and a response may
     * overshoot the queue's limit. */
    QUEUE_FACTOR = 4,
    /* A key is reckoned with cells in every fourth slice it could be in: those of many ids are
     * mostly quiet ones, and those of few do not fill their share. */
    DENSITY = 4,
    CELL_BYTES = 12,
    CROWD_CELL_BYTES = 16,
    INDEX_BYTES = 16,     /* of a key in an index that is half full, and of its number when free */
    COPIES = 2,           /* itself, and in a cut of everything */
    PAIR_BYTES = 40,      /* 15 to 19 where a visitor has four or more, 37 where it has two */
    ID_BYTES = 40,        /* 8, in a table that doubles at five eighths, beside the old one */
    CLICK_BYTES = 64,     /* of click_gap */
    NAME_TEXT_BYTES = 64, /* a usual id; long ones have a limit in bytes of their own */
    CONNECTION_BYTES = 40000,
    TEXT_COPIES = 4, /* of a key's text: name, cut, open minutes */
};

static int64_t slices_of(const struct window_set *windows, int64_t longest_ms)
{
    int64_t slices = 0;

    for (size_t w = 0; w < windows->count && windows->items[w].length_ms <= longest_ms; w++) {
        slices += windows->items[w].length_ms / windows->items[w].grain_ms + 1;
    }
    return slices;
}

static int64_t minute_bytes(void)
{
    return (int64_t)(sizeof(struct minute_row) + sizeof(struct minute_block_key)) +
           NAME_TEXT_BYTES + INDEX_BYTES;
}

void ceiling_costs(const struct config *config, struct ceiling_costs *ret_costs)
{
    int64_t open_minutes = config->lateness_ms / MINUTE_MS + 3;
    int64_t row =
        (int64_t)keys_row_bytes(config->windows.count, config->windows.count) + INDEX_BYTES;
    int64_t name = (int64_t)(sizeof(struct name) + 2 * sizeof(struct name_slot)) + NAME_TEXT_BYTES;

    *ret_costs = (struct ceiling_costs){
        .key = row + COPIES * slices_of(&config->windows, INT64_MAX) * CELL_BYTES / DENSITY +
               slices_of(&config->windows, config->people_horizon_ms) * CROWD_CELL_BYTES / DENSITY +
               COPIES * open_minutes * minute_bytes() / DENSITY,
        .pair = PAIR_BYTES,
        .id = ID_BYTES + (config->click_gap_ms == INT64_MAX ? 0 : CLICK_BYTES),
        .held = 2 * (int64_t)sizeof(struct held_event) + 2 * name,
        .minute = minute_bytes() * 2, /* arrays grow by doubling */
        .connection = CONNECTION_BYTES};
}

/* Sets a limit that was not given. */
static void derive(const struct config *config, const char *name, int64_t share_bytes,
                   int64_t cost_bytes, uint32_t *limit)
{
    int64_t count = share_bytes / cost_bytes;
    const struct option *option = config_option(name);

    if (config_given(config, name)) {
        return;
    }
    count = count < option->min ? option->min : count;
    *limit = (uint32_t)(count < option->max ? count : option->max);
}

void ceiling_apply(struct config *config)
{
    struct ceiling_costs costs;
    int64_t left = config->memory_max_bytes - CEILING_BASE_BYTES;
    /* Of each of the stores there may be at once: a scout has its own, with the same limits. */
    int64_t percent = left / 100 / (config->scout_after_ms == INT64_MAX ? 1 : 2);
    int64_t queue_kbytes = percent * 8 / QUEUE_FACTOR / 1024;

    config->kafka_queue_kbytes = QUEUE_KBYTES;
    if (config->memory_max_bytes == 0) {
        return;
    }
    ceiling_costs(config, &costs);
    derive(config, "max_keys", percent * 35, costs.key, &config->keys_max);
    config->key_text_max_bytes = (uint64_t)(percent * 5 / TEXT_COPIES);
    derive(config, "max_visitors", percent * 20, costs.pair, &config->visitors_max);
    derive(config, "max_ids", percent * 12, costs.id, &config->ids_max);
    derive(config, "max_held", percent * 10, costs.held, &config->held_max);
    config->held_max_bytes = (uint64_t)(percent * 10);
    derive(config, "max_minutes", percent * 5, costs.minute, &config->minutes_max);
    derive(config, "max_connections", left / 100 * 5, costs.connection, &config->connections_max);
    if (queue_kbytes < QUEUE_KBYTES) {
        config->kafka_queue_kbytes =
            (uint32_t)(queue_kbytes < QUEUE_KBYTES_MIN ? QUEUE_KBYTES_MIN : queue_kbytes);
    }
}
