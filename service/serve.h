/* SPDX-License-Identifier: Apache-2.0
 *
 * The running service as one object: source, store, pipeline, snapshot thread, listeners.
 */
#ifndef LIVECTR_SERVICE_SERVE_H
#define LIVECTR_SERVICE_SERVE_H

#include <stdint.h>

#include "service/config.h"
#include "storage/store.h"

struct server;

/* Starts everything (config is copied). Returns when both listeners are open.
 * Errors: CTR_INVALID, CTR_IO, CTR_CORRUPT with the sentence for the user. Thread: main. */
CTR_MUST_USE enum ctr_status server_start(const struct config *config, struct server **ret_server,
                                          struct ctr_error *reterr);

/* Ports actually bound. */
uint16_t server_port(const struct server *server);
uint16_t server_admin_port(const struct server *server);

/* For readers inside the process (the demo's table). */
struct store *server_store(struct server *server);

/* Drains, saves a last snapshot, stops all within 25 s and frees. drain_ms: how long /readyz
 * answers 503 before the listeners close. Thread: main. */
void server_stop(struct server *server, int64_t drain_ms);

/* `livectr serve`. argv[0] is the first flag. Returns the exit code. */
int serve_main(int argc, char **argv);

#endif
