/* SPDX-License-Identifier: Apache-2.0
 *
 * ktool outage: what was written while nobody read. Record i of the stream is a function of i
 * alone, so that whoever knows the formula knows every count (tests/faults/tools/outage.py has it
 * again):
 *
 *   mix(i)   splitmix64 of i (Steele, Lea, Flood, 2014)
 *   due(i)   begin + i * 1000 / rate, its record time, in ms
 *   i % 53 == 7: late, its event time is due(i) less mix >> 40 % 5,400,000 ms, at least begin
 *   i % 47 == 3: a copy, byte for byte, of record j = i - 1 - mix >> 33 % 150,000, unless j is
 *                before the first, a copy or late
 *   mix % 100 < 4: a click; page mix >> 8 % 40, box mix >> 16 % 11 (0: none), visitor
 *                mix >> 24 % 200,000; partition i modulo their number
 */
#include "tests/support/ktool.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    LATE_EVERY = 53,
    LATE_AT = 7,
    COPY_EVERY = 47,
    COPY_AT = 3,
    COPY_BACK = 150000,
    LATE_MS = 5400000,
    VALUE_BYTES = 256,
    TELL_EVERY = 1000000
};

static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

struct outage {
    int64_t begin_ms, rate;
};

static uint64_t mix(uint64_t number)
{
    uint64_t bits = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

static int64_t due_ms(const struct outage *outage, uint64_t number)
{
    return outage->begin_ms + (int64_t)number * 1000 / outage->rate;
}

static bool late(uint64_t number)
{
    return number % LATE_EVERY == LATE_AT;
}

/* Which event record `number` carries. */
static uint64_t event_of(uint64_t number)
{
    uint64_t back = 1 + (mix(number) >> 33) % COPY_BACK;

    if (number % COPY_EVERY != COPY_AT || back > number ||
        (number - back) % COPY_EVERY == COPY_AT || late(number - back)) {
        return number;
    }
    return number - back;
}

static size_t write_event(const struct outage *outage, uint64_t number, char value[VALUE_BYTES])
{
    uint64_t bits = mix(number);
    int64_t ts_ms = due_ms(outage, number);
    char box[32] = "";

    if (late(number)) {
        ts_ms -= (int64_t)((bits >> 40) % LATE_MS);
        ts_ms = ts_ms < outage->begin_ms ? outage->begin_ms : ts_ms;
    }
    if ((bits >> 16) % 11 > 0) {
        (void)snprintf(box, sizeof box, "\"box\":\"box.%u\",", (unsigned)((bits >> 16) % 11));
    }
    return (size_t)snprintf(value, VALUE_BYTES,
                            "{\"id\":\"%016" PRIx64 "\",\"type\":\"%s\",\"ts\":%" PRId64
                            ",\"page\":\"/page/%u\",%s\"visitor\":\"v%u\"}",
                            number, bits % 100 < 4 ? "click" : "view", ts_ms,
                            (unsigned)((bits >> 8) % 40), box, (unsigned)((bits >> 24) % 200000));
}

/* The stream is far behind the time of day at first, and then goes along with it. */
static void wait_until(rd_kafka_t *client, int64_t due)
{
    while (wall_ms() < due && ended == 0) {
        (void)rd_kafka_poll(client, 1);
    }
}

int verb_outage(const struct args *args)
{
    struct outage outage = {.begin_ms = option_number(args, BEGIN, wall_ms()),
                            .rate = option_bounded(args, RATE, 500, 1)};
    int64_t until_ms = option_number(args, UNTIL, wall_ms());
    rd_kafka_t *client = producer_start(args);
    uint64_t number = 0;
    int partitions;

    need_rest(args, 1);
    partitions = partition_count(client, args->rest[0]);
    (void)signal(SIGTERM, end);
    for (; due_ms(&outage, number) < until_ms && ended == 0; number++) {
        char value[VALUE_BYTES];
        struct record record = {.topic = args->rest[0],
                                .partition = (int32_t)(number % (uint64_t)partitions),
                                .time_ms = due_ms(&outage, number),
                                .value = value,
                                .number = number};

        record.length = write_event(&outage, event_of(number), value);
        wait_until(client, record.time_ms);
        send_record(client, &record);
        if (number % TELL_EVERY == TELL_EVERY - 1) {
            (void)fprintf(stderr, "ktool: %" PRIu64 " written\n", number + 1);
        }
    }
    finish(client);
    (void)printf("written %" PRIu64 " failed %" PRIu64 "\n", deliveries_done, deliveries_failed);
    return deliveries_failed == 0 && deliveries_done == number ? 0 : 1;
}
