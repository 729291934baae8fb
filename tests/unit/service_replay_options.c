/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/manual.h"
#include "service/replay_options.h"
#include "service/verb.h"

enum { ARGUMENTS_MAX = 32 };

static struct replay_options options;
static struct ctr_error problem;

/* Splits a command line at spaces and reads it. */
static enum ctr_status parse(const char *line)
{
    static char copy[1024];
    static char no_environment[] = "PATH=/bin";
    char *environment[] = {no_environment, NULL};
    char *argv[ARGUMENTS_MAX];
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = copy; *at; at += strspn(at, " ")) {
        argv[argc++] = at;
        at += strcspn(at, " ");
        if (*at) {
            *at++ = '\0';
        }
    }
    problem = (struct ctr_error){0};
    return replay_options_parse(argc, argv, environment, &options, &problem);
}

static void expect_refused(const char *line, const char *said)
{
    assert_int_equal(parse(line), CTR_INVALID);
    if (!strstr(problem.text, said)) {
        fail_msg("\"%s\" says \"%s\", not \"%s\"", line, problem.text, said);
    }
}

static void a_plain_replay_has_the_documented_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("--brokers k:9092 --topic events a b"), CTR_OK);
    assert_string_equal(options.config.brokers, "k:9092");
    assert_string_equal(options.topics[EVENT_VIEW], "events");
    assert_string_equal(options.topics[EVENT_CLICK], "events");
    assert_int_equal(options.files_count, 2);
    assert_string_equal(options.files[1], "b");
    assert_int_equal(options.key, REPLAY_KEY_VISITOR);
    assert_true(options.from_ms == INT64_MIN && options.until_ms == INT64_MAX);
    assert_int_equal(options.partitions, 0);
    assert_false(options.csv);
    assert_false(options.dry_run);
    assert_true(options.speed <= 0 && options.rate <= 0);
}

static void flags_take_their_values_behind_them_or_after_an_equals_sign(void **state)
{
    (void)state;
    assert_int_equal(parse("--brokers=k:1 --split-topics=v,c --create=3 --speed=100x "
                           "--partition-by=page --kafka.acks=all --kafka.linger.ms 7 -- --odd"),
                     CTR_OK);
    assert_string_equal(options.config.brokers, "k:1");
    assert_string_equal(options.topics[EVENT_VIEW], "v");
    assert_string_equal(options.topics[EVENT_CLICK], "c");
    assert_int_equal(options.partitions, 3);
    assert_true(options.speed > 99 && options.speed < 101);
    assert_int_equal(options.key, REPLAY_KEY_PAGE);
    assert_int_equal(options.config.kafka_count, 2);
    assert_string_equal(options.config.kafka[1].name, "linger.ms");
    assert_string_equal(options.config.kafka[1].value, "7");
    assert_string_equal(options.files[0], "--odd");
}

static void csv_flags_make_a_map(void **state)
{
    (void)state;
    assert_int_equal(parse("--dry-run --csv --separator tab --map ts=t --map page=p --set box=b "
                           "--click-if c=1 --click-after 1500ms x.csv"),
                     CTR_OK);
    assert_true(options.csv && options.dry_run);
    assert_int_equal(options.separator, '\t');
    assert_string_equal(options.map.columns[REPLAY_TS], "t");
    assert_string_equal(options.map.constants[REPLAY_BOX], "b");
    assert_string_equal(options.map.constants[REPLAY_TYPE], "view");
    assert_string_equal(options.map.click_column, "c");
    assert_string_equal(options.map.click_value, "1");
    assert_int_equal(options.map.click_after_ms, 1500);
    assert_string_equal(options.config.fields.ts, "ts");
}

static void maps_of_ndjson_rename_its_fields(void **state)
{
    (void)state;
    assert_int_equal(parse("--dry-run --map ts=/meta/at --set type=click x"), CTR_OK);
    assert_string_equal(options.config.fields.ts, "/meta/at");
    assert_string_equal(options.config.fields.page, "page");
    assert_string_equal(options.map.constants[REPLAY_TYPE], "click");
}

static void from_and_until_are_moments(void **state)
{
    (void)state;
    assert_int_equal(parse("--dry-run --from 2019-11-24T00:00:00Z --until "
                           "2019-11-24T01:00:00+01:00 x --rate 2.5"),
                     CTR_INVALID); /* the same moment */
    assert_int_equal(parse("--dry-run --from 2019-11-24T00:00:00Z --until "
                           "2019-11-24T00:00:00.001Z x --rate 2.5"),
                     CTR_OK);
    assert_int_equal(options.from_ms, INT64_C(1574553600000));
    assert_int_equal(options.until_ms, INT64_C(1574553600001));
    assert_true(options.rate > 2.4 && options.rate < 2.6);
}

static void what_cannot_be_is_refused_with_the_way_out(void **state)
{
    (void)state;
    expect_refused("--brokers k --topic t", "Name them, or - for stdin");
    expect_refused("--brokers k x", "Add --topic TOPIC");
    expect_refused("--topic t x", "brokers");
    expect_refused("--brokers k --topic t --split-topics v,c x", "exclude each other");
    expect_refused("--brokers k --split-topics v x", "VIEWS,CLICKS");
    expect_refused("--brokers k --split-topics v,c,d x", "VIEWS,CLICKS");
    expect_refused("--brokers k --split-topics ,c x", "VIEWS,CLICKS");
    expect_refused("--dry-run --speed 1 --rate 5 x", "exclude each other");
    expect_refused("--dry-run --speed 0 x", "max, or a multiple");
    expect_refused("--dry-run --speed fast x", "max, or a multiple");
    expect_refused("--dry-run --rate -1 x", "more than 0");
    expect_refused("--dry-run --rate nan x", "more than 0");
    expect_refused("--dry-run --create 0 x", "1 to 10000");
    expect_refused("--dry-run --create 4x x", "1 to 10000");
    expect_refused("--dry-run --partition-by box x", "visitor, page or none");
    expect_refused("--dry-run --from yesterday x", "RFC 3339");
    expect_refused("--dry-run --until 2019-11-24 x", "RFC 3339");
    expect_refused("--dry-run --separator ab x", "one byte");
    expect_refused("--dry-run --csv --click-after 2 x", "a span like");
    expect_refused("--dry-run --csv --map ts=t --map page=p --set type=view --click-after 2s x",
                   "--click-after needs --click-if");
    expect_refused("--dry-run --click-if c=1 x", "need --csv");
    expect_refused("--dry-run --set page=/ x", "need --csv");
    expect_refused("--dry-run --csv x", "--click-if COLUMN=VALUE");
    expect_refused("--dry-run=yes x", "takes no value");
    expect_refused("--topic", "needs a value behind it");
    expect_refused("--tpic t x", "did you mean \"--topic\"?");
    expect_refused("--windows 1m x", "unknown option --windows");
    expect_refused("--dry-run --kafka.acks x y --kafka.", "--kafka.");
}

static void help_needs_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(parse("--help"), CTR_OK);
    assert_true(options.help);
    assert_int_equal(parse("-h"), CTR_OK);
    assert_true(options.help);
}

static void help_names_every_flag(void **state)
{
    static const char *const names[] = {
        "--brokers", "--config", "--topic",     "--split-topics", "--create",   "--partition-by",
        "--csv",     "--map",    "--separator", "--set",          "--click-if", "--click-after",
        "--speed",   "--rate",   "--from",      "--until",        "--dry-run",  "--kafka."};

    char *help = manual_help(&verb_replay);

    (void)state;
    assert_non_null(help);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_non_null(strstr(help, names[i]));
    }
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_replay_has_the_documented_defaults),
        cmocka_unit_test(flags_take_their_values_behind_them_or_after_an_equals_sign),
        cmocka_unit_test(csv_flags_make_a_map),
        cmocka_unit_test(maps_of_ndjson_rename_its_fields),
        cmocka_unit_test(from_and_until_are_moments),
        cmocka_unit_test(what_cannot_be_is_refused_with_the_way_out),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(help_names_every_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
