/* SPDX-License-Identifier: Apache-2.0 */
#include "api/list_kept.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"

struct list_kept {
    _Atomic unsigned users; /* the table is one */
    struct picture picture;
    uint64_t hash; /* of the target */
    uint64_t used; /* when it was last asked for, in looks */
    size_t target_length, length;
    char bytes[]; /* the target, then what was kept */
};

static struct {
    pthread_mutex_t lock;
    struct list_kept *items[LIST_KEPT_MAX];
    size_t count, bytes;
    uint64_t looks;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t size_of(const struct list_kept *kept)
{
    return sizeof *kept + kept->target_length + kept->length;
}

void list_kept_give(const struct list_kept *kept)
{
    struct list_kept *mine = (struct list_kept *)(uintptr_t)kept;

    if (mine != NULL && atomic_fetch_sub(&mine->users, 1) == 1)
        free(mine);
}

struct text list_kept_bytes(const struct list_kept *kept)
{
    return (struct text){kept->bytes + kept->target_length, kept->length};
}

/* Where it is; count: nowhere. Under the lock. */
static size_t find(const struct picture *picture, uint64_t hash, struct text target)
{
    size_t at = 0;

    for (; at < table.count; at++) {
        const struct list_kept *kept = table.items[at];

        if (kept->hash == hash && picture_same(&kept->picture, picture) &&
            kept->target_length == target.length &&
            memcmp(kept->bytes, target.bytes, target.length) == 0)
            break;
    }
    return at;
}

/* Under the lock. */
static void drop(size_t at)
{
    table.bytes -= size_of(table.items[at]);
    list_kept_give(table.items[at]);
    table.items[at] = table.items[--table.count];
}

/* Those of older pictures of the same store go, then what was asked for longest ago. Under the
 * lock. */
static void make_room(const struct picture *picture, size_t bytes)
{
    for (size_t at = table.count; at > 0; at--) {
        const struct picture *other = &table.items[at - 1]->picture;

        if (other->store == picture->store && !picture_same(other, picture))
            drop(at - 1);
    }
    while (table.count == LIST_KEPT_MAX ||
           (table.count > 0 && table.bytes + bytes > LIST_KEPT_BYTES)) {
        size_t oldest = 0;

        for (size_t at = 1; at < table.count; at++) {
            if (table.items[at]->used < table.items[oldest]->used)
                oldest = at;
        }
        drop(oldest);
    }
}

const struct list_kept *list_kept_take(const struct picture *picture, const char *target)
{
    struct text text = {target, strlen(target)};
    uint64_t hash = hash_checksum(text.bytes, text.length);
    struct list_kept *kept = NULL;
    size_t at;

    (void)pthread_mutex_lock(&table.lock);
    at = find(picture, hash, text);
    if (at < table.count) {
        kept = table.items[at];
        kept->used = ++table.looks;
        (void)atomic_fetch_add(&kept->users, 1);
    }
    (void)pthread_mutex_unlock(&table.lock);
    return kept;
}

void list_kept_put(const struct picture *picture, const char *target, struct text bytes)
{
    struct text text = {target, strlen(target)};
    struct list_kept *kept = NULL;

    if (text.length > LIST_KEPT_TARGET_BYTES || bytes.length > LIST_KEPT_ONE_BYTES)
        return;
    kept = malloc(sizeof *kept + text.length + bytes.length);
    if (kept == NULL)
        return;
    *kept = (struct list_kept){.users = 1,
                               .picture = *picture,
                               .hash = hash_checksum(text.bytes, text.length),
                               .target_length = text.length,
                               .length = bytes.length};
    memcpy(kept->bytes, text.bytes, text.length);
    memcpy(kept->bytes + text.length, bytes.bytes, bytes.length);
    (void)pthread_mutex_lock(&table.lock);
    if (find(picture, kept->hash, text) == table.count) {
        make_room(picture, size_of(kept));
        kept->used = ++table.looks;
        table.items[table.count++] = kept;
        table.bytes += size_of(kept);
        kept = NULL;
    }
    (void)pthread_mutex_unlock(&table.lock);
    free(kept);
}
