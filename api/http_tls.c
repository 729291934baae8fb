/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS through libmicrohttpd: which certificate a handshake gets. The callback by which it asks has
 * no argument of ours, so the session carries the pair that its connection holds.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "api/http_raw.h"
#include "storage/moment.h"

/* A certificate with its key. Never changed once it is shown; the last who holds it frees it. */
struct tls_pair {
    struct tls *owner;
    size_t holders;
    int64_t expires_ms;
    unsigned count;
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    gnutls_privkey_t key;
};

struct tls {
    pthread_mutex_t mutex; /* guards `pair` and its holders */
    struct tls_pair *pair; /* NULL: none yet */
};

/* TLS 1.2 and 1.3, forward secrecy, ciphers with authentication built in. */
static const char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-CIPHER-ALL:+AES-128-GCM:"
    "+AES-256-GCM:+CHACHA20-POLY1305:%SERVER_PRECEDENCE";

/* ---- holding -------------------------------------------------------------------------------- */

static void free_pair(struct tls_pair *pair)
{
    if (pair == NULL)
        return;
    for (unsigned i = 0; i < pair->count; i++)
        gnutls_pcert_deinit(&pair->chain[i]);
    if (pair->key != NULL)
        gnutls_privkey_deinit(pair->key);
    free(pair);
}

void http_tls_give(struct tls_pair *pair)
{
    bool last;

    if (pair == NULL)
        return;
    (void)pthread_mutex_lock(&pair->owner->mutex);
    pair->holders--;
    last = pair->holders == 0;
    (void)pthread_mutex_unlock(&pair->owner->mutex);
    if (last)
        free_pair(pair);
}

struct tls_pair *http_tls_take(struct tls *tls, struct MHD_Connection *connection)
{
    gnutls_session_t session;
    struct tls_pair *pair;

    if (tls == NULL)
        return NULL;
    (void)pthread_mutex_lock(&tls->mutex);
    pair = tls->pair;
    if (pair != NULL)
        pair->holders++;
    (void)pthread_mutex_unlock(&tls->mutex);
    session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_session_set_ptr(session, pair);
    return pair;
}

/* gnutls_certificate_retrieve_function2. What it shows stays ours, and there until the connection
 * is closed. */
static int show_pair(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                     const gnutls_pk_algorithm_t *algorithms, int algorithms_count,
                     gnutls_pcert_st **ret_chain, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    struct tls_pair *pair = gnutls_session_get_ptr(session);

    (void)authorities, (void)count, (void)algorithms, (void)algorithms_count;
    if (pair == NULL)
        return -1;
    *ret_chain = pair->chain;
    *ret_count = pair->count;
    *ret_key = pair->key;
    return 0;
}

/* An array of options of libmicrohttpd, where a function travels as a pointer. */
void http_tls_options(const struct tls *tls, struct MHD_OptionItem ret_options[HTTP_TLS_OPTIONS])
{
    union {
        gnutls_certificate_retrieve_function2 *function;
        void *pointer;
    } callback = {.function = show_pair};
    size_t count = 0;

    if (tls != NULL) {
        ret_options[count++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities};
        ret_options[count++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, callback.pointer};
    }
    ret_options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

struct tls *tls_new(void)
{
    struct tls *tls = calloc(1, sizeof *tls);

    if (tls != NULL)
        (void)pthread_mutex_init(&tls->mutex, NULL);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    free_pair(tls->pair);
    (void)pthread_mutex_destroy(&tls->mutex);
    free(tls);
}

int64_t tls_expires_ms(struct tls *tls)
{
    int64_t expires_ms;

    (void)pthread_mutex_lock(&tls->mutex);
    expires_ms = tls->pair == NULL ? MOMENT_NONE : tls->pair->expires_ms;
    (void)pthread_mutex_unlock(&tls->mutex);
    return expires_ms;
}

/* ---- replacing ------------------------------------------------------------------------------ */

static gnutls_datum_t datum_of(struct text text)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text.bytes, (unsigned)text.length};
}

static enum ctr_status read_chain(struct tls_pair *pair, const char *name, struct text pem,
                                  int64_t now_ms, struct ctr_error *reterr)
{
    gnutls_x509_crt_t certificates[TLS_CHAIN_MAX];
    gnutls_datum_t datum = datum_of(pem);
    unsigned count = TLS_CHAIN_MAX;
    char text[MOMENT_TEXT_BYTES];
    int64_t begins_ms;
    int error = gnutls_x509_crt_list_import(certificates, &count, &datum, GNUTLS_X509_FMT_PEM,
                                            GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);

    if (error < 0)
        return ctr_fail(reterr, CTR_INVALID,
                        "tls_cert %.120s holds no PEM certificates that can be read: %s", name,
                        gnutls_strerror(error));
    count = (unsigned)error;
    begins_ms = (int64_t)gnutls_x509_crt_get_activation_time(certificates[0]) * 1000;
    pair->expires_ms = (int64_t)gnutls_x509_crt_get_expiration_time(certificates[0]) * 1000;
    error = 0;
    for (unsigned i = 0; error == 0 && i < count; i++) {
        error = gnutls_pcert_import_x509(&pair->chain[i], certificates[i], 0);
        pair->count += error == 0 ? 1 : 0;
    }
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(certificates[i]);
    if (error != 0)
        return ctr_fail(reterr, CTR_INVALID, "tls_cert %.120s cannot be used: %s", name,
                        gnutls_strerror(error));
    if (now_ms >= pair->expires_ms || now_ms < begins_ms) {
        moment_format(now_ms < begins_ms ? begins_ms : pair->expires_ms, text);
        return ctr_fail(reterr, CTR_INVALID,
                        "tls_cert %.120s %s %s; renew it, or look at the clock", name,
                        now_ms < begins_ms ? "is not valid before" : "expired on", text);
    }
    return CTR_OK;
}

static enum ctr_status read_key(struct tls_pair *pair, const char *name, struct text pem,
                                struct ctr_error *reterr)
{
    gnutls_datum_t datum = datum_of(pem);
    int error = gnutls_privkey_init(&pair->key);

    if (error != 0)
        return ctr_fail(reterr, CTR_NO_MEMORY, "tls_key: %s", gnutls_strerror(error));
    error = gnutls_privkey_import_x509_raw(pair->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (error == GNUTLS_E_DECRYPTION_FAILED)
        return ctr_fail(reterr, CTR_INVALID,
                        "tls_key %.120s is encrypted; nobody is here to type its password", name);
    if (error != 0)
        return ctr_fail(reterr, CTR_INVALID, "tls_key %.120s holds no PEM key that can be read: %s",
                        name, gnutls_strerror(error));
    return CTR_OK;
}

/* Whether they belong together, by what is signed with one and verified with the other. */
static enum ctr_status match(const struct tls_pair *pair, const struct tls_names *names,
                             struct ctr_error *reterr)
{
    gnutls_pubkey_t public = NULL;
    unsigned char of_key[64];
    unsigned char of_certificate[64];
    size_t key_bytes = sizeof of_key;
    size_t certificate_bytes = sizeof of_certificate;
    int error = gnutls_pubkey_init(&public);

    if (error == 0)
        error = gnutls_pubkey_import_privkey(public, pair->key, 0, 0);
    if (error == 0)
        error = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_bytes);
    if (error == 0)
        error = gnutls_pubkey_get_key_id(pair->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
                                         of_certificate, &certificate_bytes);
    if (public != NULL)
        gnutls_pubkey_deinit(public);
    if (error != 0)
        return ctr_fail(reterr, CTR_INVALID, "tls_key %.120s cannot be used: %s", names->key,
                        gnutls_strerror(error));
    if (key_bytes != certificate_bytes || memcmp(of_key, of_certificate, key_bytes) != 0)
        return ctr_fail(reterr, CTR_INVALID,
                        "tls_key %.100s is not the key of tls_cert %.100s (whose own certificate "
                        "must come first in the file)",
                        names->key, names->certificate);
    return CTR_OK;
}

enum ctr_status tls_replace(struct tls *tls, const struct tls_names *names, struct text certificate,
                            struct text key, int64_t now_ms, struct ctr_error *reterr)
{
    struct tls_pair *pair = calloc(1, sizeof *pair);
    struct tls_pair *old;
    enum ctr_status status;

    if (pair == NULL)
        return ctr_fail(reterr, CTR_NO_MEMORY, "tls_cert: no memory for a certificate");
    *pair = (struct tls_pair){.owner = tls, .holders = 1};
    status = read_chain(pair, names->certificate, certificate, now_ms, reterr);
    if (status == CTR_OK)
        status = read_key(pair, names->key, key, reterr);
    if (status == CTR_OK)
        status = match(pair, names, reterr);
    if (status != CTR_OK) {
        free_pair(pair);
        return status;
    }
    (void)pthread_mutex_lock(&tls->mutex);
    old = tls->pair;
    tls->pair = pair;
    (void)pthread_mutex_unlock(&tls->mutex);
    http_tls_give(old);
    return CTR_OK;
}
