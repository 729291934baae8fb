/* SPDX-License-Identifier: Apache-2.0
 *
 * The service's own Kafka source (service/kafka/) behind a pipeline that does nothing: what it
 * costs beyond the consumer that does nothing (nothing.c) is ours to answer for.
 *
 *   reader -b BROKERS --topic T --events N [--work NS] [-X NAME=VALUE]...
 *
 * Reads N records and prints the same JSON line. --work: each takes so much time, asleep, as if a
 * pipeline were behind it: a source whose queues run dry meanwhile, or that reads too far ahead,
 * shows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "service/kafka/consumer.h"
#include "tests/bench/tools/tool.h"

enum { POLL_MS = 50 };

struct meter {
    struct source *source;
    uint64_t wanted, read, bytes, polls;
    int64_t steady_us, steady_cpu_us, work_ns;
    uint64_t steady_read;
};

static void take(struct meter *meter, const struct source_item *item)
{
    if (item->kind == SOURCE_FOUND) {
        meter->source->ops->start(meter->source, item->partition,
                                  (struct source_start){.kind = START_EARLIEST});
    } else if (item->kind == SOURCE_RECORD) {
        meter->read++;
        meter->bytes += item->length;
    } else if (item->kind == SOURCE_DAMAGED || item->kind == SOURCE_GAP) {
        tool_die("source", "has a fault");
    }
}

static void settings(struct config *config, int argc, char **argv)
{
    struct ctr_error error = {.text = ""};
    char name[TOOL_NAME_BYTES];
    const char *value = NULL;
    int at = 1;

    config_defaults(config);
    if (config_set(config, "brokers", tool_text(argc, argv, "-b", NULL), "-b", &error) != CTR_OK ||
        config_set(config, "topics", tool_text(argc, argv, "--topic", NULL), "--topic", &error) !=
            CTR_OK ||
        config_check(config, &error) != CTR_OK) {
        tool_die("settings", error.text);
    }
    while ((value = tool_setting(argc, argv, &at, name)) != NULL) {
        char whole[TOOL_NAME_BYTES + 8];

        (void)snprintf(whole, sizeof whole, "kafka.%s", name);
        if (config_set(config, whole, value, "-X", &error) != CTR_OK) {
            tool_die("settings", error.text);
        }
    }
}

static void work(const struct meter *meter, size_t records)
{
    int64_t until_us = tool_mono_us() + (int64_t)records * meter->work_ns / 1000;

    while (meter->work_ns > 0 && tool_mono_us() < until_us) {
        tool_nap();
    }
}

static int64_t peak_rss_mb(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss / 1024 : 0;
}

static void read_all(struct meter *meter)
{
    while (meter->read < meter->wanted) {
        struct source_batch batch = {0};

        if (meter->source->ops->poll(meter->source, POLL_MS, &batch) != CTR_OK) {
            tool_die("poll", "failed");
        }
        for (size_t i = 0; i < batch.count; i++) {
            take(meter, &batch.items[i]);
        }
        work(meter, batch.count);
        meter->source->ops->release(meter->source, &batch);
        meter->polls++;
        if (meter->steady_us == 0 && meter->read >= meter->wanted / 10) {
            meter->steady_us = tool_mono_us();
            meter->steady_cpu_us = tool_cpu_us();
            meter->steady_read = meter->read;
        }
    }
}

int main(int argc, char **argv)
{
    static struct config config;
    struct meter meter = {.wanted = (uint64_t)tool_number(argc, argv, "--events", 1),
                          .work_ns = tool_number(argc, argv, "--work", 0)};
    struct ctr_error error = {.text = ""};
    int64_t begun_us = tool_mono_us();
    double wall = 0;
    double cpu = 0;
    double steady = 0;

    settings(&config, argc, argv);
    if (kafka_source_open(&config, &meter.source, &error) != CTR_OK) {
        tool_die("source", error.text);
    }
    read_all(&meter);
    wall = (double)(tool_mono_us() - meter.steady_us) / 1e6;
    cpu = (double)(tool_cpu_us() - meter.steady_cpu_us) / 1e6;
    steady = (double)(meter.read - meter.steady_read);
    (void)printf("{\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"polls\":%" PRIu64
                 ",\"wall_s\":%.3f,\"cpu_s\":%.3f,\"events_per_s\":%.0f,\"events_per_cpu_s\":%.0f,"
                 "\"ns_per_event\":%.1f,\"peak_rss_mb\":%" PRId64 "}\n",
                 meter.read, meter.bytes, meter.polls, (double)(tool_mono_us() - begun_us) / 1e6,
                 (double)tool_cpu_us() / 1e6, steady / wall, steady / cpu, cpu * 1e9 / steady,
                 peak_rss_mb());
    (void)fflush(stdout);
    _exit(0); /* ending the client measures nothing */
}
