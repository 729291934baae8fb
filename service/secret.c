/* SPDX-License-Identifier: Apache-2.0 */
#include "service/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

enum { SECRET_BYTES = HASH_SECRET_WORDS * 8 };

static enum ctr_status read_secret(int file, const char *path, uint64_t *ret_secret,
                                   struct ctr_error *reterr)
{
    unsigned char bytes[SECRET_BYTES + 1];
    size_t length = 0;

    while (length < sizeof bytes) {
        ssize_t count = read(file, bytes + length, sizeof bytes - length);

        if (count < 0) {
            return ctr_fail(reterr, CTR_IO, "%.200s: %s", path, strerror(errno));
        }
        if (count == 0) {
            break;
        }
        length += (size_t)count;
    }
    if (length != SECRET_BYTES) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%.150s is no hash key: it must hold %d random bytes, e.g. of "
                        "head -c %d /dev/urandom",
                        path, (int)SECRET_BYTES, (int)SECRET_BYTES);
    }
    memcpy(ret_secret, bytes, SECRET_BYTES);
    return CTR_OK;
}

/* Written under another name first: a power cut leaves no half of a key. What such a one has left
 * is not written into: others may be allowed to read it. */
static enum ctr_status make_secret(const char *path, uint64_t *ret_secret, struct ctr_error *reterr)
{
    char fresh[1200];
    int file = -1;
    bool good = false;

    if (getrandom(ret_secret, SECRET_BYTES, 0) != (ssize_t)SECRET_BYTES ||
        snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) {
        return ctr_fail(reterr, CTR_IO, "no random bytes from the system: %s", strerror(errno));
    }
    (void)unlink(fresh);
    file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return ctr_fail(reterr, CTR_IO, "%.200s: %s", fresh, strerror(errno));
    }
    good = write(file, ret_secret, SECRET_BYTES) == (ssize_t)SECRET_BYTES && fsync(file) == 0;
    good = close(file) == 0 && good;
    if (!good || rename(fresh, path) != 0) {
        return ctr_fail(reterr, CTR_IO, "%.200s: %s", path, strerror(errno));
    }
    return CTR_OK;
}

enum ctr_status secret_load(const char *path, bool make, uint64_t ret_secret[HASH_SECRET_WORDS],
                            struct ctr_error *reterr)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    enum ctr_status status = CTR_OK;

    if (file < 0 && errno == ENOENT && make) {
        return make_secret(path, ret_secret, reterr);
    }
    if (file < 0 && errno == ENOENT) {
        return ctr_fail(reterr, CTR_NOT_FOUND,
                        "hash_key: there is no file %.200s; make one of %d random bytes", path,
                        (int)SECRET_BYTES);
    }
    if (file < 0) {
        return ctr_fail(reterr, CTR_IO, "%.200s: %s", path, strerror(errno));
    }
    status = read_secret(file, path, ret_secret, reterr);
    (void)close(file);
    return status;
}
