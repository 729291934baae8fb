/* SPDX-License-Identifier: Apache-2.0
 *
 * What a service manager is told (sd_notify(3)): one datagram of NAME=value lines to the socket
 * that NOTIFY_SOCKET names. Where nobody asks, nothing is sent. No sender ever waits.
 */
#ifndef LIVECTR_SERVICE_NOTIFY_H
#define LIVECTR_SERVICE_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "storage/status.h"

struct notify {
    int fd;              /* -1: nobody asked */
    int64_t watchdog_ms; /* WATCHDOG=1 is due at least this often; 0: not asked for */
    struct sockaddr_un address;
    socklen_t address_bytes;
};

/* Reads NOTIFY_SOCKET (a path, or @name for an abstract one), WATCHDOG_USEC and WATCHDOG_PID. A
 * socket that cannot be used is logged and lived without. Thread: main. */
void notify_open(struct notify *ret_notify);

/* Sends lines, separated by newlines: "READY=1\nSTATUS=live". What does not fit in 1 KiB is cut.
 * Thread: main. */
void notify_send(const struct notify *notify, const char *format, ...) CTR_PRINTF(2, 3);

void notify_close(struct notify *notify);

#endif
