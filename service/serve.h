/* SPDX-License-Identifier: Apache-2.0
 *
 * The running service as one object: source, store, pipeline, snapshot thread, listeners.
 */
#ifndef LIVECTR_SERVICE_SERVE_H
#define LIVECTR_SERVICE_SERVE_H

#include <stdbool.h>
#include <stddef.h>
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

/* Answers 503 on /readyz and closes connections after their answer, from now on; the end has begun.
 * Thread: main. */
void server_drain(struct server *server);

/* Closes the listeners, saves a last snapshot, stops all within 24 s of server_drain() and frees.
 * Whatever hangs: at 24 s the process ends here. Returns the exit code: 0, or ENDING_NOT_SAVED.
 * Thread: main. */
int server_stop(struct server *server);

/* Ingest has moved within the last half minute. Thread: any. */
bool server_alive(const struct server *server);

/* State and lag in words, for the service manager. Thread: any. */
void server_describe(struct server *server, char *ret_text, size_t text_bytes);

/* Reads the files of tokens and certificates again now. Thread: main. */
void server_reload_files(struct server *server);

/* The settings it runs with, for reload_config(). Thread: main. */
struct config *server_config(struct server *server);

/* `livectr serve`. argv[0] is the first flag. Returns the exit code. */
int serve_main(int argc, char **argv);

#endif
