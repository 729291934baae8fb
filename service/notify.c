/* SPDX-License-Identifier: Apache-2.0 */
#include "service/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/log.h"

enum { MESSAGE_BYTES = 1024 };

/* False: no address that this could be. */
static bool read_address(const char *text, struct notify *notify)
{
    size_t length = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || length < 2 ||
        length >= sizeof notify->address.sun_path) {
        return false;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, length + 1);
    notify->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    if (text[0] == '@') { /* abstract: a NUL first, and none at the end */
        notify->address.sun_path[0] = '\0';
        notify->address_bytes--;
    }
    return true;
}

/* WATCHDOG_PID says whom the time is meant for: a child of the process that was asked is not. */
static int64_t read_watchdog(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    int64_t limit_ms = usec == NULL ? 0 : strtoll(usec, NULL, 10) / 1000;

    if (limit_ms <= 0 || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid())) {
        return 0;
    }
    return limit_ms;
}

void notify_open(struct notify *ret_notify)
{
    const char *text = getenv("NOTIFY_SOCKET");

    memset(ret_notify, 0, sizeof *ret_notify);
    ret_notify->fd = -1;
    if (text == NULL || *text == '\0') {
        return;
    }
    if (read_address(text, ret_notify)) {
        ret_notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    if (ret_notify->fd < 0) {
        log_line(LOG_WARN, "notify_unusable", "socket=\"%.100s\"", text);
        return;
    }
    ret_notify->watchdog_ms = read_watchdog();
}

void notify_send(const struct notify *notify, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    int length = 0;
    va_list args;

    if (notify->fd < 0) {
        return;
    }
    va_start(args, format);
    length = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (length >= MESSAGE_BYTES) {
        length = MESSAGE_BYTES - 1;
    }
    if (sendto(notify->fd, message, (size_t)length, MSG_NOSIGNAL,
               (const struct sockaddr *)&notify->address, notify->address_bytes) < 0) {
        log_line(LOG_DEBUG, "notify_failed", "errno=%d", errno); /* a manager that is away */
    }
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0) {
        (void)close(notify->fd);
        notify->fd = -1;
    }
}
