/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read out of librdkafka's statistics, and what is not.
 */
#include "service/statistics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/process.h"
#include "tests/support/test.h"

static struct kafka_facts facts;

static enum ctr_status parse(const char *text)
{
    return statistics_parse(text, strlen(text), &facts);
}

static void a_dozen_fields_are_read(void **state)
{
    (void)state;
    assert_int_equal(
        parse(
            "{\"name\":\"x\",\"replyq\":3,\"rxmsgs\":1000,\"rxmsg_bytes\":200000,\"brokers\":{"
            "\"k1:9092/1\":{\"nodeid\":1,\"source\":\"learned\",\"state\":\"UP\","
            "\"outbuf_cnt\":1,\"waitresp_cnt\":2,\"txbytes\":30,\"rxbytes\":40,\"txerrs\":5,"
            "\"rxerrs\":6,\"req_timeouts\":7,\"connects\":8,\"disconnects\":9,"
            "\"rtt\":{\"avg\":1500,\"max\":9000,\"p99\":8000,\"cnt\":10},"
            "\"throttle\":{\"avg\":50,\"cnt\":1}},"
            "\"k1:9092/bootstrap\":{\"nodeid\":-1,\"state\":\"UP\"},"
            "\"GroupCoordinator\":{\"nodeid\":1,\"source\":\"logical\",\"state\":\"INIT\"},"
            "\"k\\\"2 \\u00e9/2\":{\"nodeid\":2,\"state\":\"DOWN\",\"rtt\":{\"avg\":0,\"cnt\":0}}},"
            "\"topics\":{\"a\":{\"partitions\":{"
            "\"0\":{\"fetchq_cnt\":10,\"fetchq_size\":1000,\"fetch_state\":\"active\"},"
            "\"1\":{\"fetchq_cnt\":5,\"fetchq_size\":500,\"fetch_state\":\"offset-query\"},"
            "\"-1\":{\"fetchq_cnt\":99,\"fetchq_size\":99,\"fetch_state\":\"none\"}}},"
            "\"b\":{\"partitions\":{\"7\":{\"fetchq_cnt\":1,\"fetch_state\":\"brand-new\"}}}}}"),
        CTR_OK);
    assert_true(facts.known);
    assert_int_equal(facts.replies, 3);
    assert_int_equal(facts.received_messages, 1000);
    assert_int_equal(facts.received_bytes, 200000);
    assert_int_equal(facts.queue_messages, 16);
    assert_int_equal(facts.queue_bytes, 1500);
    assert_int_equal(facts.fetch_states[KAFKA_FETCH_active], 1);
    assert_int_equal(facts.fetch_states[KAFKA_FETCH_offset_query], 1);
    assert_int_equal(facts.fetch_states[KAFKA_FETCH_other], 1);
    assert_int_equal(facts.fetch_states[KAFKA_FETCH_none], 0);
    assert_int_equal(facts.brokers_count, 2);
    assert_string_equal(facts.brokers[0].name, "k1:9092/1");
    assert_true(facts.brokers[0].up);
    assert_int_equal(facts.brokers[0].rtt_avg_us, 1500);
    assert_int_equal(facts.brokers[0].rtt_p99_us, 8000);
    assert_int_equal(facts.brokers[0].rtt_max_us, 9000);
    assert_int_equal(facts.brokers[0].throttle_ms, 50);
    assert_int_equal(facts.brokers[0].outbuf, 1);
    assert_int_equal(facts.brokers[0].waitresp, 2);
    assert_int_equal(facts.brokers[0].sent_bytes, 30);
    assert_int_equal(facts.brokers[0].received_bytes, 40);
    assert_int_equal(facts.brokers[0].send_errors, 5);
    assert_int_equal(facts.brokers[0].receive_errors, 6);
    assert_int_equal(facts.brokers[0].timeouts, 7);
    assert_int_equal(facts.brokers[0].connects, 8);
    assert_int_equal(facts.brokers[0].disconnects, 9);
    assert_string_equal(facts.brokers[1].name, "k?2\?\?\?/2"); /* fit for a label */
    assert_false(facts.brokers[1].up);
    assert_int_equal(facts.brokers[1].rtt_avg_us, -1); /* nothing was measured */
}

static void what_is_missing_or_of_another_shape_counts_as_nothing(void **state)
{
    static const char *const odd[] = {
        "{}", "{\"brokers\":[1],\"topics\":3}", "{\"brokers\":{\"a\":null,\"b\":{}}}",
        "{\"replyq\":\"x\",\"topics\":{\"a\":{\"partitions\":{\"0\":[]}}}}"};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_int_equal(parse(odd[i]), CTR_OK);
        assert_int_equal(facts.brokers_count, 0);
        assert_int_equal(facts.queue_messages, 0);
        assert_int_equal(facts.replies, 0);
    }
}

static void what_cannot_be_read_leaves_the_facts_alone(void **state)
{
    static char much[STATISTICS_BYTES_MAX + 1];

    (void)state;
    facts = (struct kafka_facts){.replies = 77};
    assert_int_equal(parse(""), CTR_INVALID);
    assert_int_equal(parse("[]"), CTR_INVALID);
    assert_int_equal(parse("{\"replyq\":1"), CTR_INVALID);
    memset(much, ' ', sizeof much);
    memcpy(much, "{}", 2);
    assert_int_equal(statistics_parse(much, sizeof much, &facts), CTR_LIMIT);
    assert_int_equal(facts.replies, 77);
    assert_int_equal(statistics_parse(much, sizeof much - 1, &facts), CTR_OK);
}

static void of_many_brokers_the_first_32_are_kept(void **state)
{
    char text[4096] = "{\"brokers\":{";
    size_t length = strlen(text);

    (void)state;
    for (int i = 0; i < 40; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "%s\"b:%d/%d\":{\"nodeid\":%d}", i > 0 ? "," : "", i, i, i);
    }
    (void)snprintf(text + length, sizeof text - length, "}}");
    assert_int_equal(parse(text), CTR_OK);
    assert_int_equal(facts.brokers_count, KAFKA_BROKERS_MAX);
}

static void the_process_knows_itself(void **state)
{
    struct process_facts before, after;
    int64_t counted = 0;
    FILE *file = NULL;

    (void)state;
    process_read(&before);
    file = fopen("/dev/null", "r");
    assert_non_null(file);
    process_read(&after);
    assert_int_equal(after.open_fds, before.open_fds + 1);
    for (int fd = 0; fd < after.max_fds && fd < 65536; fd++) {
        counted += fcntl(fd, F_GETFD) >= 0;
    }
    assert_int_equal(after.open_fds, counted);
    assert_int_equal(fclose(file), 0);
    assert_true(before.cpu_ms >= 0 && after.cpu_ms >= before.cpu_ms);
    assert_true(before.threads >= 1);
    assert_true(before.max_fds >= before.open_fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dozen_fields_are_read),
        cmocka_unit_test(what_is_missing_or_of_another_shape_counts_as_nothing),
        cmocka_unit_test(what_cannot_be_read_leaves_the_facts_alone),
        cmocka_unit_test(of_many_brokers_the_first_32_are_kept),
        cmocka_unit_test(the_process_knows_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
