/* SPDX-License-Identifier: Apache-2.0 */
#include "api/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <asm/socket.h> /* SO_REUSEPORT: <sys/socket.h> hides it from POSIX programs */
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { BACKLOG = 1024, HOST_BYTES = 64, HANDSHAKES_MS = 30 };

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;
    socklen_t length;
};

/* "::1" or "[::1]", "127.0.0.1", "localhost". */
static bool read_address(const char *host, struct address *ret_address)
{
    char plain[HOST_BYTES];
    size_t length;
    bool bracketed;

    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    length = strlen(host);
    bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (length >= sizeof plain)
        return false;
    memcpy(plain, host, length + 1);
    if (bracketed) {
        memmove(plain, plain + 1, length - 2);
        plain[length - 2] = '\0';
    }
    *ret_address = (struct address){.length = sizeof ret_address->socket.v4};
    ret_address->socket.v4.sin_family = AF_INET;
    if (inet_pton(AF_INET, plain, &ret_address->socket.v4.sin_addr) == 1)
        return true;
    *ret_address = (struct address){.length = sizeof ret_address->socket.v6};
    ret_address->socket.v6.sin6_family = AF_INET6;
    return inet_pton(AF_INET6, plain, &ret_address->socket.v6.sin6_addr) == 1;
}

/* sin_port and sin6_port lie at the same place, but saying which is clearer. */
static void set_port(struct address *address, uint16_t port)
{
    if (address->socket.any.sa_family == AF_INET)
        address->socket.v4.sin_port = htons(port);
    else
        address->socket.v6.sin6_port = htons(port);
}

/* A bound socket, or -1 with errno. `shared`: others of ours may have the same port. */
static int open_bound(const struct address *address, bool shared)
{
    static const int yes = 1;
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM, 0);
    int saved;

    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0) &&
        bind(fd, &address->socket.any, address->length) == 0)
        return fd;
    saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static enum ctr_status fail_bind(const struct listen_options *options, int error,
                                 struct ctr_error *reterr)
{
    char unknown[128];
    const char *words = unknown;
    bool bare_v6 = strchr(options->host, ':') != NULL && options->host[0] != '[';

    if (error == EADDRINUSE)
        words = "is in use; stop what listens there or choose another port";
    else if (error == EACCES)
        words = "may not be opened by this user; choose a port above 1023";
    else if (error == EADDRNOTAVAIL)
        words = "is no address of this machine";
    else if (strerror_r(error, unknown, sizeof unknown) != 0)
        words = "cannot be opened";
    return ctr_fail(reterr, CTR_IO, "%s: %s%s%s:%u %s", options->name, bare_v6 ? "[" : "",
                    options->host, bare_v6 ? "]" : "", (unsigned)options->port, words);
}

/* SO_REUSEPORT would let us share the port with a stranger of the same user, and each would get
 * some of the connections. Without it a port on which anyone listens is refused. */
static int probe(const struct address *address)
{
    int fd = open_bound(address, false);

    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

static int open_one(struct address *address, uint16_t *port, int *ret_fd)
{
    struct address bound = *address;
    int fd = open_bound(address, true);
    int saved;

    if (fd < 0)
        return errno;
    if (listen(fd, BACKLOG) != 0 || getsockname(fd, &bound.socket.any, &bound.length) != 0) {
        saved = errno;
        (void)close(fd);
        return saved;
    }
    *port = ntohs(bound.socket.any.sa_family == AF_INET ? bound.socket.v4.sin_port
                                                        : bound.socket.v6.sin6_port);
    set_port(address, *port); /* the next ones join the first, whatever it was given */
    *ret_fd = fd;
    return 0;
}

enum ctr_status listen_open(const struct listen_options *options, size_t count, int *ret_fds,
                            uint16_t *ret_port, struct ctr_error *reterr)
{
    struct address address;
    uint16_t port = options->port;
    int error = 0;

    if (!read_address(options->host, &address))
        return ctr_fail(reterr, CTR_INVALID,
                        "%s: \"%.64s\" is not an IP address; use one like 127.0.0.1, 0.0.0.0, ::1 "
                        "or ::",
                        options->name, options->host);
    set_port(&address, port);
    if (port != 0)
        error = probe(&address);
    for (size_t i = 0; error == 0 && i < count; i++) {
        error = open_one(&address, &port, &ret_fds[i]);
        for (size_t k = 0; error != 0 && k < i; k++)
            (void)close(ret_fds[k]);
    }
    if (error != 0)
        return fail_bind(options, error, reterr);
    *ret_port = port;
    return CTR_OK;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Packets that only ask for a connection (SYN without ACK) are dropped: to whoever sent one this
 * looks like a packet lost, never like a refusal. */
static void ignore_attempts(int fd)
{
    static struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13), /* the flags of the TCP header */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};

    /* Where it is refused, a connection made in the next moments may be reset. */
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        return;
}

void listen_close(const int *fds, size_t count,
                  void (*adopt)(void *owner, size_t which, const struct listen_caller *caller),
                  void *owner)
{
    for (size_t i = 0; i < count; i++)
        ignore_attempts(fds[i]);
    (void)poll(NULL, 0, HANDSHAKES_MS);
    for (size_t i = 0; i < count; i++) {
        struct listen_caller caller = {.address_length = sizeof caller.address};

        while (fds[i] >= 0 &&
               (caller.fd = accept(fds[i], &caller.address.any, &caller.address_length)) >= 0) {
            adopt(owner, i, &caller);
            caller.address_length = sizeof caller.address;
        }
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
}
