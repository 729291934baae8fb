/* SPDX-License-Identifier: Apache-2.0
 *
 * What decoding one record costs: the judge (jansson), the fast decoder with each scan that this
 * machine has, and decode_record(), which is what the service calls, all on the same records in one
 * run; and the share of records that the judge had to look at. One JSON line for each kind of
 * record. The best of some rounds each, taken in turns. Timings only: nothing fails for being slow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "service/decode.h"
#include "service/decode_fast.h"
#include "service/decode_judge.h"

enum { RECORDS = 4096, RECORD_BYTES = 512, ROUNDS = 7, JUDGED = 1024 };
#define EPOCH_MS INT64_C(1795454594000)

static uint64_t dice_state = 20261130;

/* SplitMix64: seeded, so that runs compare. */
static uint64_t dice(uint64_t sides)
{
    uint64_t mixed = dice_state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (mixed ^ (mixed >> 31)) % sides;
}

/* ---- records ------------------------------------------------------------------------------- */

struct records {
    size_t count, bytes;
    size_t lengths[RECORDS];
    char texts[RECORDS][RECORD_BYTES];
};
static struct records records;

static int write_design(char *text, size_t size)
{
    return snprintf(text, size,
                    "{\"id\":\"451a8d1a-2948-4d32-9072-7212bebfdd89\",\"type\":\"view\","
                    "\"ts\":1795454594000,\"page\":\"/offer/list\","
                    "\"box\":\"opbox.carousel.1\",\"visitor\":\"v-27b615772bd61a8c\"}");
}

/* The form of tests/support/ktool_flood.c. */
static int write_flood(char *text, size_t size)
{
    char box[40] = "";

    if (dice(5) > 0)
        (void)snprintf(box, sizeof box, "\"box\":\"opbox.carousel.%u\",", (unsigned)dice(900));
    return snprintf(text, size,
                    "{\"id\":\"%08x-0000-4000-8000-%012x\",\"type\":\"%s\",\"ts\":%lld,"
                    "\"page\":\"/offer/%u\",%s\"visitor\":\"v-%016x\"}",
                    (unsigned)dice(1U << 31), (unsigned)dice(1U << 31),
                    dice(30) == 0 ? "click" : "view", (long long)EPOCH_MS + (long long)dice(100000),
                    (unsigned)dice(10000), box, (unsigned)dice(1U << 31));
}

/* As above, with a page that makes it 202 bytes. */
static int write_wide(char *text, size_t size)
{
    char narrow[RECORD_BYTES];
    int length = write_flood(narrow, sizeof narrow);
    const char *page = strstr(narrow, "/offer/");

    if (page == NULL || length >= 202)
        return 0;
    return snprintf(text, size, "%.*s/%.*s%s", (int)(page - narrow), narrow, 201 - length,
                    "a-category/and-one-below-it/what-the-offer-is-called-in-many-words", page);
}

/* More than is asked for, blanks, and a time as text. */
static int write_others(char *text, size_t size)
{
    return snprintf(
        text, size,
        "{\"schema\": 3, \"context\": {\"device\": {\"kind\": \"phone\", \"dpr\": 2.5, "
        "\"tags\": [\"a\", \"b\", null]}, \"experiments\": []}, \"type\": \"view\", "
        "\"ts\": \"2026-11-23T17:%02u:14.123Z\", \"page\": \"/offer/%u\", \"box\": null, "
        "\"visitor\": \"v-%016x\", \"sampled\": false}",
        (unsigned)dice(60), (unsigned)dice(10000), (unsigned)dice(1U << 31));
}

/* As producers write it that escape all they can. */
static int write_escaped(char *text, size_t size)
{
    return snprintf(text, size,
                    "{\"type\":\"view\",\"ts\":%lld,\"page\":\"\\/oferta\\/%u\\/"
                    "za\\u017c\\u00f3\\u0142\\u0107\","
                    "\"visitor\":\"v-%016x\"}",
                    (long long)EPOCH_MS, (unsigned)dice(10000), (unsigned)dice(1U << 31));
}

static void make(int (*write)(char *text, size_t size))
{
    records.count = records.bytes = 0;
    while (records.count < RECORDS) {
        int length = write(records.texts[records.count], RECORD_BYTES);

        if (length <= 0 || length >= RECORD_BYTES)
            return;
        records.bytes += (size_t)length;
        records.lengths[records.count++] = (size_t)length;
    }
}

/* One of timestamp,campaign,policy,item_id,position,click,user_features. False: none (the head). */
static bool add_row(const char *line)
{
    char words[7][64], *text = records.texts[records.count];
    int length;

    if (sscanf(line, "%63[^,],%63[^,],%63[^,],%63[^,],%63[^,],%63[^,],%63s", words[0], words[1],
               words[2], words[3], words[4], words[5], words[6]) != 7 ||
        words[5][0] > '1')
        return false;
    length =
        snprintf(text, RECORD_BYTES,
                 "{\"type\":\"%s\",\"ts\":\"%s\",\"page\":\"%s\",\"box\":\"%s\","
                 "\"visitor\":\"%s\"}",
                 words[5][0] == '1' ? "click" : "view", words[0], words[1], words[3], words[6]);
    records.bytes += (size_t)length;
    records.lengths[records.count++] = (size_t)length;
    return true;
}

/* All rows of the cut, their times as text. */
static void make_open_bandit(void)
{
    static const char *const names[] = {"bts-men", "bts-women", "random-men", "random-women"};

    records.count = records.bytes = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char line[RECORD_BYTES];
        FILE *file = NULL;

        (void)snprintf(line, sizeof line, "%s/data/open-bandit/%s.csv", LIVECTR_TESTS_DIR,
                       names[i]);
        file = fopen(line, "r");
        while (file != NULL && records.count < RECORDS && fgets(line, sizeof line, file) != NULL)
            (void)add_row(line);
        if (file != NULL)
            (void)fclose(file);
    }
}

/* ---- decoders ------------------------------------------------------------------------------ */

struct bench {
    struct schema schema;
    struct judge *judge;
    struct decoder *decoder;
    scan_function *scan;
    struct fast_room *room;
};

static bool by_judge(struct bench *bench, struct text record, struct decoded *decoded)
{
    judge_record(bench->judge, record.bytes, record.length, TOPIC_TYPE_FROM_EVENT, decoded);
    return decoded->is_event;
}

static bool by_scan(struct bench *bench, struct text record, struct decoded *decoded)
{
    bench->room->escapes.used = 0;
    return fast_decode(&bench->schema, bench->scan, bench->room, record, TOPIC_TYPE_FROM_EVENT,
                       &decoded->event);
}

static bool by_service(struct bench *bench, struct text record, struct decoded *decoded)
{
    decode_record(bench->decoder, record.bytes, record.length, TOPIC_TYPE_FROM_EVENT, decoded);
    return decoded->is_event;
}

/* Time of this process on the processor: what others do meanwhile does not count. */
static int64_t cpu_us(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* ns an event, so many of the records; *ret_taken: how many it made an event of. */
static double measure(struct bench *bench,
                      bool (*decode)(struct bench *, struct text, struct decoded *), size_t count,
                      size_t *ret_taken)
{
    int64_t begun_us = cpu_us();
    size_t taken = 0, times = 1 + (count < RECORDS ? 0 : 8);
    struct decoded decoded;

    for (size_t time = 0; time < times; time++) {
        for (size_t i = 0; i < count; i++)
            taken += decode(bench, (struct text){records.texts[i], records.lengths[i]}, &decoded);
    }
    *ret_taken = taken / times;
    return (double)(cpu_us() - begun_us) * 1000 / (double)(count * times);
}

static double lower(double left, double right)
{
    return left < right ? left : right;
}

static void compare(struct bench *bench, const char *input)
{
    double judge_ns = 1e9, service_ns = 1e9, scan_ns[SCAN_KINDS];
    size_t few = records.count < JUDGED ? records.count : JUDGED;
    size_t plain = 0, taken = 0;

    for (enum scan_kind kind = 0; kind < SCAN_KINDS; kind++)
        scan_ns[kind] = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        judge_ns = lower(judge_ns, measure(bench, by_judge, few, &taken));
        service_ns = lower(service_ns, measure(bench, by_service, records.count, &taken));
        for (enum scan_kind kind = 0; kind < SCAN_KINDS; kind++) {
            bench->scan = scan_of(kind);
            if (bench->scan != NULL)
                scan_ns[kind] =
                    lower(scan_ns[kind], measure(bench, by_scan, records.count, &plain));
        }
    }
    (void)printf("{\"part\":\"decode\",\"input\":\"%s\",\"bytes\":%.0f,\"jansson_ns\":%.0f,"
                 "\"decode_ns\":%.1f,\"times_jansson\":%.1f",
                 input, (double)records.bytes / (double)records.count, judge_ns, service_ns,
                 judge_ns / service_ns);
    for (enum scan_kind kind = 0; kind < SCAN_KINDS; kind++) {
        if (scan_of(kind) != NULL)
            (void)printf(",\"%s_ns\":%.1f", scan_name(kind), scan_ns[kind]);
    }
    (void)printf(",\"events\":%zu,\"not_plain\":%.4f}\n", taken,
                 1 - (double)plain / (double)records.count);
}

int main(void)
{
    static struct bench bench;
    static const struct {
        const char *name;
        int (*write)(char *text, size_t size);
    } inputs[] = {{"design", write_design},
                  {"flood", write_flood},
                  {"flood_202", write_wide},
                  {"other_fields", write_others},
                  {"escaped", write_escaped}};
    struct config config;
    struct ctr_error error;

    config_defaults(&config);
    if (schema_read(&config, &bench.schema, &error) != CTR_OK ||
        decoder_new(&config, &bench.decoder, &error) != CTR_OK ||
        (bench.judge = judge_new(&bench.schema, config.record_bytes_max)) == NULL ||
        fast_room_new(RECORD_BYTES, &bench.room) != CTR_OK)
        return 1;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        make(inputs[i].write);
        compare(&bench, inputs[i].name);
    }
    make_open_bandit();
    if (records.count > 0)
        compare(&bench, "open_bandit");
    judge_free(bench.judge);
    fast_room_free(bench.room);
    decoder_free(bench.decoder);
    return 0;
}
