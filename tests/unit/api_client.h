/* SPDX-License-Identifier: Apache-2.0
 *
 * A raw-socket HTTP client and a server to talk to, for the tests of api/http.
 */
#ifndef LIVECTR_TESTS_UNIT_API_CLIENT_H
#define LIVECTR_TESTS_UNIT_API_CLIENT_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "api/http.h"
#include "tests/unit/api_fixture.h"

static inline int64_t client_mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t client_mono_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t client_wall_ms(void)
{
    return FIXTURE_TS + 5000;
}

static inline void client_sleep_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* A blocking socket to 127.0.0.1, or -1. */
static inline int client_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* Sends all of it; false once the peer has closed. */
static inline bool client_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static inline bool client_say(int fd, const char *text)
{
    return client_send(fd, text, strlen(text));
}

enum { CLIENT_BYTES = 262144 };

struct client_answer {
    unsigned status;
    size_t head_length, body_length;
    const char *body;
    char header[256]; /* what client_header() found last */
    char bytes[CLIENT_BYTES];
};

/* Reads one byte at most timeout_ms from now. 1 read, 0 closed, -1 nothing came. */
static inline int client_byte(int fd, int timeout_ms, char *ret_byte)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    if (poll(&ready, 1, timeout_ms) <= 0)
        return -1;
    return recv(fd, ret_byte, 1, 0) == 1 ? 1 : 0;
}

/* The value of a header, in the answer's own room until the next call; NULL when there is none. */
static inline const char *client_header(struct client_answer *answer, const char *name)
{
    char *value = answer->header;
    const char *line = strstr(answer->bytes, "\r\n") + 2;

    while (line < answer->bytes + answer->head_length - 2) {
        const char *end = strstr(line, "\r\n");
        size_t length = strlen(name);

        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 2;
            length = (size_t)(end - line) < sizeof answer->header ? (size_t)(end - line)
                                                                  : sizeof answer->header - 1;
            memcpy(value, line, length);
            value[length] = '\0';
            return value;
        }
        line = end + 2;
    }
    return NULL;
}

/* Reads one whole answer; `headed`: it is that to HEAD and has no body. False: closed before. */
static inline bool client_read(int fd, bool headed, struct client_answer *ret_answer)
{
    size_t used = 0;
    const char *length;

    memset(ret_answer, 0, sizeof *ret_answer);
    while (used < 4 || memcmp(ret_answer->bytes + used - 4, "\r\n\r\n", 4) != 0) {
        if (used + 1 >= CLIENT_BYTES || client_byte(fd, 5000, ret_answer->bytes + used) != 1)
            return false;
        used++;
    }
    ret_answer->head_length = used;
    ret_answer->status = (unsigned)strtoul(ret_answer->bytes + 9, NULL, 10);
    ret_answer->body = ret_answer->bytes + used;
    length = client_header(ret_answer, "Content-Length");
    if (length == NULL || headed)
        return true;
    ret_answer->body_length = strtoul(length, NULL, 10);
    while (used < ret_answer->head_length + ret_answer->body_length) {
        ssize_t got = recv(fd, ret_answer->bytes + used,
                           ret_answer->head_length + ret_answer->body_length - used, 0);

        if (got <= 0)
            return false;
        used += (size_t)got;
    }
    return true;
}

/* All that comes until the peer closes or is silent for timeout_ms, NUL-terminated. Returns
 * whether it closed. */
static inline bool client_drain(int fd, int timeout_ms, char *ret_bytes, size_t size)
{
    size_t used = 0;
    int result = -1;

    while (used + 1 < size) {
        result = client_byte(fd, timeout_ms, ret_bytes + used);
        if (result != 1)
            break;
        used++;
    }
    ret_bytes[used] = '\0';
    return result == 0;
}

#endif
