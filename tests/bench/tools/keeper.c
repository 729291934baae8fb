/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps memory for another process: a machine whose host takes back what is free gets it again at
 * the host's price, some seconds a gigabyte, and that is not what is to be measured.
 *
 *   keeper --mb N
 *
 * Touches so much, prints a line, reads the number of a process from its input, and gives back as
 * much as that process grows, and a little more, every few milliseconds, until that ends.
 */
/* For madvise(). */
#define _DEFAULT_SOURCE /* NOLINT(readability-identifier-naming): the C library's name */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/bench/tools/tool.h"

enum { PIECE_BYTES = 2 << 20, AHEAD_BYTES = 192 << 20, PAGE_BYTES = 4096 };

/* Memory in huge pages, all of it there. */
static char *take(size_t bytes)
{
    char *base =
        mmap(NULL, bytes + PIECE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED) {
        tool_die("--mb", "there is not as much memory");
    }
    base += PIECE_BYTES - (size_t)base % PIECE_BYTES;
    (void)madvise(base, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
        base[at] = 1;
    }
    return base;
}

/* Resident bytes of a process; 0: it is gone. */
static size_t resident(long pid)
{
    char text[64];
    const char *pages = NULL;
    FILE *file = NULL;

    (void)snprintf(text, sizeof text, "/proc/%ld/statm", pid);
    file = fopen(text, "r");
    if (file == NULL) {
        return 0;
    }
    pages = fgets(text, sizeof text, file) == NULL ? NULL : strchr(text, ' '); /* the second */
    (void)fclose(file);
    return pages == NULL ? 0 : strtoul(pages, NULL, 10) * PAGE_BYTES;
}

static void give_back(char *base, size_t *bytes, size_t keep)
{
    while (*bytes > keep) {
        *bytes -= PIECE_BYTES;
        (void)munmap(base + *bytes, PIECE_BYTES);
    }
}

int main(int argc, char **argv)
{
    size_t all = (size_t)tool_number(argc, argv, "--mb", 1000) << 20;
    size_t bytes = all;
    char *base = take(all);
    size_t begun = 0;
    char line[32] = "";
    long pid = 0;

    (void)puts("ready");
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) != NULL) {
        pid = strtol(line, NULL, 10);
    }
    if (pid <= 0) {
        tool_die("process", "no number was given");
    }
    begun = resident(pid);
    for (size_t now = begun; now > 0 && bytes > 0; now = resident(pid)) {
        size_t wanted = (now > begun ? now - begun : 0) + AHEAD_BYTES;

        give_back(base, &bytes, wanted < all ? all - wanted : 0);
        tool_nap();
    }
    return 0;
}
