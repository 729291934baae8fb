/* SPDX-License-Identifier: Apache-2.0
 *
 * What the main thread does while the service runs: it waits for signals, and tells the service
 * manager how things are. SIGTERM and SIGINT end, SIGHUP reads the settings again, SIGPIPE is
 * ignored. Thread: main.
 */
#ifndef LIVECTR_SERVICE_SIGNALS_H
#define LIVECTR_SERVICE_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/notify.h"

/* What is asked of the service in between; owner is passed on. */
struct signals_hooks {
    void *owner;
    bool (*alive)(void *owner); /* ingest has moved lately: what the watchdog is told */
    void (*describe)(void *owner, char *ret_text, size_t text_bytes); /* for people, one line */
    void (*reload)(void *owner);
};

/* Leaves the signals to the main thread. Before any other thread starts. */
void signals_block(void);

/* Waits for SIGTERM or SIGINT, serving hooks and manager meanwhile. */
void signals_serve(const struct notify *notify, const struct signals_hooks *hooks);

/* The same, but at most for_ms long, and SIGHUP is not served any more. True: a signal came. */
bool signals_drain(const struct notify *notify, const struct signals_hooks *hooks, int64_t for_ms);

#endif
