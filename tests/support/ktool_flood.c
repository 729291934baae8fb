/* SPDX-License-Identifier: Apache-2.0
 *
 * ktool flood: views and clicks as they happen, at a steady rate, the same for the same seed.
 */
#include "tests/support/ktool.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLOOD_VIEW,
    FLOOD_CLICK,
    FLOOD_TYPES,
    TOPIC_BYTES = 256,
    EVENT_BYTES = 512,
    RECENT_VIEWS = 1024
};

struct seen {
    uint32_t page, box, visitor; /* box 0: the page itself */
};

struct flood {
    rd_kafka_t *client;
    uint64_t seed, drawn;
    uint32_t pages, boxes, visitors, click_percent;
    char topics[FLOOD_TYPES][TOPIC_BYTES];
    int partitions[FLOOD_TYPES][PARTITIONS_MAX], partitions_count[FLOOD_TYPES];
    struct seen recent[RECENT_VIEWS]; /* what a click can be about */
    uint64_t views, clicks;
};

/* The next number below `limit` of the seeded stream (splitmix64; Steele, Lea, Flood, 2014). */
static uint32_t draw(struct flood *flood, uint32_t limit)
{
    uint64_t bits = flood->seed + ++flood->drawn * UINT64_C(0x9e3779b97f4a7c15);

    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((bits ^ bits >> 31) >> 32) % limit;
}

/* As draw(), but a few numbers come up most of the time: half of all fall into the first eighth. */
static uint32_t draw_skewed(struct flood *flood, uint32_t limit)
{
    double unit = draw(flood, 1U << 30) / (double)(1U << 30);

    return (uint32_t)(unit * unit * unit * limit);
}

static void choose_topics(struct flood *flood, const char *list)
{
    while (*list != '\0') {
        size_t length = strcspn(list, ","), name = strcspn(list, ":,");

        for (int type = 0; type < FLOOD_TYPES; type++) {
            const char *wanted = type == FLOOD_VIEW ? ":view" : ":click";

            if (name < TOPIC_BYTES &&
                (name == length || (length - name == strlen(wanted) &&
                                    memcmp(list + name, wanted, length - name) == 0))) {
                memcpy(flood->topics[type], list, name);
                flood->topics[type][name] = '\0';
            }
        }
        list += length + (list[length] == ',');
    }
    if (flood->topics[FLOOD_VIEW][0] == '\0' || flood->topics[FLOOD_CLICK][0] == '\0') {
        die("--topics", "needs a topic for views and one for clicks, or one for both");
    }
}

static void choose_partitions(struct flood *flood, int type, const char *list)
{
    int exist = partition_count(flood->client, flood->topics[type]), count = 0;

    for (; list == NULL && count < exist && count < PARTITIONS_MAX; count++) {
        flood->partitions[type][count] = count;
    }
    while (list != NULL && *list != '\0' && count < PARTITIONS_MAX) {
        char *end;

        flood->partitions[type][count] = (int)strtol(list, &end, 10);
        if (end == list || flood->partitions[type][count++] >= exist) {
            die("--partitions", "takes all or a list like 0,1 of partitions that exist");
        }
        list = *end == ',' ? end + 1 : end;
    }
    if (count == 0) {
        die("--partitions", "is empty");
    }
    flood->partitions_count[type] = count;
}

static void send_event(struct flood *flood, uint64_t number)
{
    bool click = number > 1 && draw(flood, 100) < flood->click_percent;
    int type = click ? FLOOD_CLICK : FLOOD_VIEW;
    struct seen *at = &flood->recent[flood->views % RECENT_VIEWS];
    struct record record = {.topic = flood->topics[type], .number = number};
    char value[EVENT_BYTES], box[64] = "";

    if (click) {
        uint32_t known = flood->views < RECENT_VIEWS ? (uint32_t)flood->views : RECENT_VIEWS;

        at = &flood->recent[draw(flood, known)];
        flood->clicks++;
    } else {
        at->page = draw_skewed(flood, flood->pages);
        at->box =
            draw(flood, 5) == 0 || flood->boxes == 0 ? 0 : 1 + draw_skewed(flood, flood->boxes);
        at->visitor = draw(flood, flood->visitors);
        flood->views++;
    }
    if (at->box != 0) {
        (void)snprintf(box, sizeof box, "\"box\":\"opbox.carousel.%" PRIu32 "\",", at->box);
    }
    record.length = (size_t)snprintf(
        value, sizeof value,
        "{\"id\":\"%08" PRIx64 "-0000-4000-8000-%012" PRIx64 "\",\"type\":\"%s\",\"ts\":%" PRId64
        ",\"page\":\"/offer/%" PRIu32 "\",%s\"visitor\":\"v-%016" PRIx32 "\"}",
        flood->seed & 0xffffffff, number, click ? "click" : "view", wall_ms(), at->page, box,
        at->visitor);
    record.value = value;
    record.partition =
        flood->partitions[type][at->visitor % (uint32_t)flood->partitions_count[type]];
    send_record(flood->client, &record);
}

int verb_flood(const struct args *args)
{
    static struct flood flood;
    uint32_t rate = option_bounded(args, RATE, 1000, 1);
    uint64_t total = (uint64_t)rate * option_bounded(args, SECONDS, 10, 1);
    const char *partitions = args->values[PARTITIONS];
    int64_t begun_us;

    if (args->values[TOPICS] == NULL) {
        die("--topics", "is missing (ktool --help)");
    }
    partitions = partitions != NULL && strcmp(partitions, "all") == 0 ? NULL : partitions;
    flood.seed = (uint64_t)option_number(args, SEED, 1);
    flood.pages = option_bounded(args, PAGES, 100, 1);
    flood.boxes = option_bounded(args, BOXES, 50, 0);
    flood.visitors = option_bounded(args, VISITORS, 10000, 1);
    flood.click_percent = option_bounded(args, CLICK_PERCENT, 5, 0);
    choose_topics(&flood, args->values[TOPICS]);
    flood.client = producer_start(args);
    choose_partitions(&flood, FLOOD_VIEW, partitions);
    choose_partitions(&flood, FLOOD_CLICK, partitions);
    begun_us = mono_us();
    for (uint64_t number = 1; number <= total; number++) {
        pace(flood.client, begun_us, number - 1, rate);
        send_event(&flood, number);
    }
    finish(flood.client);
    (void)printf("flooded %" PRIu64 " views %" PRIu64 " clicks %" PRIu64 " failed %" PRIu64
                 " seconds %.1f\n",
                 deliveries_done, flood.views, flood.clicks, deliveries_failed,
                 (double)(mono_us() - begun_us) / 1e6);
    return deliveries_failed == 0 && deliveries_done == total ? 0 : 1;
}
