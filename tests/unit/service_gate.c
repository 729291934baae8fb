/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of tokens and certificates: at the start, when they change, and when they are wrong.
 */
#include "service/gate.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/text.h"
#include "api/tokens.h"
#include "service/clock.h"
#include "tests/support/certificate.h"
#include "tests/support/test.h"

#define LOOK_MS    5
#define PATIENCE_S 10

static struct config config;
static struct gate *gate;
static struct ctr_error error;
static char folder[64];
static struct certificate first, second;
static atomic_llong wall;

static int64_t wall_ms(void)
{
    return atomic_load(&wall);
}

static void path_to(char *ret_path, const char *name)
{
    (void)snprintf(ret_path, CONFIG_TEXT_BYTES, "%s/%s", folder, name);
}

static void write_to(const char *path, const char *text)
{
    assert_true(certificate_write(path, text));
}

static enum ctr_status begin(void)
{
    const struct gate_options options = {.config = &config, .wall_ms = wall_ms, .look_ms = LOOK_MS};

    error.text[0] = '\0';
    return gate_start(&options, &gate, &error);
}

static int start(void **state)
{
    (void)state;
    config_defaults(&config);
    (void)snprintf(folder, sizeof folder, "/tmp/livectr-gate-XXXXXX");
    atomic_store(&wall, clock_wall_ms());
    gate = NULL;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int stop(void **state)
{
    char path[CONFIG_TEXT_BYTES];
    static const char *const names[] = {"tokens", "cert.pem", "key.pem"};

    (void)state;
    gate_stop(gate);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_to(path, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static struct door_facts facts(void)
{
    struct door_facts now;

    gate_facts(gate, &now);
    return now;
}

static void await(bool (*there)(struct door_facts now))
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_S * 1000;

    while (!there(facts())) {
        if (clock_mono_ms() > until_ms) {
            fail_msg("it did not happen within %d s", PATIENCE_S);
        }
        (void)poll(NULL, 0, 1);
    }
}

/* ---- tokens -------------------------------------------------------------------------------- */

#define HASH(digit)                                                                                \
    "sha256:" digit "a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static bool two_tokens(struct door_facts now)
{
    return now.tokens == 2 && now.tokens_current;
}

static bool one_token(struct door_facts now)
{
    return now.tokens == 1 && now.tokens_current;
}

static bool failed_twice(struct door_facts now)
{
    return now.tokens_failures == 2;
}

static bool tokens_stale(struct door_facts now)
{
    return !now.tokens_current;
}

static void tokens_that_change_are_taken_up(void **state)
{
    struct api_context context = {0};

    (void)state;
    path_to(config.tokens, "tokens");
    write_to(config.tokens, "alice " HASH("1") " read\n");
    assert_int_equal(begin(), CTR_OK);
    gate_guard(gate, &context);
    assert_non_null(context.tokens);
    assert_true(facts().tokens_used);
    assert_true(one_token(facts()));
    write_to(config.tokens, "alice " HASH("1") " read\nbob " HASH("2") " admin\n");
    await(two_tokens);
    assert_int_equal(facts().tokens_failures, 0);
}

static void a_wrong_file_keeps_the_old_ones_and_shows(void **state)
{
    (void)state;
    path_to(config.tokens, "tokens");
    write_to(config.tokens, "alice " HASH("1") " read\nbob " HASH("2") " admin\n");
    assert_int_equal(begin(), CTR_OK);
    write_to(config.tokens, "alice nonsense\n");
    await(tokens_stale);
    assert_int_equal(facts().tokens, 2);
    assert_int_equal(facts().tokens_failures, 1);
    assert_int_equal(unlink(config.tokens), 0);
    await(failed_twice);
    assert_int_equal(facts().tokens, 2);
    write_to(config.tokens, "carol " HASH("3") " read\n");
    await(one_token);
    assert_int_equal(facts().tokens_failures, 2); /* each change is tried once */
}

static void a_reload_does_not_wait_for_a_look(void **state)
{
    struct gate_options options = {.config = &config, .wall_ms = wall_ms, .look_ms = 3600000};

    (void)state;
    path_to(config.tokens, "tokens");
    write_to(config.tokens, "alice " HASH("1") " read\n");
    assert_int_equal(gate_start(&options, &gate, &error), CTR_OK);
    write_to(config.tokens, "alice " HASH("1") " read\nbob " HASH("2") " admin\n");
    gate_reload(gate);
    assert_true(two_tokens(facts()));
}

static void a_start_wants_files_that_are_right(void **state)
{
    (void)state;
    path_to(config.tokens, "tokens");
    assert_int_equal(begin(), CTR_IO);
    assert_non_null(strstr(error.text, "No such file"));
    assert_non_null(strstr(error.text, config.tokens));
    write_to(config.tokens, "alice\n");
    assert_int_equal(begin(), CTR_INVALID);
    assert_non_null(strstr(error.text, ":1: the hash must be"));
    config.tokens[0] = '\0';
    path_to(config.tls_cert, "cert.pem");
    path_to(config.tls_key, "key.pem");
    write_to(config.tls_cert, first.certificate);
    assert_int_equal(begin(), CTR_IO);
    assert_non_null(strstr(error.text, "tls_key"));
    write_to(config.tls_key, second.key);
    assert_int_equal(begin(), CTR_INVALID);
    assert_non_null(strstr(error.text, "is not the key of"));
    atomic_fetch_add(&wall, INT64_C(30) * 86400000);
    write_to(config.tls_key, first.key);
    assert_int_equal(begin(), CTR_INVALID);
    assert_non_null(strstr(error.text, "expired on"));
}

/* ---- certificates -------------------------------------------------------------------------- */

static int64_t expiry_wanted;

static bool has_expiry(struct door_facts now)
{
    return now.tls_expires_ms == expiry_wanted && now.tls_current;
}

static bool tls_stale(struct door_facts now)
{
    return !now.tls_current;
}

static void a_certificate_is_renewed_with_its_key_whichever_comes_first(void **state)
{
    int64_t old_ms;

    (void)state;
    path_to(config.tls_cert, "cert.pem");
    path_to(config.tls_key, "key.pem");
    write_to(config.tls_cert, first.certificate);
    write_to(config.tls_key, first.key);
    assert_int_equal(begin(), CTR_OK);
    assert_true(facts().tls_used);
    old_ms = facts().tls_expires_ms;
    write_to(config.tls_cert, second.certificate);
    await(tls_stale); /* its key is not there yet */
    assert_int_equal(facts().tls_expires_ms, old_ms);
    write_to(config.tls_key, second.key);
    expiry_wanted = old_ms + 86400000;
    await(has_expiry);
}

static void the_admin_listener_speaks_tls_when_told(void **state)
{
    (void)state;
    path_to(config.tls_cert, "cert.pem");
    path_to(config.tls_key, "key.pem");
    write_to(config.tls_cert, first.certificate);
    write_to(config.tls_key, first.key);
    assert_int_equal(begin(), CTR_OK);
    assert_non_null(gate_tls(gate, false));
    assert_null(gate_tls(gate, true));
    config.admin_tls = ADMIN_TLS_YES;
    assert_ptr_equal(gate_tls(gate, true), gate_tls(gate, false));
}

/* ---- everybody ----------------------------------------------------------------------------- */

static bool unguarded_on(const char *host, enum open_choice open, bool tokens)
{
    bool unguarded;

    config_defaults(&config);
    (void)snprintf(config.listen.host, sizeof config.listen.host, "%s", host);
    config.open = open;
    if (tokens) {
        path_to(config.tokens, "tokens");
        write_to(config.tokens, "alice " HASH("1") " read\n");
    }
    assert_int_equal(begin(), CTR_OK);
    unguarded = facts().unguarded;
    gate_stop(gate);
    gate = NULL;
    return unguarded;
}

static void who_listens_to_all_without_tokens_is_told_unless_it_is_meant(void **state)
{
    (void)state;
    assert_false(unguarded_on("127.0.0.1", OPEN_NO, false));
    assert_false(unguarded_on("::1", OPEN_NO, false));
    assert_false(unguarded_on("localhost", OPEN_NO, false));
    assert_true(unguarded_on("0.0.0.0", OPEN_NO, false));
    assert_true(unguarded_on("::", OPEN_NO, false));
    assert_true(unguarded_on("192.0.2.7", OPEN_NO, false));
    assert_false(unguarded_on("0.0.0.0", OPEN_YES, false));
    assert_false(unguarded_on("0.0.0.0", OPEN_NO, true));
}

static void without_files_nothing_is_asked(void **state)
{
    struct api_context context = {0};

    (void)state;
    assert_int_equal(begin(), CTR_OK);
    gate_guard(gate, &context);
    assert_null(context.tokens);
    assert_null(gate_tls(gate, false));
    assert_true(context.admin_open);
    assert_false(facts().tokens_used || facts().tls_used);
    gate_reload(gate);
    gate_facts(NULL, &(struct door_facts){.unguarded = true});
    (void)snprintf(config.admin_listen.host, sizeof config.admin_listen.host, "0.0.0.0");
    gate_guard(gate, &context);
    assert_false(context.admin_open);
}

static int make_all(void **state)
{
    time_t now = time(NULL);

    (void)state;
    return certificate_make("first", now - 86400, now + 86400, &first) &&
                   certificate_make("second", now - 86400, now + 2 * 86400, &second)
               ? 0
               : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(tokens_that_change_are_taken_up),
        TEST(a_wrong_file_keeps_the_old_ones_and_shows),
        TEST(a_reload_does_not_wait_for_a_look),
        TEST(a_start_wants_files_that_are_right),
        TEST(a_certificate_is_renewed_with_its_key_whichever_comes_first),
        TEST(the_admin_listener_speaks_tls_when_told),
        TEST(who_listens_to_all_without_tokens_is_told_unless_it_is_meant),
        TEST(without_files_nothing_is_asked),
    };
#undef TEST

    return cmocka_run_group_tests(tests, make_all, NULL);
}
