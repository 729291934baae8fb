/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr token`: what it prints is what the service takes.
 */
#include "service/token_verb.h"

#include <stdlib.h>

#include "api/text.h"
#include "api/tokens.h"
#include "tests/support/verb.h"

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    verb_main = token_main;
    (void)snprintf(directory, sizeof directory, "/tmp/livectr-token-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    verb_use(directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    verb_done();
    return rmdir(directory);
}

/* The token of the newest run, without its line's end. */
static struct text printed(void)
{
    return (struct text){verb_printed, strcspn(verb_printed, "\n")};
}

static void the_line_lets_the_token_in(void **state)
{
    struct tokens *tokens = tokens_new();
    struct ctr_error error;
    unsigned scopes;
    size_t count;

    (void)state;
    assert_int_equal(
        verb_run("--name dashboard --scope read,stream --expires", "2027-06-30T00:00:00Z"), 0);
    assert_int_equal(printed().length, 48);
    assert_memory_equal(verb_printed, "lctr_", 5);
    assert_int_equal(strspn(verb_printed + 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                              "0123456789-_"),
                     43);
    assert_memory_equal(verb_said, "dashboard sha256:", 17);
    assert_non_null(strstr(verb_said, " read,stream 2027-06-30T00:00:00Z\n"));
    assert_int_equal(tokens_replace(tokens, "f", text_of(verb_said), &count, &error), CTR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tokens_find(tokens, printed(), INT64_C(1795455000000), &scopes), TOKENS_KNOWN);
    assert_int_equal(scopes, TOKEN_READ | TOKEN_STREAM);
    tokens_free(tokens);
}

static void the_token_is_not_in_its_line_and_each_is_another(void **state)
{
    char before[64];

    (void)state;
    assert_int_equal(verb_run("--name", "a"), 0);
    assert_int_equal(printed().length, 48);
    memcpy(before, verb_printed, 48);
    before[48] = '\0';
    assert_null(strstr(verb_said, before));
    assert_non_null(strstr(verb_said, " read\n")); /* the scope if none is named */
    assert_int_equal(verb_run("--name", "a"), 0);
    assert_string_not_equal(before, verb_printed);
    assert_memory_not_equal(before, verb_printed, 48);
}

static void what_the_service_would_refuse_is_not_made(void **state)
{
    (void)state;
    assert_int_equal(verb_run("--name a --scope", "write"), 2);
    assert_non_null(strstr(verb_said, "the scopes must be some of read,stream,export,admin"));
    assert_string_equal(verb_printed, "");
    assert_int_equal(verb_run("--name a --expires", "tomorrow"), 2);
    assert_string_equal(verb_printed, "");
    assert_int_equal(verb_run("--name", "a!"), 2);
    assert_string_equal(verb_printed, "");
    assert_int_equal(verb_run("--name", "#a"), 2);
    assert_string_equal(verb_printed, "");
    assert_int_equal(verb_run("--scope", "read"), 2);
    assert_non_null(strstr(verb_said, "--name is missing"));
    assert_int_equal(verb_run("--name", ""), 2);
    assert_non_null(strstr(verb_said, "Usage: livectr token"));
    assert_int_equal(verb_run("--help", ""), 0);
    assert_non_null(strstr(verb_printed, "Usage: livectr token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_line_lets_the_token_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_token_is_not_in_its_line_and_each_is_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_the_service_would_refuse_is_not_made, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
