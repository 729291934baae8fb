/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening sockets that share one port, one per HTTP thread: the kernel then spreads connections
 * evenly, which a pool behind one socket does not (TRAPS).
 */
#ifndef LIVECTR_API_LISTEN_H
#define LIVECTR_API_LISTEN_H

#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

struct listen_options {
    const char *name; /* of the setting, for errors: "listen" */
    const char *host; /* IPv4 or IPv6 literal, or localhost (127.0.0.1) */
    uint16_t port;    /* 0: the system chooses */
};

/* Opens `count` sockets, bound and listening, close-on-exec and non-blocking, which the caller
 * owns. Errors: CTR_INVALID for a host that is no address, CTR_IO (the port is in use, among
 * others) with the sentence for the user; nothing is left open. Thread: main. */
CTR_MUST_USE enum ctr_status listen_open(const struct listen_options *options, size_t count,
                                         int *ret_fds, uint16_t *ret_port,
                                         struct ctr_error *reterr);

#endif
