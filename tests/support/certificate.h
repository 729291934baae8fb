/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that sign themselves, made when a test wants them: none lies in the tree and
 * expires.
 */
#ifndef LIVECTR_TESTS_SUPPORT_CERTIFICATE_H
#define LIVECTR_TESTS_SUPPORT_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

enum { CERTIFICATE_BYTES = 16384 };

struct certificate {
    char certificate[CERTIFICATE_BYTES], key[CERTIFICATE_BYTES]; /* PEM */
};

/* For `name` and 127.0.0.1, valid from begins to ends. False: GnuTLS refused. */
static inline bool certificate_make(const char *name, time_t begins, time_t ends,
                                    struct certificate *ret_made)
{
    static const unsigned char loopback[] = {127, 0, 0, 1};
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t certificate = NULL;
    unsigned char serial[8] = {0};
    size_t certificate_bytes = CERTIFICATE_BYTES - 1;
    size_t key_bytes = CERTIFICATE_BYTES - 1;
    bool good = gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&certificate) == 0 &&
                gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial) == 0;

    memset(ret_made, 0, sizeof *ret_made);
    serial[0] &= 0x7F;
    good = good &&
           gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0;
    good = good && gnutls_x509_crt_set_version(certificate, 3) == 0 &&
           gnutls_x509_crt_set_serial(certificate, serial, sizeof serial) == 0 &&
           gnutls_x509_crt_set_activation_time(certificate, begins) == 0 &&
           gnutls_x509_crt_set_expiration_time(certificate, ends) == 0 &&
           gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                         (unsigned)strlen(name)) == 0 &&
           gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, loopback,
                                                sizeof loopback, GNUTLS_FSAN_SET) == 0 &&
           gnutls_x509_crt_set_basic_constraints(certificate, 1, -1) == 0 &&
           gnutls_x509_crt_set_key(certificate, key) == 0 &&
           gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0) == 0;
    good = good &&
           gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_PEM, ret_made->certificate,
                                  &certificate_bytes) == 0 &&
           gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                            ret_made->key, &key_bytes) == 0;
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    return good;
}

/* Writes a text to a file, first under another name, so that nobody reads a half. */
static inline bool certificate_write(const char *path, const char *text)
{
    char fresh[512];
    FILE *file;
    bool good;

    (void)snprintf(fresh, sizeof fresh, "%.500s.new", path);
    file = fopen(fresh, "we");
    if (file == NULL)
        return false;
    good = fputs(text, file) >= 0;
    return fclose(file) == 0 && good && rename(fresh, path) == 0;
}

#endif
