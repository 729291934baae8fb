/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr replay --offline` as a whole: files and dumps in, minutes out.
 */
#include "tests/support/test.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/verb.h"

enum { PATH_BYTES = 256 };
#define DATA LIVECTR_TESTS_DIR "/data/open-bandit/"
#define BANDIT                                                                                     \
    "--csv --map ts=timestamp --map page=campaign --map box=item_id "                              \
    "--map visitor=user_features --click-if click=1 --click-after 2s "

static char directory[PATH_BYTES], input[PATH_BYTES + 8], result[PATH_BYTES + 8];

static int set_up(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    snprintf(directory, sizeof directory, "%s/offline-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory)) {
        return -1;
    }
    snprintf(input, sizeof input, "%.240s/input", directory);
    snprintf(result, sizeof result, "%.240s/result", directory);
    verb_use(directory);
    return setenv("TMPDIR", directory, 1);
}

/* Fails where the verb left anything behind. */
static int tear_down(void **state)
{
    (void)state;
    unlink(input);
    unlink(result);
    verb_done();
    return rmdir(directory);
}

static void write_input(const char *text)
{
    FILE *file = fopen(input, "wb");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* A line of the newest result that begins so, as a string until the next call. */
static const char *line_of(const char *beginning)
{
    static char line[2048];
    const char *at = strstr(verb_printed, beginning);
    size_t length;

    if (!at) {
        fail_msg("no line begins with %s in\n%s", beginning, verb_printed);
        return "";
    }
    length = strcspn(at, "\n");
    assert_true(length < sizeof line);
    memcpy(line, at, length);
    line[length] = '\0';
    return line;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in\n%s", part, text);
    }
}

/* Sum of a number over the lines of a level. */
static long sum_of(const char *level, const char *name)
{
    char beginning[64], member[64];
    long sum = 0;

    snprintf(beginning, sizeof beginning, "{\"level\":\"%s\"", level);
    snprintf(member, sizeof member, "\"%s\":", name);
    for (const char *at = strstr(verb_printed, beginning); at; at = strstr(at + 1, beginning)) {
        sum += strtol(strstr(at, member) + strlen(member), NULL, 10);
    }
    return sum;
}

/* The cut of the Open Bandit data has 1,201 views, 207 of them clicked (its README). */
static void real_events_are_all_in_the_minutes(void **state)
{
    (void)state;
    assert_int_equal(verb_run("--offline " BANDIT DATA "bts-men.csv " DATA "bts-women.csv " DATA
                              "random-men.csv",
                              DATA "random-women.csv"),
                     REPLAY_OK);
    for (int i = 0; i < 3; i++) {
        static const char *const levels[] = {"site", "box", "placement"};

        assert_int_equal(sum_of(levels[i], "impressions"), i == 0 ? 0 : 1201);
        assert_int_equal(sum_of(levels[i], "clicks"), 207);
    }
    assert_has(verb_said, "read 1408 records");
    assert_has(verb_said, "counted 1408 (");
}

static void the_definitions_are_settings(void **state)
{
    (void)state;
    assert_int_equal(verb_run("--offline --page-impressions box_views " BANDIT, DATA "bts-men.csv"),
                     REPLAY_OK);
    assert_true(sum_of("site", "impressions") > 0);
    assert_int_equal(sum_of("site", "impressions"), sum_of("placement", "impressions"));
}

/* Two views, a copy, a click, a bot; in the minute after, a click of the second visitor. */
static const char few[] =
    "{\"id\":\"1\",\"type\":\"view\",\"ts\":1700000000000,\"page\":\"/\",\"box\":\"a\","
    "\"visitor\":\"x\"}\n"
    "{\"id\":\"1\",\"type\":\"view\",\"ts\":1700000000000,\"page\":\"/\",\"box\":\"a\","
    "\"visitor\":\"x\"}\n"
    "{\"id\":\"2\",\"type\":\"view\",\"ts\":1700000001000,\"page\":\"/\",\"box\":\"a\","
    "\"visitor\":\"y\"}\n"
    "{\"id\":\"3\",\"type\":\"click\",\"ts\":1700000002000,\"page\":\"/\",\"box\":\"a\","
    "\"visitor\":\"x\"}\n"
    "{\"id\":\"4\",\"type\":\"view\",\"ts\":1700000002000,\"page\":\"/\",\"box\":\"a\","
    "\"visitor\":\"z\",\"bot\":true}\n"
    "{\"id\":\"5\",\"type\":\"click\",\"ts\":1700000062000,\"page\":\"/\",\"box\":\"a\","
    "\"visitor\":\"y\"}\n";

static void copies_people_and_bots(void **state)
{
    const char *line;

    (void)state;
    write_input(few);
    assert_int_equal(verb_run("--offline --filter bot=true", input), REPLAY_OK);
    line = line_of("{\"level\":\"box\",\"page\":null,\"box\":\"a\",\"other\":false,"
                   "\"minute\":\"2023-11-14T22:13:00.000Z\"");
    assert_has(line, "\"state\":\"final\",\"impressions\":2,\"clicks\":1,\"ctr\":0.5,");
    assert_has(line, "\"viewers_10m\":2,\"clickers_10m\":1,\"unseen_clickers_10m\":0,");
    assert_has(line, "\"duplicates\":1,\"late\":0,\"future\":0,\"filtered\":1,\"repeated\":0");
    line = line_of("{\"level\":\"box\",\"page\":null,\"box\":\"a\",\"other\":false,"
                   "\"minute\":\"2023-11-14T22:14:00.000Z\"");
    assert_has(line, "\"impressions\":0,\"clicks\":1,\"ctr\":null,");
    assert_has(line, "\"viewers_10m\":2,\"clickers_10m\":2,");
}

/* The clock of the events ends with the newest, so that its minute stays open. */
static void open_minutes_are_told_as_such(void **state)
{
    (void)state;
    write_input(few);
    assert_int_equal(verb_run("--offline --clock event --lateness 30s", input), REPLAY_OK);
    assert_has(line_of("{\"level\":\"placement\",\"page\":\"/\",\"box\":\"a\",\"other\":false,"
                       "\"minute\":\"2023-11-14T22:13:00.000Z\""),
               "\"state\":\"closing\"");
    assert_has(line_of("{\"level\":\"placement\",\"page\":\"/\",\"box\":\"a\",\"other\":false,"
                       "\"minute\":\"2023-11-14T22:14:00.000Z\""),
               "\"state\":\"live\"");
    /* Final ones and open ones make one order: by key, then by time. */
    assert_int_equal(verb_run("--offline --clock event --lateness 1s", input), REPLAY_OK);
    assert_has(line_of("{\"level\":\"site\""), "\"minute\":\"2023-11-14T22:13:00.000Z\"");
    assert_true(strstr(verb_printed, "\"box\":\"a\",\"other\":false,\"minute\":"
                                     "\"2023-11-14T22:14:00.000Z\",\"state\":\"live\"") <
                strstr(verb_printed, "{\"level\":\"placement\""));
}

static void a_result_as_csv_appears_under_its_name(void **state)
{
    char flags[PATH_BYTES + 64];

    (void)state;
    write_input("{\"type\":\"view\",\"ts\":1700000000000,\"page\":\"say \\\"hi\\\", you\"}\n");
    snprintf(flags, sizeof flags, "--offline --format csv --output %s", result);
    assert_int_equal(verb_run(flags, input), REPLAY_OK);
    assert_string_equal(verb_printed, "");
    verb_slurp(result, verb_printed);
    assert_has(verb_printed,
               "level,page,box,other,minute,state,impressions,clicks,ctr,ctr_low,ctr_high,"
               "viewers_10m,clickers_10m,unseen_clickers_10m,revision,duplicates,late,future,"
               "filtered,repeated\n");
    assert_has(verb_printed,
               "\"page\",\"say \"\"hi\"\", you\",,false,\"2023-11-14T22:13:00.000Z\",\"final\","
               "1,0,0,0,0.7934506856227626,0,0,0,0,0,0,0,0,0\n");
}

static void a_result_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    write_input(few);
    assert_int_equal(verb_run("--offline --output /nowhere/at/all", input), REPLAY_INCOMPLETE);
    assert_has(verb_said, "--output /nowhere/at/all.part: No such file");
}

/* Record times say what is late, and what its producer's clock made of the future. */
static void a_dump_keeps_offsets_and_record_times(void **state)
{
    char flags[PATH_BYTES + 64];

    (void)state;
    /* {"type":"view","ts":1700000000000,"page":"/"}, read at once, a day later, three hours
     * before, and a tombstone; then garbage in another partition */
    write_input(
        "{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"time\":1700000000100,\"value_b64\":"
        "\"eyJ0eXBlIjoidmlldyIsInRzIjoxNzAwMDAwMDAwMDAwLCJwYWdlIjoiLyJ9\"}\n"
        "{\"topic\":\"t\",\"partition\":0,\"offset\":7,\"time\":1700086400100,\"value_b64\":"
        "\"eyJ0eXBlIjoidmlldyIsInRzIjoxNzAwMDAwMDAwMDAwLCJwYWdlIjoiLyJ9\"}\n"
        "{\"topic\":\"t\",\"partition\":0,\"offset\":8,\"time\":1699989200000,\"value_b64\":"
        "\"eyJ0eXBlIjoidmlldyIsInRzIjoxNzAwMDAwMDAwMDAwLCJwYWdlIjoiLyJ9\"}\n"
        "{\"topic\":\"t\",\"partition\":0,\"offset\":9,\"time\":1700000000100,"
        "\"value_b64\":null}\n"
        "{\"topic\":\"t\",\"partition\":1,\"offset\":0,\"time\":1700000000100,"
        "\"value_b64\":\"Zm9v\"}\n");
    snprintf(flags, sizeof flags, "--offline --late 12h --future 1h --dump %s", input);
    assert_int_equal(verb_run(flags, ""), REPLAY_OK);
    assert_has(line_of("{\"level\":\"page\""), "\"impressions\":1,");
    assert_has(line_of("{\"level\":\"page\""), "\"late\":1,\"future\":1,");
    assert_has(verb_said, "read 5 records");
    assert_has(verb_said, "late 1, future 1, malformed 2");
    snprintf(flags, sizeof flags, "--offline --topics u --dump %s", input);
    assert_int_equal(verb_run(flags, ""), REPLAY_USAGE);
    assert_has(verb_said, "holds the topic \"t\", which is not among --topics");
}

static void a_line_of_a_dump_that_is_none_is_named(void **state)
{
    char flags[PATH_BYTES + 64];

    (void)state;
    write_input("{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"time\":1,\"value_b64\":null}\n"
                "{\"topic\":\"t\",\"partition\":0,\"offset\":4,\"time\":1,\"value_b64\":null}\n");
    snprintf(flags, sizeof flags, "--offline --dump %s", input);
    assert_int_equal(verb_run(flags, ""), REPLAY_USAGE);
    assert_has(verb_said, "input:2:");
    write_input("{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"time\":1,\"value_b64\":\"!\"}\n");
    assert_int_equal(verb_run(flags, ""), REPLAY_USAGE);
    assert_has(verb_said, "base64");
}

static void a_line_that_is_no_event_makes_the_exit_code(void **state)
{
    (void)state;
    write_input("{\"type\":\"view\",\"ts\":1700000000000,\"page\":\"/\"}\nnonsense\n");
    assert_int_equal(verb_run("--offline", input), REPLAY_INCOMPLETE);
    assert_has(verb_said, "input:2: ");
    assert_has(verb_said, "lines skipped 1");
    assert_has(line_of("{\"level\":\"page\""), "\"impressions\":1,");
}

/* An event a minute for 6,000 minutes, each with four rows, where only 1,000 may wait: the counting
 * waits for the disk. A partition that lags makes it one step from held records. */
static void minutes_wait_for_the_disk_and_none_is_dropped(void **state)
{
    FILE *file = fopen(input, "wb");

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 6000; i++) {
        fprintf(file, "{\"type\":\"view\",\"ts\":%lld,\"page\":\"p\",\"box\":\"b\"}\n",
                1700000000000 + i * 60000LL);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(verb_run("--offline --max-minutes 1000", input), REPLAY_OK);
    assert_int_equal(sum_of("box", "impressions"), 6000);
    assert_int_equal(sum_of("placement", "impressions"), 6000);
}

static void flags_that_do_not_go_together_are_named(void **state)
{
    static const struct {
        const char *flags, *file, *said;
    } cases[] = {
        {"--offline --topic x", "f", "--offline produces nothing"},
        {"--offline --rate 5", "f", "--offline produces nothing"},
        {"--offline", "", "what to read?"},
        {"--offline --brokers localhost:1", "", "topics is not set"},
        {"--offline --brokers localhost:1", "f", "not both"},
        {"--offline --dump x", "f", "--dump and files exclude each other"},
        {"--offline --dump x --from 2023-11-14T22:13:00Z", "", "are for files"},
        {"--offline --dump /nowhere", "", "/nowhere: No such file"},
        {"--offline --format xml", "f", "wanted ndjson or csv"},
        {"--offline --lateness maybe", "f", "--lateness"},
        {"--offline --latenes 5m", "f", "latenes"},
        {"--topic t --brokers b:1 --dump x", "f", "need --offline"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(verb_run(cases[i].flags, cases[i].file), REPLAY_USAGE);
        assert_has(verb_said, cases[i].said);
        assert_string_equal(verb_printed, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_events_are_all_in_the_minutes),
        cmocka_unit_test(the_definitions_are_settings),
        cmocka_unit_test(copies_people_and_bots),
        cmocka_unit_test(open_minutes_are_told_as_such),
        cmocka_unit_test(a_result_as_csv_appears_under_its_name),
        cmocka_unit_test(a_result_that_cannot_be_written_is_told),
        cmocka_unit_test(a_dump_keeps_offsets_and_record_times),
        cmocka_unit_test(a_line_of_a_dump_that_is_none_is_named),
        cmocka_unit_test(a_line_that_is_no_event_makes_the_exit_code),
        cmocka_unit_test(minutes_wait_for_the_disk_and_none_is_dropped),
        cmocka_unit_test(flags_that_do_not_go_together_are_named),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
