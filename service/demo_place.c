/* SPDX-License-Identifier: Apache-2.0 */
#include "service/demo_place.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum ctr_status demo_directory_make(char ret_path[DEMO_DIRECTORY_BYTES], struct ctr_error *reterr)
{
    const char *parent = getenv("TMPDIR");
    char reason[128] = "";
    int length = snprintf(ret_path, DEMO_DIRECTORY_BYTES, "%s/livectr-demo-XXXXXX",
                          parent && *parent ? parent : "/tmp");

    if (length >= DEMO_DIRECTORY_BYTES) {
        errno = ENAMETOOLONG;
    } else if (mkdtemp(ret_path)) {
        return CTR_OK;
    }
    (void)strerror_r(errno, reason, sizeof reason);
    ret_path[0] = '\0';
    return ctr_fail(reterr, CTR_IO,
                    "cannot make a directory in %s: %s; set TMPDIR to a place that "
                    "can be written",
                    parent && *parent ? parent : "/tmp", reason);
}

enum ctr_status demo_directory_remove(const char *path, struct ctr_error *reterr)
{
    struct dirent **entries = NULL;
    char name[DEMO_DIRECTORY_BYTES + 260];
    int count;

    if (!path[0]) {
        return CTR_OK;
    }
    count = scandir(path, &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        (void)unlink(name); /* "." and ".." refuse; what else does shows in rmdir */
        free(entries[i]);
    }
    free(entries);
    if (rmdir(path) != 0) {
        return ctr_fail(reterr, CTR_IO, "could not remove %s; please do", path);
    }
    return CTR_OK;
}

bool demo_port_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    bool is_free;

    if (descriptor < 0) {
        return false;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* Reuse of the address, so that closed connections do not count; not of the port. */
    is_free = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              bind(descriptor, (const struct sockaddr *)&address, sizeof address) == 0 &&
              listen(descriptor, 1) == 0;
    (void)close(descriptor);
    return is_free;
}
