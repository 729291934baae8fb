/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/config.h"

/* argv and environ are not const in C; nobody writes to these. */
#define WORD(text) ((char *)(uintptr_t)(text))

static struct config config;
static struct ctr_error error;

static enum ctr_status set(const char *name, const char *value)
{
    return config_set(&config, name, value, "here", &error);
}

static int fresh(void **state)
{
    (void)state;
    config_defaults(&config);
    error.text[0] = '\0';
    return 0;
}

static void the_defaults_are_those_of_the_design(void **state)
{
    (void)state;
    assert_int_equal(config.windows.count, 4);
    assert_string_equal(config.windows.items[config.windows.preferred].name, "10m");
    assert_int_equal(config.settle_ms, 500);
    assert_int_equal(config.late_ms, 48 * 3600 * 1000);
    assert_int_equal(config.future_ms, 60000);
    assert_int_equal(config.listen.port, 8080);
    assert_string_equal(config.admin_listen.host, "127.0.0.1");
    assert_int_equal(config.record_bytes_max, 16384);
    assert_int_equal(config.clock, CLOCK_WALL);
    assert_false(config.start_given);
}

static void clients_have_their_limits(void **state)
{
    (void)state;
    assert_int_equal(config.connections_max, 4096);
    assert_int_equal(config.connections_per_address, 3072);
    assert_int_equal(config.shed_after_ms, 1000);
    assert_int_equal(set("connections_per_address", "0"), CTR_OK);
    assert_int_equal(config.connections_per_address, 0);
    assert_int_equal(set("shed_after", "10ms"), CTR_OK);
    assert_int_equal(config.shed_after_ms, 10);
    assert_int_equal(set("shed_after", "off"), CTR_OK);
    assert_int_equal(config.shed_after_ms, INT64_MAX);
}

static void requests_are_logged_as_told(void **state)
{
    (void)state;
    assert_int_equal(config.access_log, ACCESS_SAMPLED);
    assert_int_equal(config.access_sample, 1000);
    assert_int_equal(config.access_format, ACCESS_LOGFMT);
    assert_int_equal(config.access_query, ACCESS_QUERY_NO);
    assert_int_equal(set("access_log", "off"), CTR_OK);
    assert_int_equal(config.access_log, ACCESS_OFF);
    assert_int_equal(set("access_log", "all"), CTR_OK);
    assert_int_equal(config.access_log, ACCESS_ALL);
    assert_int_equal(set("access_log_format", "json"), CTR_OK);
    assert_int_equal(config.access_format, ACCESS_JSON);
    assert_int_equal(set("access_log_query", "yes"), CTR_OK);
    assert_int_equal(config.access_query, ACCESS_QUERY_YES);
}

static void people_copies_and_minutes_have_their_settings(void **state)
{
    (void)state;
    assert_int_equal(config.people_horizon_ms, 600000);
    assert_int_equal(config.dedup_horizon_ms, 600000);
    assert_int_equal(config.lateness_ms, 120000);
    assert_int_equal(config.click_gap_ms, INT64_MAX);
    assert_string_equal(config.filter_field, "");
    assert_int_equal(config.keep_minutes_ms, INT64_C(8) * 86400000);
    assert_int_equal(config.keep_hours_ms, INT64_C(400) * 86400000);
    assert_int_equal(set("people_horizon", "1h"), CTR_OK);
    assert_int_equal(config.people_horizon_ms, 3600000);
    assert_int_equal(set("click_gap", "2s"), CTR_OK);
    assert_int_equal(config.click_gap_ms, 2000);
    assert_int_equal(set("click_gap", "off"), CTR_OK);
    assert_int_equal(config.click_gap_ms, INT64_MAX);
    assert_int_equal(set("filter", "/device/kind=a=b"), CTR_OK);
    assert_string_equal(config.filter_field, "/device/kind");
    assert_string_equal(config.filter_value, "a=b");
    assert_int_equal(set("max_visitors", "123"), CTR_OK);
    assert_int_equal(config.visitors_max, 123);
}

static void topics_carry_their_type(void **state)
{
    (void)state;
    assert_int_equal(set("topics", "views:view, clicks:click ,both"), CTR_OK);
    assert_int_equal(config.topics_count, 3);
    assert_int_equal(config.topics[0].type, TOPIC_TYPE_VIEW);
    assert_int_equal(config.topics[1].type, TOPIC_TYPE_CLICK);
    assert_string_equal(config.topics[1].name, "clicks");
    assert_int_equal(config.topics[2].type, TOPIC_TYPE_FROM_EVENT);
}

static void a_wrong_value_names_the_place_the_reason_and_the_way_out(void **state)
{
    static const struct {
        const char *name, *value, *says;
    } rows[] = {{"settle", "5 seconds", "500ms"},
                {"settle", "-1s", "500ms"},
                {"future", "never", "or off"},
                {"windows", "10m,10m", "twice"},
                {"windows", "1500ms", "whole number of seconds"},
                {"windows", "", "30s"},
                {"windows", "1m 10m", "comma"},
                {"clock", "Event", "wall, event"},
                {"listen", "8080", "host:port"},
                {"listen", "::1:8080", "[::1]:8080"},
                {"listen", "localhost:66000", "host:port"},
                {"max_keys", "0", "from 1"},
                {"max_visitors", "0", "from 1"},
                {"snapshot_copies", "0", "from 1 to 2"},
                {"snapshot_copies", "3", "from 1 to 2"},
                {"max_ids", "x", "whole number"},
                {"connections_per_address", "1000001", "to 1000000"},
                {"shed_after", "9ms", "10"},
                {"max_exports", "1001", "from 0 to 1000"},
                {"max_streams", "1000001", "from 0 to 1000000"},
                {"lateness", "soon", "10m"},
                {"people_horizon", "-1s", ""},
                {"click_gap", "never", "off"},
                {"filter", "bot", "FIELD=VALUE"},
                {"filter", "=true", "FIELD=VALUE"},
                {"max_keys", "1e6", "whole number"},
                {"topics", "a,a", "twice"},
                {"topics", "a:views", "view or click"},
                {"topics", "", "1 to 32"},
                {"start", "yesterday", "earliest"},
                {"data_dir", "", "1 to"},
                {"log_level", "loud", "debug"},
                {"access_log", "yes", "off, sampled, all"},
                {"access_log_sample", "0", "from 1"},
                {"access_log_format", "xml", "json"},
                {"access_log_query", "maybe", "yes"},
                {"page_impressions", "all", "box_views"}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (set(rows[i].name, rows[i].value) != CTR_INVALID ||
            strstr(error.text, rows[i].says) == NULL || strstr(error.text, "here:") == NULL ||
            strstr(error.text, rows[i].name) == NULL) {
            fail_msg("%s = %s: %s", rows[i].name, rows[i].value, error.text);
        }
    }
}

static void an_unknown_name_is_answered_with_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(set("windws", "1m"), CTR_INVALID);
    assert_non_null(strstr(error.text, "windows"));
    assert_int_equal(set("kafka.", "x"), CTR_INVALID);
}

static void later_doors_win(void **state)
{
    char path[] = "/tmp/livectr-config-XXXXXX";
    int fd = mkstemp(path);
    const char text[] =
        "# a comment\n\n topics = events \nsettle=1s\nlate = 1h\nkafka.a.b = file\n";
    char *environment[] = {WORD("LIVECTR_LATE=2h"), WORD("LIVECTR_FUTURE=off"),
                           WORD("LIVECTR_KAFKA_A_B=env"), WORD("OTHER=1"), NULL};
    char *arguments[] = {WORD("--brokers"),   WORD("h:1"),        WORD("--config"), path,
                         WORD("--future=5s"), WORD("--data-dir"), WORD("/d"),       NULL};

    (void)state;
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    (void)close(fd);
    assert_int_equal(config_load(7, arguments, environment, &config, &error), CTR_OK);
    (void)unlink(path);
    assert_string_equal(config.topics[0].name, "events");
    assert_int_equal(config.settle_ms, 1000);
    assert_int_equal(config.late_ms, 7200000);
    assert_int_equal(config.future_ms, 5000);
    assert_string_equal(config.data_dir, "/d");
    assert_int_equal(config.kafka_count, 1);
    assert_string_equal(config.kafka[0].value, "env");
}

static void a_wrong_line_is_named_by_file_and_number(void **state)
{
    char path[] = "/tmp/livectr-config-XXXXXX";
    int fd = mkstemp(path);
    char *arguments[] = {WORD("--config"), path, NULL};
    char place[64];

    (void)state;
    assert_int_equal(write(fd, "topics = t\nsettle 5s\n", 21), 21);
    (void)close(fd);
    assert_int_equal(config_load(2, arguments, NULL, &config, &error), CTR_INVALID);
    (void)unlink(path);
    (void)snprintf(place, sizeof place, "%s:2", path);
    assert_non_null(strstr(error.text, place));
}

static void what_only_the_whole_can_tell_is_checked(void **state)
{
    char *nothing[] = {NULL};

    (void)state;
    assert_int_equal(config_load(0, nothing, NULL, &config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "--topics"));
    assert_int_equal(set("topics", "t"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "--brokers"));
    assert_int_equal(set("brokers", "b:1"), CTR_OK);
    assert_int_equal(set("admin_listen", "127.0.0.1:8080"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_int_equal(set("admin_listen", "127.0.0.1:8081"), CTR_OK);
    assert_int_equal(set("click_types", "tap,view"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "\"view\""));
    assert_int_equal(set("click_types", "tap,views"), CTR_OK);
    assert_int_equal(set("clock", "event"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_OK);
    assert_int_equal(config.settle_ms, 0);
}

static void who_may_ask_is_checked_as_a_whole(void **state)
{
    (void)state;
    assert_int_equal(set("topics", "t"), CTR_OK);
    assert_int_equal(set("brokers", "b:1"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_OK);
    assert_int_equal(config.open, OPEN_NO);
    assert_string_equal(config.listen.host, "127.0.0.1"); /* nobody else unless it is said */
    assert_int_equal(set("tls_cert", "/c.pem"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "tls_cert is set and tls_key is not"));
    assert_int_equal(set("tls_key", "/k.pem"), CTR_OK);
    assert_int_equal(set("admin_tls", "yes"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_OK);
    assert_int_equal(set("tls_cert", ""), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "tls_key is set and tls_cert is not"));
    assert_int_equal(set("tls_key", ""), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "admin_tls"));
    assert_int_equal(set("admin_tls", "no"), CTR_OK);
    assert_int_equal(set("cors_origins", "https://a.example/"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "cors_origins: \"https://a.example/\" is no origin"));
    assert_int_equal(set("cors_origins", "*"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_OK);
    assert_true(config.cors.any);
    assert_int_equal(set("tokens", "/t"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "cors_origins = *"));
    assert_int_equal(set("cors_origins", "https://a.example"), CTR_OK);
    assert_int_equal(config_check(&config, &error), CTR_OK);
    assert_int_equal(config.cors.count, 1);
}

static void help_names_every_setting(void **state)
{
    char *help = config_help();

    (void)state;
    assert_non_null(help);
    assert_non_null(strstr(help, "snapshot_interval"));
    assert_non_null(strstr(help, "kafka.NAME"));
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_defaults_are_those_of_the_design, fresh),
        cmocka_unit_test_setup(clients_have_their_limits, fresh),
        cmocka_unit_test_setup(requests_are_logged_as_told, fresh),
        cmocka_unit_test_setup(people_copies_and_minutes_have_their_settings, fresh),
        cmocka_unit_test_setup(topics_carry_their_type, fresh),
        cmocka_unit_test_setup(a_wrong_value_names_the_place_the_reason_and_the_way_out, fresh),
        cmocka_unit_test_setup(an_unknown_name_is_answered_with_the_nearest, fresh),
        cmocka_unit_test_setup(later_doors_win, fresh),
        cmocka_unit_test_setup(a_wrong_line_is_named_by_file_and_number, fresh),
        cmocka_unit_test_setup(what_only_the_whole_can_tell_is_checked, fresh),
        cmocka_unit_test_setup(who_may_ask_is_checked_as_a_whole, fresh),
        cmocka_unit_test_setup(help_names_every_setting, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
