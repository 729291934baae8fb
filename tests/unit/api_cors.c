/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cors.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

static struct cors cors;
static struct ctr_error error;

static void only_the_origins_of_the_list_may(void **state)
{
    static const char *const others[] = {"https://c.example",
                                         "http://a.example",
                                         "https://a.example:443",
                                         "https://a.example/",
                                         "https://A.example",
                                         "https://x.a.example",
                                         "https://a.example.org",
                                         "null",
                                         "",
                                         "https://a.example, https://b.example:8443"};

    (void)state;
    assert_int_equal(cors_parse("https://a.example ,\thttps://b.example:8443", &cors, &error),
                     CTR_OK);
    assert_string_equal(cors_judge(&cors, "https://a.example"), "https://a.example");
    assert_string_equal(cors_judge(&cors, "https://b.example:8443"), "https://b.example:8443");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_null(cors_judge(&cors, others[i]));
    assert_null(cors_judge(&cors, NULL));
    assert_true(cors_varies(&cors));
}

static void an_empty_list_lets_nobody_and_a_star_everybody(void **state)
{
    (void)state;
    assert_int_equal(cors_parse("", &cors, &error), CTR_OK);
    assert_null(cors_judge(&cors, "https://a.example"));
    assert_false(cors_varies(&cors));
    assert_int_equal(cors_parse("*", &cors, &error), CTR_OK);
    assert_string_equal(cors_judge(&cors, "https://a.example"), "*");
    assert_null(cors_judge(&cors, NULL)); /* who sends no Origin asks for nothing */
    assert_false(cors_varies(&cors));     /* all get the same */
    assert_null(cors_judge(NULL, "https://a.example"));
    assert_false(cors_varies(NULL));
}

static void what_no_browser_would_send_is_refused(void **state)
{
    static const char *const wrong[] = {"a.example",
                                        "https://",
                                        "https://a.example/",
                                        "https://A.example",
                                        "ftp://a.example",
                                        "https://a.example:",
                                        "https://a.example:x",
                                        "https://a.example/x",
                                        "null",
                                        "https://*.example",
                                        "*, https://a.example",
                                        "https://:80",
                                        "https://a.example https://b.example",
                                        "https://u@a.example",
                                        "https://a,,https://b"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error.text[0] = '\0';
        if (cors_parse(wrong[i], &cors, &error) != CTR_INVALID)
            fail_msg("\"%s\" is taken", wrong[i]);
        assert_true(strlen(error.text) > 0);
    }
    assert_int_equal(cors_parse("http://[::1]:3000,http://[::1],http://localhost", &cors, &error),
                     CTR_OK);
    assert_int_equal(cors.count, 3);
}

static void there_are_limits(void **state)
{
    char list[CORS_ORIGINS_MAX * 20 + 400] = "";
    size_t used = 0;

    (void)state;
    for (int i = 0; i < CORS_ORIGINS_MAX; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%shttp://h%d", i > 0 ? "," : "", i);
    assert_int_equal(cors_parse(list, &cors, &error), CTR_OK);
    assert_string_equal(cors_judge(&cors, "http://h15"), "http://h15");
    (void)snprintf(list + used, sizeof list - used, ",http://h16");
    assert_int_equal(cors_parse(list, &cors, &error), CTR_INVALID);
    (void)snprintf(list, sizeof list, "http://%0300d", 1);
    assert_int_equal(cors_parse(list, &cors, &error), CTR_INVALID);
    list[7 + CORS_ORIGIN_BYTES - 8] = '\0'; /* 255 bytes */
    assert_int_equal(cors_parse(list, &cors, &error), CTR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_origins_of_the_list_may),
        cmocka_unit_test(an_empty_list_lets_nobody_and_a_star_everybody),
        cmocka_unit_test(what_no_browser_would_send_is_refused),
        cmocka_unit_test(there_are_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
