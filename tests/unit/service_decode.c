/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/decode.h"

#define TS    "\"ts\":1795454594000"
#define TS_MS INT64_C(1795454594000)
#define HEAD  "{\"type\":\"view\"," TS ","

static struct decoder *new_decoder(void (*change)(struct config *))
{
    struct config config;
    struct decoder *decoder = NULL;
    struct ctr_error error;

    config_defaults(&config);
    if (change != NULL) {
        change(&config);
    }
    assert_int_equal(decoder_new(&config, &decoder, &error), CTR_OK);
    return decoder;
}

static struct decoded decode(struct decoder *decoder, const char *text, enum topic_type type)
{
    struct decoded decoded;

    decode_record(decoder, text, strlen(text), type, &decoded);
    return decoded;
}

static void assert_text(struct text text, const char *wanted)
{
    assert_int_equal(text.length, strlen(wanted));
    assert_memory_equal(text.bytes, wanted, text.length);
}

static void a_whole_event_is_read_field_by_field(void **state)
{
    struct decoder *decoder = new_decoder(NULL);
    struct decoded decoded =
        decode(decoder,
               "{\"id\":\"e-1\",\"type\":\"click\"," TS ",\"page\":\"/offer/list\",\"box\":\"b 1\","
               "\"visitor\":\"v\",\"other\":[1,2.5,{\"deep\":null}]}",
               TOPIC_TYPE_FROM_EVENT);

    (void)state;
    assert_true(decoded.is_event);
    assert_int_equal(decoded.event.type, EVENT_CLICK);
    assert_int_equal(decoded.event.ts_ms, TS_MS);
    assert_text(decoded.event.page, "/offer/list");
    assert_text(decoded.event.box, "b 1");
    assert_text(decoded.event.visitor, "v");
    assert_text(decoded.event.id, "e-1");
    decoder_free(decoder);
}

static void null_and_empty_mean_absent_for_optional_fields(void **state)
{
    struct decoder *decoder = new_decoder(NULL);
    struct decoded decoded = decode(decoder, HEAD "\"page\":\"p\",\"box\":null,\"visitor\":\"\"}",
                                    TOPIC_TYPE_FROM_EVENT);

    (void)state;
    assert_true(decoded.is_event);
    assert_int_equal(decoded.event.box.length, 0);
    assert_int_equal(decoded.event.visitor.length, 0);
    assert_int_equal(decoded.event.id.length, 0);
    decoder_free(decoder);
}

static void the_type_of_the_topic_wins(void **state)
{
    struct decoder *decoder = new_decoder(NULL);
    struct decoded decoded =
        decode(decoder, "{\"type\":7," TS ",\"page\":\"p\"}", TOPIC_TYPE_CLICK);

    (void)state;
    assert_true(decoded.is_event);
    assert_int_equal(decoded.event.type, EVENT_CLICK);
    decoder_free(decoder);
}

static void times_are_epoch_ms_or_rfc_3339(void **state)
{
    static const struct {
        const char *ts;
        int64_t ms; /* -1: refused */
    } rows[] = {{"0", 0},
                {"253402300799999", INT64_C(253402300799999)},
                {"253402300800000", -1},
                {"-1", -1},
                {"\"2019-11-24T00:01:03.979311+00:00\"", INT64_C(1574553663979)},
                {"\"2026-11-23T17:23:14Z\"", TS_MS},
                {"\"2026-11-23T18:23:14.0009+01:00\"", TS_MS},
                {"\"2026-11-23t17:23:14Z\"", -1},
                {"\"2026-11-23 17:23:14Z\"", -1},
                {"\"2026-11-23T17:23:60Z\"", -1},
                {"\"2026-11-23T17:23:14\"", -1},
                {"\"2026-02-29T17:23:14Z\"", -1},
                {"\"1969-12-31T23:59:59Z\"", -1},
                {"\"2026-11-23T17:23:14.1234567890Z\"", -1},
                {"1.5", -1},
                {"1e12", -1},
                {"true", -1},
                {"null", -1}};
    struct decoder *decoder = new_decoder(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[160];
        struct decoded decoded;

        (void)snprintf(text, sizeof text, "{\"type\":\"view\",\"ts\":%s,\"page\":\"p\"}",
                       rows[i].ts);
        decoded = decode(decoder, text, TOPIC_TYPE_FROM_EVENT);
        if (decoded.is_event != (rows[i].ms >= 0) ||
            (decoded.is_event && decoded.event.ts_ms != rows[i].ms)) {
            fail_msg("ts %s: is_event %d, %lld ms", rows[i].ts, (int)decoded.is_event,
                     (long long)decoded.event.ts_ms);
        }
    }
    decoder_free(decoder);
}

static void each_refusal_has_its_reason(void **state)
{
    static const struct {
        const char *text;
        enum malformed_reason reason;
    } rows[] = {
        {"", MALFORMED_EMPTY},
        {"nothing", MALFORMED_NOT_JSON},
        {"1", MALFORMED_NOT_JSON},
        {HEAD "\"page\":\"p\"} x", MALFORMED_NOT_JSON},
        {HEAD "\"page\":\"p\",\"n\":1e999}", MALFORMED_NOT_JSON},
        {HEAD "\"page\":\"p\",\"n\":9223372036854775808}", MALFORMED_NOT_JSON},
        {HEAD "\"page\":\"\\u0000\"}", MALFORMED_NOT_JSON},
        {HEAD "\"page\":\"\\ud800\"}", MALFORMED_NOT_JSON},
        {HEAD "\"page\":\"\xff\"}", MALFORMED_NOT_UTF8},
        {HEAD "\"page\":\"p\",\"page\":\"p\"}", MALFORMED_KEY_TWICE},
        {HEAD "\"page\":\"p\",\"in\":{\"a\":1,\"a\":2}}", MALFORMED_KEY_TWICE},
        {"[]", MALFORMED_WRONG_TYPE},
        {"{" TS ",\"page\":\"p\"}", MALFORMED_MISSING},
        {"{\"type\":\"view\",\"page\":\"p\"}", MALFORMED_MISSING},
        {"{\"type\":\"view\"," TS "}", MALFORMED_MISSING},
        {HEAD "\"page\":1}", MALFORMED_WRONG_TYPE},
        {HEAD "\"page\":null}", MALFORMED_WRONG_TYPE},
        {HEAD "\"page\":\"p\",\"box\":[]}", MALFORMED_WRONG_TYPE},
        {HEAD "\"page\":\"p\",\"id\":5}", MALFORMED_WRONG_TYPE},
        {HEAD "\"page\":\"\"}", MALFORMED_BAD_VALUE},
        {HEAD "\"page\":\"a\\tb\"}", MALFORMED_BAD_VALUE},
        {HEAD "\"page\":\"p\",\"visitor\":\"\x7f\"}", MALFORMED_BAD_VALUE},
        {"{\"type\":\"hover\"," TS ",\"page\":\"p\"}", MALFORMED_BAD_VALUE},
    };
    struct decoder *decoder = new_decoder(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct decoded decoded = decode(decoder, rows[i].text, TOPIC_TYPE_FROM_EVENT);

        if (decoded.is_event || decoded.reason != rows[i].reason) {
            fail_msg("%s: is_event %d, %s", rows[i].text, (int)decoded.is_event,
                     decoded.is_event ? "" : malformed_reason_name(decoded.reason));
        }
    }
    decoder_free(decoder);
}

static void ids_of_512_bytes_pass_and_513_do_not(void **state)
{
    struct decoder *decoder = new_decoder(NULL);
    char text[800];
    char id[514];

    (void)state;
    memset(id, 'x', sizeof id);
    for (int length = 512; length <= 513; length++) {
        struct decoded decoded;

        (void)snprintf(text, sizeof text, HEAD "\"page\":\"%.*s\"}", length, id);
        decoded = decode(decoder, text, TOPIC_TYPE_FROM_EVENT);
        assert_int_equal(decoded.is_event, length == 512);
        assert_true(decoded.is_event || decoded.reason == MALFORMED_TOO_LONG);
    }
    decoder_free(decoder);
}

static void small_records(struct config *config)
{
    config->record_bytes_max = 64;
}

static void a_record_longer_than_the_limit_is_not_parsed(void **state)
{
    struct decoder *decoder = new_decoder(small_records);
    struct decoded decoded =
        decode(decoder, HEAD "\"page\":\"0123456789012345678901234567890123456789\"}",
               TOPIC_TYPE_FROM_EVENT);

    (void)state;
    assert_false(decoded.is_event);
    assert_int_equal(decoded.reason, MALFORMED_TOO_LONG);
    decoder_free(decoder);
}

static void other_names(struct config *config)
{
    struct ctr_error error;

    assert_int_equal(config_set(config, "field_page", "/context/url~1path", "t", &error), CTR_OK);
    assert_int_equal(config_set(config, "field_visitor", "/user/id", "t", &error), CTR_OK);
    assert_int_equal(config_set(config, "field_ts", "when", "t", &error), CTR_OK);
    assert_int_equal(config_set(config, "view_types", "seen, shown", "t", &error), CTR_OK);
}

static void fields_and_types_can_have_other_names_and_places(void **state)
{
    struct decoder *decoder = new_decoder(other_names);
    struct decoded decoded =
        decode(decoder,
               "{\"type\":\"shown\",\"when\":5,\"context\":{\"url/path\":\"/x\"},"
               "\"user\":{\"id\":\"v-secret\"}}",
               TOPIC_TYPE_FROM_EVENT);

    (void)state;
    assert_true(decoded.is_event);
    assert_int_equal(decoded.event.ts_ms, 5);
    assert_text(decoded.event.page, "/x");
    assert_text(decoded.event.visitor, "v-secret");
    decoded = decode(
        decoder, "{\"type\":\"shown\",\"when\":\"soon\",\"user\":{\"id\":\"v-secret\",\"n\":1}}",
        TOPIC_TYPE_FROM_EVENT);
    assert_false(decoded.is_event);
    assert_null(strstr(decoded.detail, "secret"));
    assert_non_null(strstr(decoded.detail, "\"n\":1"));
    decoder_free(decoder);
}

static void a_path_that_is_none_is_refused(void **state)
{
    struct config config;
    struct decoder *decoder = NULL;
    struct ctr_error error;

    (void)state;
    config_defaults(&config);
    (void)snprintf(config.fields.page, sizeof config.fields.page, "/a~2");
    assert_int_equal(decoder_new(&config, &decoder, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "/a~2"));
}

static void filter_bots(struct config *config)
{
    struct ctr_error error;

    assert_int_equal(config_set(config, "filter", "bot=true", "here", &error), CTR_OK);
}

static void filter_a_pointer(struct config *config)
{
    struct ctr_error error;

    assert_int_equal(config_set(config, "filter", "/device/kind=crawler 1", "here", &error),
                     CTR_OK);
}

static void only_the_very_value_is_filtered(void **state)
{
    static const struct {
        const char *rest;
        bool filtered;
    } cases[] = {
        {",\"bot\":true", true},     {",\"bot\":\"true\"", true}, {",\"bot\":false", false},
        {",\"bot\":\"tru\"", false}, {",\"bot\":\"\"", false},    {",\"bot\":\"True\"", false},
        {",\"bot\":1", false},       {",\"bot\":null", false},    {"", false},
        {",\"bot\":[true]", false},  {",\"robot\":true", false},
    };
    struct decoder *decoder = new_decoder(filter_bots);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        struct decoded decoded;

        (void)snprintf(text, sizeof text, HEAD "\"page\":\"p\"%s}", cases[i].rest);
        decoded = decode(decoder, text, TOPIC_TYPE_FROM_EVENT);
        assert_true(decoded.is_event);
        if (decoded.event.filtered != cases[i].filtered) {
            fail_msg("%s", text);
        }
    }
    decoder_free(decoder);
    decoder = new_decoder(filter_a_pointer);
    assert_true(decode(decoder, HEAD "\"page\":\"p\",\"device\":{\"kind\":\"crawler 1\"}}",
                       TOPIC_TYPE_FROM_EVENT)
                    .event.filtered);
    decoder_free(decoder);
    decoder = new_decoder(NULL);
    assert_false(
        decode(decoder, HEAD "\"page\":\"p\",\"bot\":true}", TOPIC_TYPE_FROM_EVENT).event.filtered);
    decoder_free(decoder);
}

/* What is left to decode_record() is the first that is not plain; what was decoded before it stays.
 */
static void plain_records_are_decoded_ahead(void **state)
{
    static const char *const texts[] = {
        HEAD "\"page\":\"p\"}",    HEAD "\"page\":\"\\/a\",\"id\":\"\\/b\"}",
        "{" TS ",\"page\":\"c\"}", HEAD "\"page\":\"\\/d\"}",
        HEAD "\"page\":7}",        NULL};
    struct decoder *decoder = new_decoder(NULL);
    struct raw_record records[6];
    struct event events[6];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        records[i] = (struct raw_record){texts[i], texts[i] == NULL ? 0 : strlen(texts[i]),
                                         i == 2 ? TOPIC_TYPE_CLICK : TOPIC_TYPE_FROM_EVENT};
    }
    assert_int_equal(decode_ahead(decoder, records, 0, events), 0);
    assert_int_equal(decode_ahead(decoder, records, 2, events), 2);
    assert_int_equal(decode_ahead(decoder, records, 6, events), 4);
    assert_text(events[0].page, "p");
    assert_ptr_equal(events[0].page.bytes, strstr(texts[0], "p\"}"));
    assert_text(events[1].page, "/a");
    assert_text(events[1].id, "/b");
    assert_int_equal(events[2].type, EVENT_CLICK);
    assert_text(events[3].page, "/d");
    assert_int_equal(decode_ahead(decoder, records + 4, 2, events), 0);
    assert_int_equal(decode_ahead(decoder, records + 5, 1, events), 0);
    decoder_free(decoder);
}

/* Texts that are written out have a bound together: it ends a batch, and no record is lost. */
static void a_batch_ends_where_its_texts_do_not_fit(void **state)
{
    enum { COUNT = 40 };
    static char texts[COUNT][600];
    struct decoder *decoder = new_decoder(NULL);
    struct raw_record records[COUNT];
    struct event events[COUNT];
    size_t batches = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        int length = snprintf(texts[i], sizeof texts[i], HEAD "\"page\":\"\\/%0400d\"}", i);

        records[i] = (struct raw_record){texts[i], (size_t)length, TOPIC_TYPE_FROM_EVENT};
    }
    for (size_t done = 0; done < COUNT; batches++) {
        size_t more = decode_ahead(decoder, records + done, COUNT - done, events);

        assert_true(more > 0);
        for (size_t i = 0; i < more; i++) {
            char wanted[402];

            (void)snprintf(wanted, sizeof wanted, "/%0400d", (int)(done + i));
            assert_text(events[i].page, wanted);
        }
        done += more;
    }
    assert_true(batches > 1);
    decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_event_is_read_field_by_field),
        cmocka_unit_test(null_and_empty_mean_absent_for_optional_fields),
        cmocka_unit_test(the_type_of_the_topic_wins),
        cmocka_unit_test(times_are_epoch_ms_or_rfc_3339),
        cmocka_unit_test(each_refusal_has_its_reason),
        cmocka_unit_test(ids_of_512_bytes_pass_and_513_do_not),
        cmocka_unit_test(a_record_longer_than_the_limit_is_not_parsed),
        cmocka_unit_test(fields_and_types_can_have_other_names_and_places),
        cmocka_unit_test(a_path_that_is_none_is_refused),
        cmocka_unit_test(only_the_very_value_is_filtered),
        cmocka_unit_test(plain_records_are_decoded_ahead),
        cmocka_unit_test(a_batch_ends_where_its_texts_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
