/* SPDX-License-Identifier: Apache-2.0
 *
 * bare_http FILE: libmicrohttpd and nothing else. Every request is answered with the bytes of FILE
 * by one response that was built beforehand, with the headers of an answer of ours; one thread, the
 * mode of api/http.c. What is left of its speed is what our own work costs: the yardstick of
 * tests/bench/reads.py. Prints its port and serves until its input ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <microhttpd.h>

enum { FILE_BYTES_MAX = 16 * 1024 * 1024, CONNECTION_MEMORY_BYTES = 32768 };

static const char *const headers[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Type", "application/json"},
    {"Cache-Control", "public, max-age=1, stale-while-revalidate=5, stale-if-error=30"},
    {"Vary", "Accept-Encoding"},
    {"ETag", "\"b88b9124a00b635f.1a22be6713c.a28de81054411ffb.1cb\""},
    {"X-Request-Id", "ed029ad1d659af0366d60bf87646cea0"},
};

static enum MHD_Result handle(void *owner, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_length, void **request_state)
{
    (void)path, (void)method, (void)version, (void)upload;
    if (*request_state == NULL) {
        *request_state = connection; /* an answer in the first call closes the connection */
        return MHD_YES;
    }
    if (*upload_length > 0) {
        *upload_length = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, owner);
}

static struct MHD_Response *build(const char *path)
{
    char *bytes = malloc(FILE_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    struct MHD_Response *built = NULL;

    if (bytes != NULL && file != NULL)
        built = MHD_create_response_from_buffer(fread(bytes, 1, FILE_BYTES_MAX, file), bytes,
                                                MHD_RESPMEM_MUST_FREE);
    else
        free(bytes);
    if (file != NULL)
        (void)fclose(file);
    for (size_t i = 0; built != NULL && i < sizeof headers / sizeof headers[0]; i++) {
        if (MHD_add_response_header(built, headers[i][0], headers[i][1]) != MHD_YES)
            return NULL;
    }
    return built;
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, SOMAXCONN) != 0 || getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    return fflush(stdout) == 0 ? fd : -1;
}

int main(int count, char **arguments)
{
    struct MHD_Response *built = count == 2 ? build(arguments[1]) : NULL;
    int fd = built == NULL ? -1 : listen_anywhere();
    struct MHD_Daemon *daemon =
        fd < 0 ? NULL
               : MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
                                  handle, built, MHD_OPTION_LISTEN_SOCKET, fd,
                                  MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                  (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);

    if (daemon == NULL) {
        (void)fputs("usage: bare_http FILE (or it cannot be read, or served)\n", stderr);
        return 1;
    }
    while (getchar() != EOF)
        continue;
    MHD_stop_daemon(daemon);
    MHD_destroy_response(built);
    return 0;
}
