/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is let in, and how they speak: the files of tokens, tls_cert and tls_key, read at the start
 * and again whenever they change, by a thread of its own that looks once a second. A request under
 * way keeps what it began with. Files that are wrong stop a start; later they change nothing, and
 * that is said in the log and in /metrics.
 *
 * A change is taken up once it has lasted from one look to the next: a certificate and its key, or
 * a file that an editor writes in two pieces, are not whole at once.
 */
#ifndef LIVECTR_SERVICE_GATE_H
#define LIVECTR_SERVICE_GATE_H

#include "api/request.h"
#include "api/tls.h"
#include "service/config.h"
#include "storage/status.h"

struct gate_options {
    const struct config *config; /* borrowed until gate_stop() */
    int64_t (*wall_ms)(void);
    int64_t look_ms; /* how often files are looked at; 0: each second */
};

struct gate;

/* Reads the files and starts the thread, where there are files. Says in the log who may come in
 * where everybody may. Errors: CTR_INVALID and CTR_IO with the file and the way out, CTR_NO_MEMORY.
 * Thread: main. */
CTR_MUST_USE enum ctr_status gate_start(const struct gate_options *options, struct gate **ret_gate,
                                        struct ctr_error *reterr);

/* Reads the files again now, changed or not. Thread: any. */
void gate_reload(struct gate *gate);

/* Fills in what the API asks of a request; borrowed from the gate. */
void gate_guard(const struct gate *gate, struct api_context *context);

/* What a listener speaks; NULL: in the clear. Borrowed from the gate. */
struct tls *gate_tls(const struct gate *gate, bool admin);

/* Thread: any. NULL: nothing is known. */
void gate_facts(struct gate *gate, struct door_facts *ret_facts);

/* The listeners are gone. NULL is fine. Thread: main. */
void gate_stop(struct gate *gate);

/* Whether only this machine can come to an address. */
bool gate_is_loopback(const char *host);

#endif
