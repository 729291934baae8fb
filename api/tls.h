/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate and key with which a listener speaks TLS. They can be replaced while it does: a
 * connection keeps those it began with, the next one gets the new ones. Lock: one mutex for the
 * moment in which a connection takes hold of them. api/http_tls.c is the file that knows GnuTLS's
 * sessions.
 */
#ifndef LIVECTR_API_TLS_H
#define LIVECTR_API_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/status.h"

enum { TLS_CHAIN_MAX = 16 }; /* certificates of a file */

struct tls;

/* Without a certificate yet: every handshake fails. NULL on no memory. Thread: main. */
struct tls *tls_new(void);

/* NULL is fine. No listener may use it any more. Thread: main. */
void tls_free(struct tls *tls);

/* Where the two came from, for errors. */
struct tls_names {
    const char *certificate, *key;
};

/* Takes over a PEM certificate, its own first and then those that lead to a root, and its PEM key.
 * Errors: CTR_INVALID with the file and the way out (not PEM, encrypted, another key's, expired at
 * now_ms or not valid yet), CTR_NO_MEMORY; the old ones stay then. Thread: any. */
CTR_MUST_USE enum ctr_status tls_replace(struct tls *tls, const struct tls_names *names,
                                         struct text certificate, struct text key, int64_t now_ms,
                                         struct ctr_error *reterr);

/* When the certificate expires; MOMENT_NONE: there is none. Thread: any. */
int64_t tls_expires_ms(struct tls *tls);

#endif
