/* SPDX-License-Identifier: Apache-2.0
 *
 * The verb as a whole: verb_printed to a file, and produced to the Kafka stand-in and read back.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/config.h"
#include "service/kafka/consumer.h"
#include "service/kafka/mock.h"
#include "service/replay.h"
#include "tests/support/verb.h"

enum { PATH_BYTES = 256, EVENTS = 1000 };

static char directory[PATH_BYTES], input[PATH_BYTES + 8], csv[PATH_BYTES + 8];

/* EVENTS events, one each 10 ms from 1,000,000 ms on, every tenth a click. */
static void write_inputs(void)
{
    FILE *file = fopen(input, "wb");

    assert_non_null(file);
    for (int i = 0; i < EVENTS; i++) {
        fprintf(file,
                "{\"id\":\"%d\",\"type\":\"%s\",\"ts\":%d,\"page\":\"/p%d\",\"visitor\":\"v%d\"}\n",
                i, i % 10 == 9 ? "click" : "view", 1000000 + 10 * i, i % 3, i % 50);
    }
    assert_int_equal(fclose(file), 0);
    file = fopen(csv, "wb");
    assert_non_null(file);
    fputs("t,p,c\n10000,x,1\n11000,x,0\n12000,x,0\n13000,x,1\n", file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    snprintf(directory, sizeof directory, "%s/replay-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory)) {
        return -1;
    }
    snprintf(input, sizeof input, "%.240s/input", directory);
    snprintf(csv, sizeof csv, "%.240s/csv", directory);
    write_inputs();
    verb_use(directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(input);
    unlink(csv);
    verb_done();
    return rmdir(directory);
}

static void a_dry_run_prints_the_events_and_counts_them(void **state)
{
    static char original[VERB_TEXT_BYTES];

    (void)state;
    verb_slurp(input, original);
    assert_int_equal(verb_run("--dry-run", input), REPLAY_OK);
    assert_string_equal(verb_printed, original);
    assert_non_null(strstr(verb_said, "printed 1000 events (900 views, 100 clicks)"));
}

static void what_until_leaves_from_takes_up(void **state)
{
    static char original[VERB_TEXT_BYTES], first[VERB_TEXT_BYTES];

    (void)state;
    verb_slurp(input, original);
    /* 1,005,000 ms: the event of this very moment belongs to the second part */
    assert_int_equal(verb_run("--dry-run --until 1970-01-01T00:16:45.000Z", input), REPLAY_OK);
    memcpy(first, verb_printed, sizeof first);
    assert_non_null(strstr(verb_said, "printed 500 events"));
    assert_non_null(strstr(verb_said, "outside --from/--until 500"));
    assert_int_equal(verb_run("--dry-run --from 1970-01-01T00:16:45.000Z", input), REPLAY_OK);
    assert_non_null(strstr(verb_said, "printed 500 events"));
    assert_memory_equal(verb_printed, "{\"id\":\"500\"", 11);
    assert_memory_equal(original, first, strlen(first));
    assert_string_equal(original + strlen(first), verb_printed);
}

static void a_click_goes_by_its_own_time_not_by_that_of_its_view(void **state)
{
    static const char flags[] = "--dry-run --csv --map ts=t --map page=p --click-if c=1 ";
    char line[512];

    (void)state;
    snprintf(line, sizeof line, "%s --until 1970-01-01T00:00:12Z", flags);
    assert_int_equal(verb_run(line, csv), REPLAY_OK);
    assert_non_null(strstr(verb_said, "printed 2 events (2 views, 0 clicks)"));
    snprintf(line, sizeof line, "%s --from 1970-01-01T00:00:12Z", flags);
    assert_int_equal(verb_run(line, csv), REPLAY_OK);
    assert_non_null(strstr(verb_said, "printed 4 events (2 views, 2 clicks)"));
    assert_memory_equal(verb_printed, "{\"id\":\"csv:2:c\",\"type\":\"click\",\"ts\":12000", 41);
}

static void a_rate_is_kept(void **state)
{
    int64_t start_ms = clock_mono_ms(), took_ms;

    (void)state;
    assert_int_equal(verb_run("--dry-run --rate 2000", input), REPLAY_OK);
    took_ms = clock_mono_ms() - start_ms;
    assert_true(took_ms >= 490); /* 999 gaps of half a millisecond, a millisecond early at most */
}

static void a_speed_is_kept(void **state)
{
    int64_t start_ms = clock_mono_ms(), took_ms;

    (void)state;
    assert_int_equal(verb_run("--dry-run --speed 20", input), REPLAY_OK);
    took_ms = clock_mono_ms() - start_ms;
    assert_true(took_ms >= 490); /* 9.99 s of events */
}

static void only_ten_complaints_are_shown_and_the_code_is_1(void **state)
{
    FILE *file = fopen(csv, "wb");
    int shown = 0;

    (void)state;
    for (int i = 0; i < 25; i++) {
        fputs("no event\n", file);
    }
    fclose(file);
    assert_int_equal(verb_run("--dry-run", csv), REPLAY_INCOMPLETE);
    for (const char *at = verb_said; (at = strstr(at, "not_json")); at++) {
        shown++;
    }
    write_inputs();
    assert_int_equal(shown, 10);
    assert_non_null(strstr(verb_said, "... and 15 more lines that are no events"));
    assert_non_null(strstr(verb_said, "lines skipped 25"));
}

static void wrong_flags_and_missing_files_are_code_2(void **state)
{
    (void)state;
    assert_int_equal(verb_run("--dry-rum", input), REPLAY_USAGE);
    assert_int_equal(verb_run("--dry-run", "/nowhere/at/all"), REPLAY_USAGE);
    assert_non_null(strstr(verb_said, "cannot open /nowhere/at/all: No such file"));
    assert_int_equal(verb_run("--help", ""), REPLAY_OK);
    assert_memory_equal(verb_printed, "Usage: livectr replay", 21);
}

/* What came back from the topics "views" and "clicks" with four partitions each. */
struct seen {
    int records[2];
    int64_t last_ms[8];
    bool of_clicks[8]; /* the partition's topic */
    bool ordered, dated, placed;
};

static void look(struct seen *seen, const struct source_item *item)
{
    const char *text = item->text ? item->text : "";
    bool click = strstr(text, "\"click\"") != NULL;
    const char *ts = strstr(text, "\"ts\":");

    seen->records[click]++;
    seen->placed = seen->placed && click == seen->of_clicks[item->partition];
    seen->dated = seen->dated && ts && strtoll(ts + 5, NULL, 10) == item->time_ms;
    seen->ordered = seen->ordered && item->time_ms >= seen->last_ms[item->partition];
    seen->last_ms[item->partition] = item->time_ms;
}

/* Reads all partitions of both topics to their ends. */
static void read_back(const char *brokers, struct seen *seen)
{
    static struct config config;
    struct source *source = NULL;
    struct source_batch batch;
    struct source_start start = {.kind = START_EARLIEST};
    int64_t deadline_ms = clock_mono_ms() + 30000;

    config_defaults(&config);
    assert_int_equal(config_set(&config, "brokers", brokers, "test", NULL), CTR_OK);
    assert_int_equal(config_set(&config, "topics", "views,clicks", "test", NULL), CTR_OK);
    assert_int_equal(config_set(&config, "kafka.fetch.wait.max.ms", "20", "test", NULL), CTR_OK);
    assert_int_equal(kafka_source_open(&config, &source, NULL), CTR_OK);
    *seen = (struct seen){.ordered = true, .dated = true, .placed = true};
    while (seen->records[0] + seen->records[1] < EVENTS && clock_mono_ms() < deadline_ms) {
        assert_int_equal(source->ops->poll(source, 100, &batch), CTR_OK);
        for (size_t i = 0; i < batch.count; i++) {
            const struct source_item *item = &batch.items[i];

            if (item->kind == SOURCE_FOUND) {
                seen->of_clicks[item->partition % 8] =
                    item->length == 6 && memcmp(item->text, "clicks", 6) == 0;
                source->ops->start(source, item->partition, start);
            } else if (item->kind == SOURCE_RECORD && item->partition < 8) {
                look(seen, item);
            }
        }
        source->ops->release(source, &batch);
    }
    source->ops->close(source, 1000);
}

static void what_is_produced_is_what_was_in_the_file(void **state)
{
    struct mock *mock = NULL;
    struct seen seen;
    char line[512];

    (void)state;
    assert_int_equal(mock_open(&mock, NULL), CTR_OK);
    assert_int_equal(mock_topic_create(mock, "views", 4, NULL), CTR_OK);
    assert_int_equal(mock_topic_create(mock, "clicks", 4, NULL), CTR_OK);
    snprintf(line, sizeof line, "--brokers %s --split-topics views,clicks", mock_brokers(mock));
    assert_int_equal(verb_run(line, input), REPLAY_OK);
    assert_non_null(strstr(verb_said, "1000 confirmed by the broker"));
    read_back(mock_brokers(mock), &seen);
    assert_int_equal(seen.records[0], 900);
    assert_int_equal(seen.records[1], 100);
    assert_true(seen.ordered);
    assert_true(seen.dated);
    assert_true(seen.placed);
    mock_close(mock);
}

static void a_missing_topic_stops_at_once_and_names_its_neighbour(void **state)
{
    struct mock *mock = NULL;
    char line[512];

    (void)state;
    assert_int_equal(mock_open(&mock, NULL), CTR_OK);
    assert_int_equal(mock_topic_create(mock, "events", 1, NULL), CTR_OK);
    snprintf(line, sizeof line, "--brokers %s --topic event", mock_brokers(mock));
    assert_int_equal(verb_run(line, input), REPLAY_USAGE);
    assert_non_null(strstr(verb_said, "there is no topic \"event\"; did you mean \"events\"?"));
    assert_non_null(strstr(verb_said, "--create N"));
    mock_close(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_run_prints_the_events_and_counts_them),
        cmocka_unit_test(what_until_leaves_from_takes_up),
        cmocka_unit_test(a_click_goes_by_its_own_time_not_by_that_of_its_view),
        cmocka_unit_test(a_rate_is_kept),
        cmocka_unit_test(a_speed_is_kept),
        cmocka_unit_test(only_ten_complaints_are_shown_and_the_code_is_1),
        cmocka_unit_test(wrong_flags_and_missing_files_are_code_2),
        cmocka_unit_test(what_is_produced_is_what_was_in_the_file),
        cmocka_unit_test(a_missing_topic_stops_at_once_and_names_its_neighbour),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
