/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

#include "tests/support/test.h"

static void the_most_specific_range_decides(void **state)
{
    static const struct {
        const char *header;
        bool allowed;
    } cases[] = {{NULL, true},
                 {"", true},
                 {"*/*", true},
                 {"application/json", true},
                 {"APPLICATION/JSON", true},
                 {"application/*;q=0.1", true},
                 {"text/html, application/xhtml+xml, */*;q=0.8", true},
                 {"application/json;charset=utf-8;q=1", true},
                 {"text/html", false},
                 {"text/*,image/png", false},
                 {"application/jsonx", false},
                 {"application/js", false},
                 {"applications/*", false},
                 {"application/json;q=0", false},
                 {"application/json;q=0.000, */*", false},
                 {"*/*, application/json ; q=0", false},
                 {"application/*;q=0, */*;q=1", false},
                 {"*/*;q=0", false},
                 {"*/*;q=0.0, application/json;q=0.001", true},
                 {"application/problem+json", false},
                 {"nonsense", true},
                 {", ,", true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (accept_media(cases[i].header, "application/json") != cases[i].allowed)
            print_message("Accept: %s\n", cases[i].header);
        assert_int_equal(accept_media(cases[i].header, "application/json"), cases[i].allowed);
    }
}

static void the_type_that_is_liked_best_is_chosen(void **state)
{
    static const char *const types[] = {"application/json", "application/x-ndjson", "text/csv",
                                        NULL};
    enum { JSON, NDJSON, CSV, NONE };
    static const struct {
        const char *header;
        size_t chosen;
    } cases[] = {
        {NULL, JSON},
        {"", JSON},
        {"*/*", JSON},
        {"text/csv", CSV},
        {"TEXT/CSV", CSV},
        {"text/*", CSV},
        {"application/*", JSON},
        {"application/x-ndjson", NDJSON},
        {"text/html, application/x-ndjson;q=0.4, text/csv;q=0.5", CSV},
        {"text/html,application/x-ndjson;q=0.5,text/csv;q=0.4", NDJSON},
        {"application/json;q=0.3, */*;q=0.8", NDJSON}, /* the exact range decides for JSON */
        {"application/json;q=0, */*", NDJSON},
        {"text/csv;charset=utf-8;q=0.9, application/json;q=0.8", CSV},
        {"text/csv ; q=0.9 , application/json ; q=1.0", JSON},
        {"*/*;q=0.001", JSON},
        {"text/html", NONE},
        {"*/*;q=0", NONE},
        {"text/csv;q=0", NONE},
        {"text/csv;q=0.000", NONE},
        {"text", JSON},
        {"application/jsonp", NONE},
        {"application/", NONE},
        {",,;q=,", JSON},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (accept_choose(cases[i].header, types) != cases[i].chosen)
            print_message("Accept: %s\n", cases[i].header);
        assert_int_equal(accept_choose(cases[i].header, types), cases[i].chosen);
    }
}

static void gzip_is_given_only_to_those_who_ask(void **state)
{
    static const struct {
        const char *header;
        bool allowed;
    } cases[] = {{NULL, false},           {"", false},
                 {"gzip", true},          {"GZIP", true},
                 {"x-gzip", true},        {"br, gzip;q=0.5", true},
                 {"deflate, br", false},  {"gzip;q=0", false},
                 {"gzip; q=0.00", false}, {"*", true},
                 {"*;q=0", false},        {"*, gzip;q=0", false},
                 {"gzip;q=0, *", false},  {"gzipped", false},
                 {"identity", false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (accept_gzip(cases[i].header) != cases[i].allowed)
            print_message("Accept-Encoding: %s\n", cases[i].header);
        assert_int_equal(accept_gzip(cases[i].header), cases[i].allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_range_decides),
        cmocka_unit_test(the_type_that_is_liked_best_is_chosen),
        cmocka_unit_test(gzip_is_given_only_to_those_who_ask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
