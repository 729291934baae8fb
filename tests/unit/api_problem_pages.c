/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of each kind of problem, and docs/problems.md, which says the same.
 */
#include <stdio.h>

#include "tests/unit/api_fixture.h"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, 1000);
    return 0;
}

static int done(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

static struct api_response ask(const char *target)
{
    return fixture_get(&fixture, target);
}

/* A file with every white space made one blank. */
static char *read_squeezed(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t used = 0;
    int byte;

    assert_non_null(file);
    while ((byte = fgetc(file)) != EOF && used + 1 < sizeof text) {
        bool blank = byte == ' ' || byte == '\n';

        if (!blank || (used > 0 && text[used - 1] != ' '))
            text[used++] = blank ? ' ' : (char)byte;
    }
    text[used] = '\0';
    (void)fclose(file);
    return text;
}

static void the_type_of_a_problem_leads_to_its_page(void **state)
{
    const char *documented = read_squeezed(LIVECTR_TESTS_DIR "/../docs/problems.md");

    (void)state;
    for (int kind = 0; kind < PROBLEM_COUNT; kind++) {
        struct problem problem = {.kind = (enum problem_kind)kind};
        struct api_response response;
        char words[2048];
        char expected[4096];
        json_t *json;

        problem_respond(&problem, &response);
        json = fixture_json(&response, response.status);
        response = ask(fixture_string(json, "type"));
        assert_int_equal(response.status, 200);
        assert_string_equal(response.content_type, "text/plain; charset=utf-8");
        (void)snprintf(expected, sizeof expected, "%s: %s\n\n", problem_name(problem.kind),
                       problem_title(problem.kind));
        assert_memory_equal(response.body, expected, strlen(expected));
        assert_true(response.body_length < sizeof words);
        memset(words, 0, sizeof words);
        memcpy(words, response.body + strlen(expected), response.body_length - strlen(expected));
        words[strcspn(words, "\n")] = '\0';
        assert_true(strlen(words) > 40);
        (void)snprintf(expected, sizeof expected, "## %s %u: %s. %s ", problem_name(problem.kind),
                       problem_status(problem.kind), problem_title(problem.kind), words);
        if (strstr(documented, expected) == NULL)
            print_message("docs/problems.md lacks: %s\n", expected);
        assert_non_null(strstr(documented, expected));
        api_response_done(&response);
        json_decref(json);
    }
    fixture_expect_problem(ask("/problems/nonesuch"), 404, "bad-request, ");
    fixture_expect_problem(ask("/problems/"), 404, "There is nothing at");
    fixture_expect_problem(ask("/problems/a/b"), 404, "There is nothing at");
    fixture_expect_problem(ask("/problems/starting?x=1"), 400, "no argument");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_type_of_a_problem_leads_to_its_page),
    };

    return cmocka_run_group_tests(tests, start, done);
}
