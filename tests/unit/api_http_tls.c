/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTPS over real sockets, with a client that is GnuTLS: versions, certificates that change under
 * open connections, and the guard behind it.
 */
#include "api/http.h"

#include "api/text.h"
#include "tests/support/certificate.h"
#include "tests/unit/api_client.h"

#define DAY_S (24 * 3600)
enum { HEADER_MS = 1000 }; /* of the hasty one */
static const time_t now_s = FIXTURE_TS / 1000;

static struct fixture fixture;
static struct http_server *server;
static struct tls *tls;
static struct ctr_error error;
static struct certificate first, second;
static gnutls_certificate_credentials_t credentials;

/* ---- a client ------------------------------------------------------------------------------- */

struct client {
    int fd;
    gnutls_session_t session;
};

static bool meet(struct client *ret_client, const char *priorities)
{
    int result;

    ret_client->fd = client_connect(http_server_port(server));
    assert_true(ret_client->fd >= 0);
    assert_int_equal(gnutls_init(&ret_client->session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_priority_set_direct(ret_client->session, priorities, NULL), 0);
    assert_int_equal(
        gnutls_credentials_set(ret_client->session, GNUTLS_CRD_CERTIFICATE, credentials), 0);
    gnutls_transport_set_int(ret_client->session, ret_client->fd);
    gnutls_handshake_set_timeout(ret_client->session, 5000);
    do
        result = gnutls_handshake(ret_client->session);
    while (result < 0 && gnutls_error_is_fatal(result) == 0);
    return result == 0;
}

static void part(struct client *client)
{
    gnutls_deinit(client->session);
    (void)close(client->fd);
}

static void say(const struct client *client, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = gnutls_record_send(client->session, bytes, length);

        assert_true(sent > 0);
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Reads until there is a whole head and its body; the status, 0: closed before. */
static unsigned hear(const struct client *client, char *ret_bytes, size_t size)
{
    size_t used = 0;

    gnutls_record_set_timeout(client->session, 5000);
    for (;;) {
        const char *end;
        const char *length;
        ssize_t got;

        ret_bytes[used] = '\0';
        end = strstr(ret_bytes, "\r\n\r\n");
        length = strstr(ret_bytes, "Content-Length: ");
        if (end != NULL && length != NULL &&
            used >= (size_t)(end + 4 - ret_bytes) + strtoul(length + 16, NULL, 10))
            return (unsigned)strtoul(ret_bytes + 9, NULL, 10);
        assert_true(used + 1 < size);
        got = gnutls_record_recv(client->session, ret_bytes + used, size - 1 - used);
        if (got <= 0 && (got == 0 || gnutls_error_is_fatal((int)got) != 0))
            return 0;
        used += got > 0 ? (size_t)got : 0;
    }
}

static unsigned ask(const struct client *client, const char *request)
{
    static char bytes[65536];

    say(client, request, strlen(request));
    return hear(client, bytes, sizeof bytes);
}

/* Whether the client was shown this certificate. */
static bool was_shown(const struct client *client, const struct certificate *certificate)
{
    static char pem[CERTIFICATE_BYTES];
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(client->session, &count);
    size_t length = sizeof pem;
    gnutls_datum_t text;

    assert_non_null(shown);
    assert_int_equal(gnutls_pem_base64_encode2("CERTIFICATE", shown, &text), 0);
    length = text.size;
    memcpy(pem, text.data, length);
    pem[length] = '\0';
    gnutls_free(text.data);
    return strcmp(pem, certificate->certificate) == 0;
}

/* ---- life ----------------------------------------------------------------------------------- */

static enum ctr_status replace(const char *certificate, const char *key)
{
    static const struct tls_names names = {"cert.pem", "key.pem"};

    error.text[0] = '\0';
    return tls_replace(tls, &names, text_of(certificate), text_of(key), FIXTURE_TS, &error);
}

static void begin(int64_t header_ms)
{
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 2,
                                   .connections_max = 100,
                                   .context = &fixture.context,
                                   .wall_ms = client_wall_ms,
                                   .mono_ms = client_mono_ms,
                                   .mono_us = client_mono_us,
                                   .limits_ms = {[DEADLINE_HEADER] = header_ms}};

    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 10, 1, "/a", NULL);
    fixture_publish(&fixture);
    tls = tls_new();
    assert_non_null(tls);
    assert_int_equal(replace(first.certificate, first.key), CTR_OK);
    options.tls = tls;
    if (http_server_start(&options, &server, &error) != CTR_OK)
        fail_msg("%s", error.text);
}

static int start(void **state)
{
    (void)state;
    begin(0);
    return 0;
}

static int start_hasty(void **state)
{
    (void)state;
    begin(HEADER_MS);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server);
    tls_free(tls);
    fixture_done(&fixture);
    return 0;
}

static int make_all(void **state)
{
    (void)state;
    return certificate_make("first", now_s - DAY_S, now_s + DAY_S, &first) &&
                   certificate_make("second", now_s - DAY_S, now_s + 2 * DAY_S, &second) &&
                   gnutls_certificate_allocate_credentials(&credentials) == 0
               ? 0
               : -1;
}

static int free_all(void **state)
{
    (void)state;
    gnutls_certificate_free_credentials(credentials);
    return 0;
}

/* ---- tests ---------------------------------------------------------------------------------- */

#define GET "GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n"

static void two_versions_are_spoken_and_no_older(void **state)
{
    static const struct {
        const char *priorities;
        bool good;
    } rows[] = {{"NORMAL:-VERS-ALL:+VERS-TLS1.3", true},
                {"NORMAL:-VERS-ALL:+VERS-TLS1.2", true},
                {"NORMAL:-VERS-ALL:+VERS-TLS1.1:%VERIFY_ALLOW_SIGN_WITH_SHA1", false},
                {"NORMAL:-VERS-ALL:+VERS-TLS1.0:%VERIFY_ALLOW_SIGN_WITH_SHA1", false},
                {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC", false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client client;

        if (meet(&client, rows[i].priorities) != rows[i].good)
            fail_msg("%s: %s", rows[i].priorities, rows[i].good ? "refused" : "taken");
        if (rows[i].good) {
            assert_true(was_shown(&client, &first));
            assert_int_equal(ask(&client, GET), 200);
            assert_int_equal(ask(&client, GET), 200); /* it is kept */
        }
        part(&client);
    }
}

static void nobody_is_answered_in_the_clear(void **state)
{
    char bytes[512];
    int fd = client_connect(http_server_port(server));

    (void)state;
    assert_true(client_say(fd, GET));
    assert_true(client_drain(fd, 5000, bytes, sizeof bytes)); /* closed */
    assert_null(strstr(bytes, "HTTP/1.1"));
    (void)close(fd);
}

static void a_new_certificate_is_for_new_connections(void **state)
{
    struct client old;
    struct client fresh;

    (void)state;
    assert_int_equal(tls_expires_ms(tls), ((int64_t)now_s + DAY_S) * 1000);
    assert_true(meet(&old, "NORMAL"));
    assert_int_equal(ask(&old, GET), 200);
    assert_int_equal(replace(second.certificate, second.key), CTR_OK);
    assert_int_equal(tls_expires_ms(tls), ((int64_t)now_s + 2 * DAY_S) * 1000);
    assert_int_equal(ask(&old, GET), 200);
    assert_true(meet(&fresh, "NORMAL"));
    assert_true(was_shown(&fresh, &second));
    assert_int_equal(ask(&fresh, GET), 200);
    assert_int_equal(ask(&old, GET), 200);
    part(&old);
    part(&fresh);
}

/* A handshake is part of what must be over within the time of the headers. */
static void a_handshake_that_does_not_go_on_is_cut(void **state)
{
    static const char hello[] = "\x16\x03\x01\x02";
    char bytes[64];
    int silent = client_connect(http_server_port(server));
    int halting = client_connect(http_server_port(server));
    int64_t begun_ms = client_mono_ms();
    struct client client;

    (void)state;
    assert_true(client_send(halting, hello, sizeof hello - 1));
    assert_true(meet(&client, "NORMAL")); /* nobody waits for them */
    assert_int_equal(ask(&client, GET), 200);
    assert_true(client_drain(silent, 5 * HEADER_MS, bytes, sizeof bytes));
    assert_true(client_drain(halting, 5 * HEADER_MS, bytes, sizeof bytes));
    assert_true(client_mono_ms() - begun_ms >= HEADER_MS - 10);
    assert_int_equal(ask(&client, GET), 200);
    (void)close(silent);
    (void)close(halting);
    part(&client);
}

/* The one that it began with is gone for everybody else by then. */
static void a_handshake_under_way_ends_with_what_it_began_with(void **state)
{
    struct client client;

    (void)state;
    client.fd = client_connect(http_server_port(server));
    /* Taken when the connection is accepted, which is seen from outside by the counter. */
    for (int i = 0; i < 500 && http_counter_read(&fixture.counters.opened) == 0; i++)
        client_sleep_ms(10);
    assert_int_equal(http_counter_read(&fixture.counters.opened), 1);
    assert_int_equal(replace(second.certificate, second.key), CTR_OK);
    assert_int_equal(gnutls_init(&client.session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_set_default_priority(client.session), 0);
    assert_int_equal(gnutls_credentials_set(client.session, GNUTLS_CRD_CERTIFICATE, credentials),
                     0);
    gnutls_transport_set_int(client.session, client.fd);
    gnutls_handshake_set_timeout(client.session, 5000);
    assert_int_equal(gnutls_handshake(client.session), 0);
    assert_int_equal(ask(&client, GET), 200);
    part(&client);
}

static void expect_refused(const char *certificate, const char *key, const char *words)
{
    struct client client;

    assert_int_equal(replace(certificate, key), CTR_INVALID);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, error.text);
    assert_true(meet(&client, "NORMAL"));
    assert_true(was_shown(&client, &first));
    assert_int_equal(ask(&client, GET), 200);
    part(&client);
}

static void wrong_files_are_refused_with_words_and_change_nothing(void **state)
{
    static struct certificate expired;
    static struct certificate early;

    (void)state;
    assert_true(certificate_make("x", now_s - 2 * DAY_S, now_s - DAY_S, &expired));
    assert_true(certificate_make("x", now_s + DAY_S, now_s + 2 * DAY_S, &early));
    expect_refused(second.certificate, first.key,
                   "tls_key key.pem is not the key of tls_cert cert.pem");
    expect_refused("", first.key, "tls_cert cert.pem holds no PEM certificates");
    expect_refused("nonsense", first.key, "tls_cert cert.pem holds no PEM certificates");
    expect_refused(first.key, first.key, "tls_cert cert.pem holds no PEM certificates");
    expect_refused(first.certificate, "", "tls_key key.pem holds no PEM key");
    expect_refused(first.certificate, first.certificate, "tls_key key.pem holds no PEM key");
    expect_refused(expired.certificate, expired.key, "expired on 2026-11-22T17:30:00.000Z");
    expect_refused(early.certificate, early.key, "is not valid before 2026-11-24T17:30:00.000Z");
}

static void a_key_under_a_password_is_refused_as_such(void **state)
{
    static char pem[CERTIFICATE_BYTES];
    gnutls_datum_t datum = {(unsigned char *)first.key, (unsigned)strlen(first.key)};
    gnutls_x509_privkey_t key;
    size_t length = sizeof pem - 1;

    (void)state;
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_import(key, &datum, GNUTLS_X509_FMT_PEM), 0);
    assert_int_equal(gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM, "secret",
                                                      GNUTLS_PKCS_PBES2_AES_256, pem, &length),
                     0);
    gnutls_x509_privkey_deinit(key);
    expect_refused(first.certificate, pem, "is encrypted");
}

/* What guard.h relies on: where libmicrohttpd leaves a request does not depend on what decrypts it.
 */
static void the_guard_sees_what_it_sees_without(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        unsigned status;
    } rows[] = {
#define ROW(text, status) {text, sizeof text - 1, status}
        ROW("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n", 200),
        ROW("GET /v1/ctr HTTP/1.1\nHost: x\r\n\r\n", 400),
        ROW("GET /v1/ctr HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
        ROW("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400),
        ROW("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 400),
        ROW("POST /v1/ctr:batchGet HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t piece = 1; piece <= rows[i].length; piece += rows[i].length - 1) {
            static char bytes[65536];
            struct client client;

            assert_true(meet(&client, "NORMAL"));
            for (size_t at = 0; at < rows[i].length; at += piece) {
                size_t left = rows[i].length - at;

                say(&client, rows[i].bytes + at, left < piece ? left : piece);
            }
            if (hear(&client, bytes, sizeof bytes) != rows[i].status)
                fail_msg("row %zu in pieces of %zu: %.100s", i, piece, bytes);
            part(&client);
        }
    }
}

static void a_long_answer_comes_whole_and_many_requests_at_once_in_order(void **state)
{
    static char bytes[1 << 20];
    char request[128];
    struct client client;

    (void)state;
    assert_true(meet(&client, "NORMAL"));
    for (int i = 0; i < 300; i++)
        say(&client, request,
            (size_t)snprintf(request, sizeof request, "GET /v1/n%d HTTP/1.1\r\nHost: x\r\n\r\n",
                             i));
    gnutls_record_set_timeout(client.session, 5000);
    for (int i = 0, used = 0; i < 300;) {
        ssize_t got =
            gnutls_record_recv(client.session, bytes + used, sizeof bytes - 1 - (size_t)used);
        const char *at;

        assert_true(got > 0);
        used += (int)got;
        bytes[used] = '\0';
        for (at = bytes, i = 0; i < 300; i++) {
            char expected[32];

            (void)snprintf(expected, sizeof expected, "/v1/n%d\\", i);
            at = strstr(at, expected);
            if (at == NULL)
                break;
        }
    }
    part(&client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(two_versions_are_spoken_and_no_older),
        TEST(nobody_is_answered_in_the_clear),
        TEST(a_new_certificate_is_for_new_connections),
        cmocka_unit_test_setup_teardown(a_handshake_that_does_not_go_on_is_cut, start_hasty, stop),
        TEST(a_handshake_under_way_ends_with_what_it_began_with),
        TEST(wrong_files_are_refused_with_words_and_change_nothing),
        TEST(a_key_under_a_password_is_refused_as_such),
        TEST(the_guard_sees_what_it_sees_without),
        TEST(a_long_answer_comes_whole_and_many_requests_at_once_in_order),
    };
#undef TEST

    return cmocka_run_group_tests(tests, make_all, free_all);
}
