/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/names.h"

#include <stdlib.h>
#include <string.h>

#include "storage/prefetch.h"
#include "storage/table.h"

/* LINE_TEXT: so much of a text, and it may go on in the next line of the cache. */
enum { SLOTS_FIRST = 1024, LINE_TEXT = 64 - sizeof(struct name) };

enum ctr_status names_init(struct names *names, const uint64_t *secret)
{
    memset(names, 0, sizeof *names);
    memcpy(names->secret, secret, sizeof names->secret);
    names->slots = table_alloc(SLOTS_FIRST * sizeof *names->slots);
    if (names->slots == NULL) {
        return CTR_NO_MEMORY;
    }
    names->slots_count = SLOTS_FIRST;
    return CTR_OK;
}

void names_done(struct names *names)
{
    for (size_t i = 0; i < names->slots_count; i++) {
        free(names->slots[i].name);
    }
    table_free(names->slots, names->slots_count * sizeof *names->slots);
    memset(names, 0, sizeof *names);
}

/* The slot of these bytes, or the free one where they belong. */
static size_t find_slot(const struct names *names, struct text text, uint64_t hash)
{
    size_t mask = names->slots_count - 1;
    size_t at = (size_t)hash & mask;

    for (; names->slots[at].name != NULL; at = (at + 1) & mask) {
        const struct name_slot *slot = &names->slots[at];

        if (slot->hash == hash && slot->name->length == text.length &&
            memcmp(slot->name->bytes, text.bytes, text.length) == 0) {
            break;
        }
    }
    return at;
}

static enum ctr_status grow(struct names *names)
{
    size_t slots_count = names->slots_count * 2;
    struct name_slot *slots = table_alloc(slots_count * sizeof *slots);

    if (slots == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < names->slots_count; i++) {
        if (names->slots[i].name != NULL) {
            size_t at = (size_t)names->slots[i].hash & (slots_count - 1);

            while (slots[at].name != NULL) {
                at = (at + 1) & (slots_count - 1);
            }
            slots[at] = names->slots[i];
        }
    }
    table_free(names->slots, names->slots_count * sizeof *names->slots);
    names->slots = slots;
    names->slots_count = slots_count;
    return CTR_OK;
}

enum ctr_status names_take(struct names *names, struct text text, struct name **ret_name)
{
    return names_take_hashed(names, text, names_hash(names, text), ret_name);
}

enum ctr_status names_take_hashed(struct names *names, struct text text, uint64_t hash,
                                  struct name **ret_name)
{
    size_t at = find_slot(names, text, hash);
    struct name *name = names->slots[at].name;

    if (name == NULL) {
        if (names->count >= names->slots_count / 8 * 5) {
            if (grow(names) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
            at = find_slot(names, text, hash);
        }
        name = malloc(sizeof *name + text.length);
        if (name == NULL) {
            return CTR_NO_MEMORY;
        }
        *name = (struct name){.hash = hash,
                              .length = (uint32_t)text.length,
                              .page_key = KEY_NONE,
                              .box_key = KEY_NONE,
                              .placements = KEY_NONE,
                              .pages = KEY_NONE};
        memcpy(name->bytes, text.bytes, text.length);
        names->slots[at] = (struct name_slot){.hash = hash, .name = name};
        names->count++;
        names->bytes += sizeof *name + text.length;
    }
    name->users++;
    *ret_name = name;
    return CTR_OK;
}

/* Closes the hole at `at` by pulling back the entries that were pushed past it. */
static void remove_slot(struct names *names, size_t at)
{
    size_t mask = names->slots_count - 1;
    size_t hole = at;

    for (size_t next = (at + 1) & mask; names->slots[next].name != NULL; next = (next + 1) & mask) {
        size_t home = (size_t)names->slots[next].hash & mask;

        if (((next - home) & mask) >= ((next - hole) & mask)) {
            names->slots[hole] = names->slots[next];
            hole = next;
        }
    }
    names->slots[hole].name = NULL;
}

void names_give(struct names *names, struct name *name)
{
    if (name == NULL) {
        return;
    }
    CTR_ASSERT(name->users > 0);
    name->users--;
    if (name->users == 0) {
        struct text text = {.bytes = name->bytes, .length = name->length};

        remove_slot(names, find_slot(names, text, name->hash));
        names->count--;
        names->bytes -= sizeof *name + name->length;
        free(name);
    }
}

uint64_t names_hash(const struct names *names, struct text text)
{
    return hash_id(names->secret, text.bytes, text.length);
}

void names_prefetch(const struct names *names, uint64_t hash)
{
    prefetch(&names->slots[(size_t)hash & (names->slots_count - 1)]);
}

const struct name *names_peek(const struct names *names, uint64_t hash)
{
    size_t mask = names->slots_count - 1;
    size_t at = (size_t)hash & mask;

    while (names->slots[at].name != NULL && names->slots[at].hash != hash) {
        at = (at + 1) & mask;
    }
    return names->slots[at].name;
}

void names_prefetch_name(const struct names *names, uint64_t hash)
{
    const struct name *name = names_peek(names, hash);

    if (name != NULL) {
        prefetch(name);
        prefetch(&name->bytes[LINE_TEXT]);
    }
}
