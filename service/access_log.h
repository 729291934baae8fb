/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of requests: one line of stderr for each that the settings choose. A request's thread
 * formats its line into a ring of fixed size and goes on; a thread of our own writes the ring out,
 * and alone waits for whoever reads stderr. What the ring has no room for is dropped and counted.
 */
#ifndef LIVECTR_SERVICE_ACCESS_LOG_H
#define LIVECTR_SERVICE_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/access.h"
#include "api/counters.h"
#include "storage/status.h"

/* In the order of the settings' choices. sampled: one of every so many, and each from 400 on. */
enum access_mode { ACCESS_OFF, ACCESS_SAMPLED, ACCESS_ALL };
enum access_format { ACCESS_LOGFMT, ACCESS_JSON };
enum access_query { ACCESS_QUERY_NO, ACCESS_QUERY_YES };

enum { ACCESS_LINE_BYTES = 2048, ACCESS_RING_BYTES = 262144 };

struct access_log_options {
    enum access_mode mode;
    enum access_format format;
    enum access_query query; /* yes: the raw target with its arguments, which may hold ids */
    uint32_t sample;         /* one of so many, at least 1 */
    int64_t (*wall_ms)(void);
    /* Writes lines; false: they were not taken within patience_ms. NULL: log_write(). */
    bool (*write)(const char *bytes, size_t length, int patience_ms);
    struct http_counters *counters; /* log_lines and log_dropped; borrowed */
};

struct access_log;

/* Starts the writing thread; *ret_log NULL for ACCESS_OFF, which every function here takes.
 * Errors: CTR_NO_MEMORY, CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status access_log_start(const struct access_log_options *options,
                                              struct access_log **ret_log,
                                              struct ctr_error *reterr);

/* For http_options.log; `owner` is the log. Never waits for a reader. Thread: any. */
void access_log_put(void *owner, const struct access_record *record);

/* The line of one request, as put() would write it at time_ms. Returns its length with the line's
 * end, at most ACCESS_LINE_BYTES. Thread: any. */
size_t access_log_format(const struct access_log_options *options,
                         const struct access_record *record, int64_t time_ms,
                         char ret_line[ACCESS_LINE_BYTES]);

/* Writes what is in the ring, at most deadline_ms, and frees; a thread that hangs in a write is
 * abandoned. Nobody may put any more. NULL is fine. Thread: main. */
void access_log_stop(struct access_log *log, int deadline_ms);

#endif
