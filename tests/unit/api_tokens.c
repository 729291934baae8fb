/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of tokens: which are taken, which are refused with what words, and who is found by them.
 */
#include "api/tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/digest.h"
#include "api/text.h"
#include "tests/support/test.h"

#define ALICE  "lctr_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOB    "lctr_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NOW_MS INT64_C(1795455000000) /* 2026-11-23T17:30:00Z */
#define HEX    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct tokens *tokens;
static struct ctr_error error;
static size_t count;

static int start(void **state)
{
    (void)state;
    tokens = tokens_new();
    return tokens == NULL ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    tokens_free(tokens);
    return 0;
}

/* "NAME sha256:... REST" of a token. */
static const char *line_of(const char *name, const char *token, const char *rest)
{
    static char lines[4][512];
    static size_t next;
    char digits[DIGEST_HEX + 1];
    struct digest digest;
    char *line = lines[next++ % 4];

    assert_true(digest_of(token, strlen(token), &digest));
    digest_format(&digest, digits);
    (void)snprintf(line, sizeof lines[0], "%s sha256:%s %s\n", name, digits, rest);
    return line;
}

static enum ctr_status replace(const char *text)
{
    return tokens_replace(tokens, "file", text_of(text), &count, &error);
}

static enum tokens_verdict find(const char *token, unsigned *ret_scopes)
{
    return tokens_find(tokens, text_of(token), NOW_MS, ret_scopes);
}

static void who_is_in_the_file_is_found_with_its_scopes(void **state)
{
    char text[1200];
    unsigned scopes;

    (void)state;
    (void)snprintf(text, sizeof text, "# who may ask\n\n  # more\n%s%s",
                   line_of("alice", ALICE, "read,stream"), line_of("bob", BOB, "admin"));
    assert_int_equal(replace(text), CTR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(find(ALICE, &scopes), TOKENS_KNOWN);
    assert_int_equal(scopes, TOKEN_READ | TOKEN_STREAM);
    assert_int_equal(find(BOB, &scopes), TOKENS_KNOWN);
    assert_int_equal(scopes, TOKEN_ADMIN); /* which is no read */
    assert_int_equal(find("lctr_ccccccccccccccccccccccccccccccccccccccccccc", &scopes),
                     TOKENS_UNKNOWN);
    assert_int_equal(scopes, 0);
    assert_int_equal(find("", &scopes), TOKENS_UNKNOWN);
    assert_int_equal(find(HEX, &scopes), TOKENS_UNKNOWN);
}

static void the_first_the_last_and_every_other_line_are_found(void **state)
{
    enum { LINES = 40 };
    static char text[LINES * 128];
    char token[64];
    char name[16];
    unsigned scopes;

    (void)state;
    for (int i = 0; i < LINES; i++) {
        (void)snprintf(token, sizeof token, "%040d", i);
        (void)snprintf(name, sizeof name, "n%d", i);
        text_append(text, sizeof text, line_of(name, token, i % 2 == 0 ? "read" : "export"));
    }
    assert_int_equal(replace(text), CTR_OK);
    for (int i = 0; i < LINES; i++) {
        (void)snprintf(token, sizeof token, "%040d", i);
        assert_int_equal(find(token, &scopes), TOKENS_KNOWN);
        assert_int_equal(scopes, i % 2 == 0 ? TOKEN_READ : TOKEN_EXPORT);
    }
}

static void an_end_is_the_first_moment_that_is_too_late(void **state)
{
    unsigned scopes;

    (void)state;
    assert_int_equal(replace(line_of("a", ALICE, "read 2026-11-23T17:30:00.001Z")), CTR_OK);
    assert_int_equal(find(ALICE, &scopes), TOKENS_KNOWN);
    assert_int_equal(replace(line_of("a", ALICE, "read 2026-11-23T17:30:00Z")), CTR_OK);
    assert_int_equal(find(ALICE, &scopes), TOKENS_EXPIRED);
    assert_int_equal(scopes, 0);
}

static void short_tokens_are_never_looked_up(void **state)
{
    unsigned scopes;

    (void)state;
    assert_int_equal(replace(line_of("a", "0123456789012345678901234567890", "read")), CTR_OK);
    assert_int_equal(find("0123456789012345678901234567890", &scopes), TOKENS_UNKNOWN);
}

static void what_is_wrong_is_said_with_its_line_and_keeps_the_old_ones(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"\n#\nal!ce sha256:" HEX " read", "file:3: the name must be"},
        {"alice", "file:1: the hash must be"},
        {"alice " HEX " read", "the hash must be"},
        {"alice md5:" HEX " read", "the hash must be"},
        {"alice sha256:" HEX "0 read", "the hash must be"},
        {"alice sha256:" HEX, "the scopes must be"},
        {"alice sha256:" HEX " write", "the scopes must be"},
        {"alice sha256:" HEX " read,", "the scopes must be"},
        {"alice sha256:" HEX " read,read", "the scopes must be"},
        {"alice sha256:" HEX " read tomorrow", "the end must be a time"},
        {"alice sha256:" HEX " read 2027-01-01T00:00:00Z x", "behind its end"},
        {"a sha256:" HEX " read\nb sha256:" HEX " read", "file:2: the hash is there already"},
        {"a sha256:" HEX " read\na sha256:a" HEX, "file:2: the hash must be"},
    };
    unsigned scopes;

    (void)state;
    assert_int_equal(replace(line_of("alice", ALICE, "read")), CTR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        error.text[0] = '\0';
        assert_int_equal(replace(rows[i].text), CTR_INVALID);
        if (strstr(error.text, rows[i].words) == NULL)
            print_message("\"%s\" is not in: %s\n", rows[i].words, error.text);
        assert_non_null(strstr(error.text, rows[i].words));
        assert_non_null(strstr(error.text, "livectr token makes one"));
        assert_int_equal(find(ALICE, &scopes), TOKENS_KNOWN);
    }
}

static void a_name_twice_and_a_nul_are_refused(void **state)
{
    char text[1200];

    (void)state;
    (void)snprintf(text, sizeof text, "%s%s", line_of("a", ALICE, "read"),
                   line_of("a", BOB, "read"));
    assert_int_equal(replace(text), CTR_INVALID);
    assert_non_null(strstr(error.text, "file:2: the name is there already"));
    assert_int_equal(tokens_replace(tokens, "file", (struct text){"a\0b", 3}, &count, &error),
                     CTR_INVALID);
}

/* Somebody may have put the token where its hash belongs. */
static void an_error_does_not_show_the_line(void **state)
{
    (void)state;
    assert_int_equal(replace("alice " ALICE " read"), CTR_INVALID);
    assert_null(strstr(error.text, ALICE));
}

/* A line that is like no other; its length. */
static int write_line(char *into, int number)
{
    return snprintf(into, 128, "n%d sha256:%064x read\n", number, (unsigned)number);
}

static void there_is_a_limit_and_it_is_reached(void **state)
{
    char *text = calloc(TOKENS_MAX + 1, 128);
    size_t used = 0;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < TOKENS_MAX; i++)
        used += (size_t)write_line(text + used, i);
    assert_int_equal(replace(text), CTR_OK);
    assert_int_equal(count, TOKENS_MAX);
    (void)write_line(text + used, TOKENS_MAX);
    assert_int_equal(replace(text), CTR_INVALID);
    assert_non_null(strstr(error.text, "file:1001: more than 1000 tokens"));
    free(text);
}

static atomic_bool done;

static void *ask(void *owner)
{
    size_t *misses = owner;
    unsigned scopes;

    while (!atomic_load(&done)) {
        *misses += find(ALICE, &scopes) != TOKENS_KNOWN || scopes != TOKEN_READ;
    }
    return NULL;
}

static void whoever_stays_in_the_file_is_found_while_it_is_replaced(void **state)
{
    char with_bob[1200];
    char alone[600];
    pthread_t threads[2];
    size_t misses[2] = {0, 0};

    (void)state;
    (void)snprintf(alone, sizeof alone, "%s", line_of("alice", ALICE, "read"));
    (void)snprintf(with_bob, sizeof with_bob, "%s%s", line_of("bob", BOB, "admin"), alone);
    assert_int_equal(replace(alone), CTR_OK);
    atomic_store(&done, false);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &misses[i]), 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(replace(i % 2 == 0 ? with_bob : alone), CTR_OK);
    atomic_store(&done, true);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(misses[0] + misses[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_in_the_file_is_found_with_its_scopes, start, stop),
        cmocka_unit_test_setup_teardown(the_first_the_last_and_every_other_line_are_found, start,
                                        stop),
        cmocka_unit_test_setup_teardown(an_end_is_the_first_moment_that_is_too_late, start, stop),
        cmocka_unit_test_setup_teardown(short_tokens_are_never_looked_up, start, stop),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_with_its_line_and_keeps_the_old_ones,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_name_twice_and_a_nul_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(an_error_does_not_show_the_line, start, stop),
        cmocka_unit_test_setup_teardown(there_is_a_limit_and_it_is_reached, start, stop),
        cmocka_unit_test_setup_teardown(whoever_stays_in_the_file_is_found_while_it_is_replaced,
                                        start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
