/* SPDX-License-Identifier: Apache-2.0 */
#include "api/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4352 };

enum ctr_status spool_init(struct spool *spool, const char *folder)
{
    *spool = (struct spool){.folder = folder, .fd = -1};
    spool->buffer = malloc(SPOOL_BUFFER_BYTES);
    return spool->buffer == NULL ? CTR_NO_MEMORY : CTR_OK;
}

void spool_done(struct spool *spool)
{
    if (spool->buffer != NULL && spool->fd >= 0)
        (void)close(spool->fd);
    free(spool->buffer);
    spool->buffer = NULL;
}

enum ctr_status spool_empty(struct spool *spool)
{
    if (spool->fd >= 0 && ftruncate(spool->fd, 0) != 0)
        return CTR_IO;
    spool->used = spool->next = 0;
    spool->written = spool->read = 0;
    return CTR_OK;
}

static enum ctr_status open_file(struct spool *spool)
{
    char path[PATH_BYTES];
    int length;

    if (spool->folder == NULL)
        return CTR_IO;
    length = snprintf(path, sizeof path, "%s/export-XXXXXX", spool->folder);
    if (length < 0 || (size_t)length >= sizeof path)
        return CTR_IO;
    spool->fd = mkstemp(path);
    if (spool->fd < 0)
        return CTR_IO;
    (void)fcntl(spool->fd, F_SETFD, FD_CLOEXEC); /* nothing is started from here anyway */
    return unlink(path) == 0 ? CTR_OK : CTR_IO;
}

static enum ctr_status write_out(struct spool *spool)
{
    size_t done = 0;

    if (spool->fd < 0 && open_file(spool) != CTR_OK)
        return CTR_IO;
    while (done < spool->used) {
        ssize_t wrote = pwrite(spool->fd, spool->buffer + done, spool->used - done,
                               (off_t)(spool->written + done));

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return CTR_IO;
        done += (size_t)wrote;
    }
    spool->written += spool->used;
    spool->used = 0;
    return CTR_OK;
}

enum ctr_status spool_put(struct spool *spool, const void *bytes, size_t length)
{
    CTR_ASSERT(length <= SPOOL_BUFFER_BYTES);
    if (length > SPOOL_BUFFER_BYTES - spool->used && write_out(spool) != CTR_OK)
        return CTR_IO;
    memcpy(spool->buffer + spool->used, bytes, length);
    spool->used += length;
    return CTR_OK;
}

enum ctr_status spool_turn(struct spool *spool)
{
    return spool->fd >= 0 && spool->used > 0 ? write_out(spool) : CTR_OK;
}

/* Fills the buffer, which was read to its end, from the file. */
static enum ctr_status read_on(struct spool *spool)
{
    uint64_t left = spool->written - spool->read;
    size_t wanted = left < SPOOL_BUFFER_BYTES ? (size_t)left : SPOOL_BUFFER_BYTES;
    ssize_t got;

    do {
        got = pread(spool->fd, spool->buffer, wanted, (off_t)spool->read);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return CTR_IO;
    spool->used = (size_t)got;
    spool->next = 0;
    spool->read += (uint64_t)got;
    return CTR_OK;
}

enum ctr_status spool_get(struct spool *spool, void *ret_bytes, size_t length)
{
    char *room = ret_bytes;

    while (length > 0) {
        size_t here = spool->used - spool->next;

        if (here == 0) {
            if (spool->fd < 0 || read_on(spool) != CTR_OK)
                return CTR_IO;
            continue;
        }
        here = here < length ? here : length;
        memcpy(room, spool->buffer + spool->next, here);
        spool->next += here;
        room += here;
        length -= here;
    }
    return CTR_OK;
}
