/* SPDX-License-Identifier: Apache-2.0
 *
 * What the demo is told and what it borrows; the whole of it runs in the system tests.
 */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/demo_options.h"
#include "service/demo_place.h"

static void options_have_defaults_and_take_values(void **state)
{
    char seconds[] = "--seconds=5", rate[] = "--rate", number[] = "1000", help[] = "--help";
    char *argv[] = {seconds, rate, number, help};
    struct demo_options options;

    (void)state;
    assert_int_equal(demo_options_parse(0, argv, &options, NULL), CTR_OK);
    assert_true(options.rate > 199 && options.rate < 201);
    assert_int_equal(options.seconds, 0);
    assert_int_equal(options.seed, 1);
    assert_null(options.kafka);
    assert_int_equal(demo_options_parse(3, argv, &options, NULL), CTR_OK);
    assert_int_equal(options.seconds, 5);
    assert_true(options.rate > 999 && options.rate < 1001);
    assert_false(options.help);
    assert_int_equal(demo_options_parse(4, argv, &options, NULL), CTR_OK);
    assert_true(options.help);
}

static void wrong_options_are_refused_with_the_way_out(void **state)
{
    static const char *const cases[][3] = {{"--secnds", "5", "did you mean \"--seconds\"?"},
                                           {"--rate", "0", "above 0"},
                                           {"--rate", "fast", "above 0"},
                                           {"--seed", "x", "a whole number"},
                                           {"--seconds", "-1", "above 0"},
                                           {"--seed", NULL, "needs a value"},
                                           {"stray", "5", "unknown option stray"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32], value[32];
        char *argv[] = {name, value};
        struct demo_options options;
        struct ctr_error problem = {0};

        snprintf(name, sizeof name, "%s", cases[i][0]);
        snprintf(value, sizeof value, "%s", cases[i][1] ? cases[i][1] : "");
        assert_int_equal(demo_options_parse(cases[i][1] ? 2 : 1, argv, &options, &problem),
                         CTR_INVALID);
        assert_non_null(strstr(problem.text, cases[i][2]));
    }
}

static void a_directory_is_made_and_removed_with_what_is_in_it(void **state)
{
    char path[DEMO_DIRECTORY_BYTES] = "", file[DEMO_DIRECTORY_BYTES + 8];
    FILE *stream;

    (void)state;
    assert_int_equal(demo_directory_make(path, NULL), CTR_OK);
    snprintf(file, sizeof file, "%s/x.db", path);
    stream = fopen(file, "wb");
    assert_non_null(stream);
    fclose(stream);
    assert_int_equal(demo_directory_remove(path, NULL), CTR_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(demo_directory_remove("", NULL), CTR_OK);
}

static void what_cannot_be_removed_is_told(void **state)
{
    char path[DEMO_DIRECTORY_BYTES] = "", inner[DEMO_DIRECTORY_BYTES + 8];
    struct ctr_error problem = {0};

    (void)state;
    assert_int_equal(demo_directory_make(path, NULL), CTR_OK);
    snprintf(inner, sizeof inner, "%s/dir", path);
    setenv("TMPDIR", inner, 1);
    assert_int_equal(demo_directory_remove("/nowhere/at/all", &problem), CTR_IO);
    assert_non_null(strstr(problem.text, "/nowhere/at/all"));
    assert_int_equal(demo_directory_remove(path, NULL), CTR_OK);
    assert_int_equal(demo_directory_make(path, &problem), CTR_IO); /* TMPDIR does not exist */
    assert_string_equal(path, "");
    assert_non_null(strstr(problem.text, "set TMPDIR"));
    unsetenv("TMPDIR");
}

static void a_port_is_free_until_someone_listens(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_false(demo_port_free(ntohs(address.sin_port)));
    close(listener);
    assert_true(demo_port_free(ntohs(address.sin_port)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_have_defaults_and_take_values),
        cmocka_unit_test(wrong_options_are_refused_with_the_way_out),
        cmocka_unit_test(a_directory_is_made_and_removed_with_what_is_in_it),
        cmocka_unit_test(what_cannot_be_removed_is_told),
        cmocka_unit_test(a_port_is_free_until_someone_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
