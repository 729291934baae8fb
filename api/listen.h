/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening sockets that share one port, one per HTTP thread: the kernel then spreads connections
 * evenly, which a pool behind one socket does not (TRAPS).
 */
#ifndef LIVECTR_API_LISTEN_H
#define LIVECTR_API_LISTEN_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

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

/* Who has connected. */
struct listen_caller {
    int fd;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t address_length;
};

/* Closes listening sockets (-1 among them is fine) without resetting anybody: attempts to connect
 * are left unanswered from now on, handshakes under way may end, and whoever is connected and not
 * accepted goes to adopt(), which owns caller->fd; `which` counts the fds. Takes 30 ms. Thread:
 * main.
 */
void listen_close(const int *fds, size_t count,
                  void (*adopt)(void *owner, size_t which, const struct listen_caller *caller),
                  void *owner);

#endif
