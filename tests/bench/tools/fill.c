/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes events to a topic as fast as the broker takes them, or so many a second. Event i is a
 * function of i and the seed alone but for its time; each is 202 bytes, whatever is in it:
 *
 *   first every box is seen once, as far as half of the events go; then boxes come as by Zipf's
 *   law with exponent 0.9, each on one page; 3 % are clicks on what the event before showed
 *   a visitor stays in one partition; every --mark-th event is a view of /probe, box probe
 *   times are spread evenly over --span ms up to --until (or now, with --rate)
 *
 *   fill -b BROKERS --topic T [--events N] [--partitions N] [--boxes N] [--visitors N]
 *        [--span MS] [--until MS] [--rate N] [--mark N] [--seed N] [--tally FILE]
 *
 * --tally: how many impressions and clicks each box must have in the end, a line of JSON each
 * (without what --mark marks).
 *
 * Prints one JSON line; with --mark also, before it, the wall-clock us at which each marked event
 * was handed to the client, one a line.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/tools/tool.h"

enum { EVENT_BYTES = 202, PAGE_SHARE = 4, CLICK_PERCENT = 3, POLL_EVERY = 1024 };

struct fill {
    const char *topic;
    int64_t events, partitions, boxes, visitors, span_ms, until_ms, rate, mark, seed;
    rd_kafka_t *client;
    uint64_t acknowledged, failed;
    uint64_t (*tally)[2]; /* impressions and clicks by box; NULL: not asked for */
};

struct shown {
    uint64_t box, visitor;
    bool click, probe;
    int64_t ts_ms;
};

/* Finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t bits)
{
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

static uint64_t draw(const struct fill *fill, uint64_t number, uint64_t what)
{
    return mix(((uint64_t)fill->seed << 48) + number * 4 + what + 1) >> 1;
}

/* Zipf's law with exponent 0.9, as the continuous distribution with the same density: its inverse
 * is a tenth power. */
static uint64_t draw_box(const struct fill *fill, uint64_t number)
{
    double unit = (double)draw(fill, number, 0) / 9223372036854775808.0;
    double power = unit * unit * unit * unit * unit;
    uint64_t box = 0;

    if (number < (uint64_t)fill->boxes && number < (uint64_t)fill->events / 2) {
        return number;
    }
    box = (uint64_t)(power * power * (double)fill->boxes);
    return box < (uint64_t)fill->boxes ? box : (uint64_t)fill->boxes - 1;
}

static struct shown event_of(const struct fill *fill, uint64_t number)
{
    struct shown shown = {.box = draw_box(fill, number),
                          .visitor = draw(fill, number, 1) % (uint64_t)fill->visitors};

    if (number > 0 && draw(fill, number, 2) % 100 < CLICK_PERCENT) {
        shown.box = draw_box(fill, number - 1);
        shown.visitor = draw(fill, number - 1, 1) % (uint64_t)fill->visitors;
        shown.click = true;
    }
    shown.probe = fill->mark > 0 && number % (uint64_t)fill->mark == 0;
    shown.click = shown.click && !shown.probe;
    shown.ts_ms =
        fill->rate > 0
            ? tool_wall_us() / 1000
            : fill->until_ms - fill->span_ms +
                  (int64_t)((double)number / (double)fill->events * (double)fill->span_ms);
    return shown;
}

static void write_event(const struct fill *fill, uint64_t number, const struct shown *shown,
                        char value[EVENT_BYTES + 1])
{
    uint64_t pages = (uint64_t)fill->boxes / PAGE_SHARE + 1;
    char place[80] = "\"page\":\"/probe\",\"box\":\"probe\"";
    char head[2 * EVENT_BYTES];
    int length = 0;

    if (!shown->probe) {
        (void)snprintf(place, sizeof place,
                       "\"page\":\"/offer/%" PRIu64 "\",\"box\":\"opbox.carousel.%" PRIu64 "\"",
                       shown->box % pages, shown->box);
    }
    length = snprintf(head, sizeof head,
                      "{\"id\":\"%08" PRIx64 "-0000-4000-8000-%012" PRIx64
                      "\",\"type\":\"%s\",\"ts\":%" PRId64 ",%s,\"visitor\":\"v-%016" PRIx64
                      "\",\"agent\":\"",
                      (uint64_t)fill->seed, number, shown->click ? "click" : "view", shown->ts_ms,
                      place, mix(shown->visitor + 1));
    if (length < 0 || length > EVENT_BYTES - 2) {
        abort(); /* the longest that is made here is 187 */
    }
    memcpy(value, head, (size_t)length);
    memset(value + length, 'x', (size_t)(EVENT_BYTES - 2 - length));
    memcpy(value + EVENT_BYTES - 2, "\"}", 3);
}

static void send_event(struct fill *fill, uint64_t number)
{
    struct shown shown = event_of(fill, number);
    char value[EVENT_BYTES + 1];
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = fill->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = (int32_t)(mix(shown.visitor + 7) % (uint64_t)fill->partitions)},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = shown.ts_ms},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, EVENT_BYTES}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };

    write_event(fill, number, &shown, value);
    if (shown.probe) {
        (void)printf("%" PRId64 "\n", tool_wall_us());
    } else if (fill->tally != NULL) {
        fill->tally[shown.box][shown.click]++;
    }
    for (;;) {
        rd_kafka_error_t *error =
            rd_kafka_produceva(fill->client, fields, sizeof fields / sizeof fields[0]);

        if (error == NULL) {
            return;
        }
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            tool_die("produce", rd_kafka_error_string(error));
        }
        rd_kafka_error_destroy(error);
        (void)rd_kafka_poll(fill->client, 20);
    }
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct fill *fill = opaque;

    (void)client;
    fill->acknowledged += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    fill->failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void start_client(struct fill *fill, const char *brokers)
{
    rd_kafka_conf_t *conf = tool_conf(brokers);

    tool_set(conf, "compression.type", "lz4");
    tool_set(conf, "acks", "1");
    tool_set(conf, "linger.ms", fill->rate > 0 ? "5" : "50");
    tool_set(conf, "batch.num.messages", "10000");
    tool_set(conf, "queue.buffering.max.messages", "1000000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, fill);
    fill->client = tool_client(RD_KAFKA_PRODUCER, conf);
}

static void write_tally(const struct fill *fill, const char *path)
{
    uint64_t pages = (uint64_t)fill->boxes / PAGE_SHARE + 1;
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        tool_die("--tally", path);
    }
    for (uint64_t box = 0; box < (uint64_t)fill->boxes; box++) {
        (void)fprintf(file,
                      "{\"page\":\"/offer/%" PRIu64 "\",\"box\":\"opbox.carousel.%" PRIu64
                      "\",\"impressions\":%" PRIu64 ",\"clicks\":%" PRIu64 "}\n",
                      box % pages, box, fill->tally[box][0], fill->tally[box][1]);
    }
    if (fclose(file) != 0) {
        tool_die("--tally", path);
    }
}

/* Until event `number` is due. */
static void pace(const struct fill *fill, int64_t begun_us, uint64_t number)
{
    int64_t due_us = begun_us + (int64_t)((double)number * 1e6 / (double)fill->rate);

    while (tool_wall_us() < due_us) {
        (void)rd_kafka_poll(fill->client, 0);
        tool_nap();
    }
}

int main(int argc, char **argv)
{
    struct fill fill = {.topic = tool_text(argc, argv, "--topic", NULL),
                        .events = tool_number(argc, argv, "--events", 5000000),
                        .partitions = tool_number(argc, argv, "--partitions", 4),
                        .boxes = tool_number(argc, argv, "--boxes", 20000),
                        .visitors = tool_number(argc, argv, "--visitors", 1000000),
                        .span_ms = tool_number(argc, argv, "--span", 600000),
                        .until_ms = tool_number(argc, argv, "--until", tool_wall_us() / 1000),
                        .rate = tool_number(argc, argv, "--rate", 0),
                        .mark = tool_number(argc, argv, "--mark", 0),
                        .seed = tool_number(argc, argv, "--seed", 1)};
    const char *tally = tool_text(argc, argv, "--tally", "");
    int64_t begun_us = 0;

    if (tally[0] != '\0') {
        fill.tally = calloc((size_t)fill.boxes, sizeof *fill.tally);
        if (fill.tally == NULL) {
            tool_die("--tally", "no memory");
        }
    }
    start_client(&fill, tool_text(argc, argv, "-b", NULL));
    begun_us = tool_wall_us();
    for (uint64_t number = 0; number < (uint64_t)fill.events; number++) {
        if (fill.rate > 0) {
            pace(&fill, begun_us, number);
        }
        if (number % POLL_EVERY == 0) {
            (void)rd_kafka_poll(fill.client, 0);
        }
        send_event(&fill, number);
    }
    while (rd_kafka_flush(fill.client, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    }
    rd_kafka_destroy(fill.client);
    if (fill.tally != NULL) {
        write_tally(&fill, tally);
        free(fill.tally);
    }
    (void)printf("{\"events\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"bytes\":%d,\"seconds\":%.3f}\n",
                 fill.acknowledged, fill.failed, (int)EVENT_BYTES,
                 (double)(tool_wall_us() - begun_us) / 1e6);
    return fill.acknowledged == (uint64_t)fill.events ? 0 : 1;
}
