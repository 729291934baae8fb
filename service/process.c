/* SPDX-License-Identifier: Apache-2.0 */
#include "service/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int64_t cpu_ms(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return -1;
    }
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static int64_t open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry = NULL;
    int64_t count = -1; /* the folder's own */

    if (folder == NULL) {
        return -1;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this call's own */
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    return count;
}

static int64_t max_fds(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
               ? (int64_t)limit.rlim_cur
               : -1;
}

/* A folder's links are its two names and one for each folder in it. */
static int64_t threads(void)
{
    struct stat tasks;

    return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2 ? (int64_t)tasks.st_nlink - 2
                                                                      : -1;
}

void process_read(struct process_facts *ret_facts)
{
    *ret_facts = (struct process_facts){
        .cpu_ms = cpu_ms(), .open_fds = open_fds(), .max_fds = max_fds(), .threads = threads()};
}
