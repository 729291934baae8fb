/* SPDX-License-Identifier: Apache-2.0
 *
 * /metrics in its two formats, and the page of docs/ that is made of the same list.
 */
#include "api/metrics.h"

#include "api/accept.h"
#include "api/counters.h"
#include "tests/unit/api_fixture.h"

static struct fixture fixture;
static struct service_details shown;

static void tell_details(void *owner, struct service_details *ret_details)
{
    (void)owner;
    *ret_details = shown;
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 5, 1, "/a", "b");
    fixture_publish(&fixture);
    memset(&shown, 0, sizeof shown);
    fixture.context.details = tell_details;
    return 0;
}

static int done(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

/* The page as a string that the caller frees. */
static char *ask(const char *accept, const char *type)
{
    struct api_request request = {.method = API_GET,
                                  .target = "/metrics",
                                  .accept = accept,
                                  .now_ms = FIXTURE_TS + 5000,
                                  .mono_ms = 100000};
    struct api_response response;
    char *text;

    api_respond(&fixture.context, true, &request, &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, type);
    text = calloc(1, response.body_length + 2);
    assert_non_null(text);
    text[0] = '\n'; /* so that each line can be looked for whole */
    memcpy(text + 1, response.body, response.body_length);
    api_response_done(&response);
    return text;
}

#define TEXT        "text/plain; version=0.0.4; charset=utf-8"
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static void expect(const char *text, const char *line, bool there)
{
    if ((strstr(text, line) != NULL) != there)
        print_message("%s: %s\n", there ? "not there" : "there", line);
    assert_true((strstr(text, line) != NULL) == there);
}

static void both_formats_name_the_same_values(void **state)
{
    char *text = ask(NULL, TEXT);
    char *open = ask("application/openmetrics-text", OPENMETRICS);
    static const char *const both[] = {
        "\nlivectr_build_info{version=\"test\"} 1\n",
        "\nlivectr_partition_read_total{topic=\"events\",partition=\"0\"} 6\n",
        "\nlivectr_slices{grain=\"1s\"} 1\n",
        "\nlivectr_event_delay_seconds_bucket{stage=\"recorded\",le=\"0.0\"} 6\n",
        "\nlivectr_event_delay_seconds_bucket{stage=\"recorded\",le=\"2.5\"} 6\n",
        "\nlivectr_event_delay_seconds_sum{stage=\"recorded\"} 0.000\n",
        "\nlivectr_event_delay_seconds_count{stage=\"recorded\"} 6\n"};

    (void)state;
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        expect(text, both[i], true);
        expect(open, both[i], true);
    }
    expect(text, "\n# TYPE livectr_build_info gauge\n", true);
    expect(open, "\n# TYPE livectr_build info\n", true);
    expect(text, "\n# TYPE livectr_partition_read_total counter\n", true);
    expect(open, "\n# TYPE livectr_partition_read counter\n", true);
    expect(open, "\n# UNIT livectr_lag_seconds seconds\n", true);
    expect(open, "\n# UNIT process_cpu_seconds seconds\n", true);
    expect(text, "# UNIT", false);
    expect(text, "# EOF", false);
    assert_string_equal(open + strlen(open) - 6, "# EOF\n");
    free(text);
    free(open);
}

static void the_client_chooses_the_format(void **state)
{
    static const struct {
        const char *accept;
        bool openmetrics;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*/*", false},
        {"text/plain", false},
        {"application/json", false},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text; Version=1.0.0", true},
        {"application/openmetrics-text;version=0.0.1", false},
        {"application/openmetrics-text;version=2.0.0", false},
        {"application/openmetrics-textual", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;q=0.000", false},
        {"application/openmetrics-text;q=0.4, text/plain;q=0.5", false},
        {"application/openmetrics-text;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true},
        {"text/plain;q=0.5,\tapplication/openmetrics-text ;version=1.0.0 ; q=0.500", true},
        {";;;q=,,;", false},
        {"application/openmetrics-text;", true},
        {",application/openmetrics-text", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (accept_openmetrics(cases[i].accept) != cases[i].openmetrics)
            print_message("%s\n", cases[i].accept);
        assert_true(accept_openmetrics(cases[i].accept) == cases[i].openmetrics);
    }
}

static void answers_are_counted_by_route_and_status_and_time(void **state)
{
    char *text;

    (void)state;
    http_counters_add_response(&fixture.counters, 0, 200);
    http_counters_add_response(&fixture.counters, 0, 503);
    http_counters_add_response(&fixture.counters, HTTP_ROUTE_OTHER, 404);
    http_counters_add_response(&fixture.counters, HTTP_ROUTE_REFUSED, 400);
    http_counters_add_duration(&fixture.counters, 0, 100);
    http_counters_add_duration(&fixture.counters, 0, 101);
    http_counters_add_duration(&fixture.counters, 0, -5);
    http_counters_add_duration(&fixture.counters, 0, 1000001);
    text = ask(NULL, TEXT);
    expect(text, "_responses_total{route=\"/v1/ctr\",code=\"200\"} 1\n", true);
    expect(text, "_responses_total{route=\"/v1/ctr\",code=\"503\"} 1\n", true);
    expect(text, "_responses_total{route=\"/v1/pages\",code=\"200\"} 0\n", true);
    expect(text, "_responses_total{route=\"/v1/pages\",code=\"503\"}", false);
    expect(text, "_responses_total{route=\"other\",code=\"404\"} 1\n", true);
    expect(text, "_responses_total{route=\"refused\",code=\"400\"} 1\n", true);
#define BUCKET "_duration_seconds_bucket{route=\"/v1/ctr\",le="
    expect(text, BUCKET "\"0.00005\"} 1\n", true);
    expect(text, BUCKET "\"0.0001\"} 2\n", true);
    expect(text, BUCKET "\"0.00025\"} 3\n", true);
    expect(text, BUCKET "\"1.0\"} 3\n", true);
    expect(text, BUCKET "\"+Inf\"} 4\n", true);
    expect(text, "_duration_seconds_sum{route=\"/v1/ctr\"} 1.000202\n", true);
    expect(text, "_duration_seconds_count{route=\"/v1/ctr\"} 4\n", true);
    free(text);
}

static void what_is_not_known_has_no_line(void **state)
{
    char *text;

    (void)state;
    shown.process = (struct process_facts){.cpu_ms = 12345, .open_fds = -1, .max_fds = 1024};
    text = ask(NULL, TEXT);
    expect(text, "\nprocess_cpu_seconds_total 12.345\n", true);
    expect(text, "\nprocess_max_fds 1024\n", true);
    expect(text, "\nprocess_open_fds ", false);
    expect(text, "\n# TYPE process_open_fds gauge\n", true);
    expect(text, "\nlivectr_snapshot_age_seconds ", false);
    expect(text, "\nlivectr_kafka_statistics_skipped_total 0\n", true);
    expect(text, "\nlivectr_kafka_statistics_age_seconds ", false);
    free(text);
    fixture.facts.snapshot_ms = FIXTURE_TS + 1500;
    fixture.context.details = NULL;
    text = ask(NULL, TEXT);
    expect(text, "\nlivectr_snapshot_age_seconds 3.500\n", true);
    expect(text, "\nprocess_cpu_seconds_total ", false);
    free(text);
}

static void librdkafka_is_shown_by_broker(void **state)
{
    struct kafka_facts *kafka = &shown.kafka;
    char *text;

    (void)state;
    *kafka = (struct kafka_facts){.known = true,
                                  .age_ms = 2500,
                                  .queue_bytes = 777,
                                  .fetch_states = {[KAFKA_FETCH_active] = 3},
                                  .brokers_count = 2};
    kafka->brokers[0] = (struct kafka_broker_facts){
        .name = "k1:9092/1", .up = true, .rtt_avg_us = 1500, .rtt_p99_us = 2000000, .timeouts = 4};
    kafka->brokers[1] = (struct kafka_broker_facts){
        .name = "k2:9092/2", .rtt_avg_us = -1, .rtt_p99_us = -1, .rtt_max_us = -1};
    text = ask(NULL, TEXT);
    expect(text, "\nlivectr_kafka_statistics_age_seconds 2.500\n", true);
    expect(text, "\nlivectr_kafka_queue_bytes 777\n", true);
    expect(text, "\nlivectr_kafka_partitions{fetch_state=\"active\"} 3\n", true);
    expect(text, "\nlivectr_kafka_broker_up{broker=\"k1:9092/1\"} 1\n", true);
    expect(text, "\nlivectr_kafka_broker_up{broker=\"k2:9092/2\"} 0\n", true);
#define RTT "\nlivectr_kafka_broker_rtt_seconds{broker=\"k1:9092/1\",stat="
    expect(text, RTT "\"avg\"} 0.001500\n", true);
    expect(text, RTT "\"p99\"} 2.000000\n", true);
    expect(text, "rtt_seconds{broker=\"k2:9092/2\"", false);
    expect(text, "_errors_total{broker=\"k1:9092/1\",kind=\"timeout\"} 4\n", true);
    free(text);
}

/* docs/metrics.md is what the list makes of it: run ./dev docs after a change. */
static void the_page_of_the_docs_is_made_of_the_list(void **state)
{
    struct writer writer;
    char *bytes = NULL;
    char *file_bytes;
    size_t length = 0;
    FILE *file = fopen(LIVECTR_TESTS_DIR "/../docs/metrics.md", "r");

    (void)state;
    assert_non_null(file);
    writer_init(&writer, 1048576);
    metrics_write_document(&writer);
    assert_int_equal(writer_take(&writer, &bytes, &length), CTR_OK);
    file_bytes = calloc(1, length + 2);
    assert_non_null(file_bytes);
    assert_int_equal(fread(file_bytes, 1, length + 1, file), length);
    (void)fclose(file);
    assert_memory_equal(file_bytes, bytes, length);
    free(file_bytes);
    free(bytes);
}

static void each_row_of_the_list_is_fit_to_be_read(void **state)
{
    static const char *const bad = "\\\"|\n";

    (void)state;
    for (size_t i = 0; metrics_at(i) != NULL; i++) {
        const struct metric *metric = metrics_at(i);
        const char *unit = metric_unit_name(metric->unit);

        print_message("%s\n", metric->name);
        assert_true(metric->help[strlen(metric->help) - 1] == '.');
        assert_true(strpbrk(metric->help, bad) == NULL && strpbrk(metric->rise, bad) == NULL);
        assert_true(metric->rise[0] != '\0');
        assert_true((metric->type == METRIC_COUNTER) ==
                    (strcmp(metric->name + strlen(metric->name) - 6, "_total") == 0));
        assert_true(unit[0] == '\0' || strstr(metric->name, unit) != NULL);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(metrics_at(k)->name, metric->name);
    }
}

static void a_thread_that_answers_for_long_is_seen(void **state)
{
    struct http_counters *counters = &fixture.counters;
    unsigned first = http_counters_enter(counters, 40000);
    unsigned second = http_counters_enter(counters, 99000);
    char *text = ask(NULL, TEXT);

    (void)state;
    assert_int_not_equal(first, second);
    expect(text, "\nlivectr_thread_silence_seconds{thread=\"http\"} 60.000\n", true);
    free(text);
    http_counters_leave(counters, first);
    assert_int_equal(http_counters_busy_ms(counters, 100000), 1000);
    http_counters_leave(counters, second);
    assert_int_equal(http_counters_busy_ms(counters, 100000), 0);
    for (unsigned i = 0; i < HTTP_BUSY_SLOTS; i++)
        assert_int_equal(http_counters_enter(counters, 1), i);
    http_counters_leave(counters, http_counters_enter(counters, 1)); /* no room: not seen */
    assert_int_equal(http_counters_busy_ms(counters, 5), 4);
}

#define WITH_EVENTS(test) cmocka_unit_test_setup_teardown(test, start, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EVENTS(both_formats_name_the_same_values),
        WITH_EVENTS(the_client_chooses_the_format),
        WITH_EVENTS(answers_are_counted_by_route_and_status_and_time),
        WITH_EVENTS(what_is_not_known_has_no_line),
        WITH_EVENTS(librdkafka_is_shown_by_broker),
        WITH_EVENTS(the_page_of_the_docs_is_made_of_the_list),
        WITH_EVENTS(each_row_of_the_list_is_fit_to_be_read),
        WITH_EVENTS(a_thread_that_answers_for_long_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
