/* SPDX-License-Identifier: Apache-2.0 */
#include "service/rss.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int64_t rss_bytes(void)
{
    char text[128];
    char *at = text;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);

    if (file >= 0) {
        (void)close(file);
    }
    if (length <= 0) {
        return -1;
    }
    text[length] = '\0';
    (void)strtoll(text, &at, 10); /* the size; the second number is what is resident, in pages */
    return strtoll(at, NULL, 10) * sysconf(_SC_PAGESIZE);
}
