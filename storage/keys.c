/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/keys.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { INDEX_FIRST = 1024 };

/* One line more: memory may begin in the middle of one. */
static size_t chunk_bytes(const struct keys *keys)
{
    return KEYS_PER_CHUNK * keys_row_bytes(keys->windows, keys->people_windows) + KEY_LINE_BYTES;
}

static enum ctr_status add_chunk(struct keys *keys)
{
    struct key_chunk *chunk = &keys->chunks[keys->chunks_count];
    char *memory = NULL;

    CTR_ASSERT(keys->chunks_count < keys->chunks_max);
    memory = table_slab_alloc(&keys->slab, chunk_bytes(keys));
    if (memory == NULL) {
        return CTR_NO_MEMORY;
    }
    chunk->memory = memory;
    memory += -(uintptr_t)memory % KEY_LINE_BYTES;
    chunk->keys = (void *)memory;
    chunk->totals = (struct totals *)(chunk->keys + KEYS_PER_CHUNK);
    chunk->crowds = (struct crowd *)(chunk->totals + KEYS_PER_CHUNK * keys->windows);
    chunk->short_s = (int64_t *)(chunk->crowds + KEYS_PER_CHUNK * keys->people_windows);
    chunk->links = (struct key_links *)(chunk->short_s + KEYS_PER_CHUNK);
    keys->chunks_count++;
    return CTR_OK;
}

static const struct key fresh_key = {.used = true};

/* Pages, boxes and placements have an `other` row from the start, and the site is always there. */
static void add_reserved(struct keys *keys)
{
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        struct key *key = keys_at(keys, (uint32_t)level);

        *key = fresh_key;
        *keys_short_s(keys, (uint32_t)level) = MOMENT_NONE;
        key->level = (uint8_t)level;
        /* Of no page or box, and not that of the site for the rows of folded keys. */
        key->hash = keys_hash(level, 0, level == LEVEL_SITE ? 0 : 1);
    }
    keys->next_kid = LEVEL_COUNT;
    keys->count[LEVEL_SITE] = 1;
}

enum ctr_status keys_init(struct keys *keys, const struct keys_shape *shape)
{
    uint32_t most = shape->limit > shape->kids_min ? shape->limit : shape->kids_min;

    memset(keys, 0, sizeof *keys);
    keys->windows = shape->windows;
    keys->people_windows = shape->people_windows;
    keys->limit = shape->limit;
    keys->text_max_bytes = shape->text_max_bytes;
    keys->chunks_max = ((size_t)most + LEVEL_COUNT) / KEYS_PER_CHUNK + 1;
    keys->chunks = calloc(keys->chunks_max, sizeof *keys->chunks);
    keys->index = table_alloc(INDEX_FIRST * sizeof *keys->index);
    keys->free_kids = calloc(keys->chunks_max * KEYS_PER_CHUNK, sizeof *keys->free_kids);
    keys->index_count = INDEX_FIRST;
    if (keys->chunks == NULL || keys->index == NULL || keys->free_kids == NULL ||
        add_chunk(keys) != CTR_OK) {
        keys_done(keys);
        return CTR_NO_MEMORY;
    }
    add_reserved(keys);
    return CTR_OK;
}

void keys_done(struct keys *keys)
{
    for (size_t i = 0; keys->chunks != NULL && i < keys->chunks_count; i++) {
        table_slab_free(&keys->slab, keys->chunks[i].memory, chunk_bytes(keys));
    }
    table_slab_done(&keys->slab);
    free(keys->chunks);
    table_free(keys->index, keys->index_count * sizeof *keys->index);
    free(keys->free_kids);
    memset(keys, 0, sizeof *keys);
}

static uint64_t name_hash(const struct name *name)
{
    return name == NULL ? 0 : name->hash;
}

/* A page or a box knows its own key; only placements are looked up in the index. */
uint32_t keys_find(const struct keys *keys, enum level level, const struct name *page,
                   const struct name *box)
{
    if (level == LEVEL_PAGE) {
        return page->page_key;
    }
    if (level == LEVEL_BOX) {
        return box->box_key;
    }
    return keys_find_placement(keys, keys_hash(level, name_hash(page), name_hash(box)), page, box);
}

uint32_t keys_find_placement(const struct keys *keys, uint64_t hash, const struct name *page,
                             const struct name *box)
{
    size_t mask = keys->index_count - 1;

    for (size_t at = (size_t)hash & mask; keys->index[at] != 0; at = (at + 1) & mask) {
        const struct key *key = keys_at(keys, keys->index[at] - 1);

        if (key->hash == hash && key->page == page && key->box == box) {
            return keys->index[at] - 1;
        }
    }
    return KEY_NONE;
}

uint32_t keys_find_hash(const struct keys *keys, uint64_t hash)
{
    size_t mask = keys->index_count - 1;

    for (size_t at = (size_t)hash & mask; keys->index[at] != 0; at = (at + 1) & mask) {
        if (keys_at(keys, keys->index[at] - 1)->hash == hash) {
            return keys->index[at] - 1;
        }
    }
    return KEY_NONE;
}

static bool same_text(const struct name *name, struct text text)
{
    return name == NULL
               ? text.length == 0
               : name->length == text.length && memcmp(name->bytes, text.bytes, text.length) == 0;
}

enum level keys_level(const struct key_name *name)
{
    if (name->page.length == 0) {
        return name->box.length == 0 ? LEVEL_SITE : LEVEL_BOX;
    }
    return name->box.length == 0 ? LEVEL_PAGE : LEVEL_PLACEMENT;
}

uint32_t keys_find_text(const struct keys *keys, const struct key_name *name, uint64_t page_hash,
                        uint64_t box_hash)
{
    enum level level = keys_level(name);
    uint64_t hash = keys_hash(level, page_hash, box_hash);
    size_t mask = keys->index_count - 1;

    if (level == LEVEL_SITE) {
        return keys_reserved(LEVEL_SITE);
    }
    for (size_t at = (size_t)hash & mask; keys->index[at] != 0; at = (at + 1) & mask) {
        const struct key *key = keys_at(keys, keys->index[at] - 1);

        if (key->hash == hash && key->level == level && same_text(key->page, name->page) &&
            same_text(key->box, name->box)) {
            return keys->index[at] - 1;
        }
    }
    return KEY_NONE;
}

static size_t rows(const struct keys *keys)
{
    return (size_t)keys->count[LEVEL_PAGE] + keys->count[LEVEL_BOX] + keys->count[LEVEL_PLACEMENT];
}

bool keys_full(const struct keys *keys)
{
    return rows(keys) >= keys->limit ||
           (keys->text_max_bytes > 0 && keys->text_bytes >= keys->text_max_bytes);
}

/* A placement's names are those of its page and its box, which have keys as well. */
static uint64_t text_of(const struct key *key)
{
    const struct name *name = key->level == LEVEL_PAGE  ? key->page
                              : key->level == LEVEL_BOX ? key->box
                                                        : NULL;

    return name == NULL ? 0 : sizeof *name + name->length;
}

static void index_put(uint32_t *index, size_t index_count, uint64_t hash, uint32_t kid)
{
    size_t at = (size_t)hash & (index_count - 1);

    while (index[at] != 0) {
        at = (at + 1) & (index_count - 1);
    }
    index[at] = kid + 1;
}

static enum ctr_status grow_index(struct keys *keys)
{
    size_t index_count = keys->index_count * 2;
    uint32_t *index = table_alloc(index_count * sizeof *index);

    if (index == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < keys->index_count; i++) {
        if (keys->index[i] != 0) {
            uint32_t kid = keys->index[i] - 1;

            index_put(index, index_count, keys_at(keys, kid)->hash, kid);
        }
    }
    table_free(keys->index, keys->index_count * sizeof *keys->index);
    keys->index = index;
    keys->index_count = index_count;
    return CTR_OK;
}

enum ctr_status keys_expect(struct keys *keys, size_t count, uint32_t kids_max)
{
    size_t chunks = kids_max / KEYS_PER_CHUNK + 1;

    if (keys->slab.base == NULL && chunks > keys->chunks_count) {
        table_slab_init(&keys->slab, (chunks - keys->chunks_count) * (chunk_bytes(keys) + 64));
    }
    while (count >= keys->index_count / 8 * 5) {
        if (grow_index(keys) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

enum ctr_status keys_reserve(struct keys *keys)
{
    if (rows(keys) >= keys->index_count / 8 * 5 && grow_index(keys) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (keys->free_count == 0 && keys->next_kid == keys->chunks_count * KEYS_PER_CHUNK) {
        return add_chunk(keys);
    }
    return CTR_OK;
}

/* Where the list of a placement's page, or of its box, begins and goes on. */
static uint32_t *list_head(struct key *key, bool by_box)
{
    return by_box ? &key->box->pages : &key->page->placements;
}

static struct key_link *list_link(const struct keys *keys, uint32_t kid, bool by_box)
{
    struct key_links *links = keys_links(keys, kid);

    return by_box ? &links->of_box : &links->of_page;
}

static void link_placement(struct keys *keys, uint32_t kid, bool by_box)
{
    uint32_t *head = list_head(keys_at(keys, kid), by_box);

    *list_link(keys, kid, by_box) = (struct key_link){.next = *head, .prev = KEY_NONE};
    if (*head != KEY_NONE) {
        list_link(keys, *head, by_box)->prev = kid;
    }
    *head = kid;
}

static void unlink_placement(struct keys *keys, uint32_t kid, bool by_box)
{
    struct key_link link = *list_link(keys, kid, by_box);

    if (link.prev == KEY_NONE) {
        *list_head(keys_at(keys, kid), by_box) = link.next;
    } else {
        list_link(keys, link.prev, by_box)->next = link.next;
    }
    if (link.next != KEY_NONE) {
        list_link(keys, link.next, by_box)->prev = link.prev;
    }
}

static uint32_t pick_kid(struct keys *keys, uint32_t kid_wanted)
{
    if (kid_wanted != KEY_NONE) {
        return kid_wanted;
    }
    return keys->free_count > 0 ? keys->free_kids[--keys->free_count] : keys->next_kid++;
}

uint32_t keys_add(struct keys *keys, enum level level, struct name *page, struct name *box,
                  uint32_t kid_wanted)
{
    uint32_t kid = pick_kid(keys, kid_wanted);
    struct key *key = keys_at(keys, kid);

    *key = fresh_key;
    key->page = page;
    key->box = box;
    key->hash = keys_hash(level, name_hash(page), name_hash(box));
    key->level = (uint8_t)level;
    key->unsaved = true;
    memset(keys_totals(keys, kid), 0, keys->windows * sizeof(struct totals));
    memset(keys_crowds(keys, kid), 0, keys->people_windows * sizeof(struct crowd));
    *keys_short_s(keys, kid) = MOMENT_NONE;
    index_put(keys->index, keys->index_count, key->hash, kid);
    keys->count[level]++;
    keys->text_bytes += text_of(key);
    if (level == LEVEL_PAGE) {
        page->page_key = kid;
    } else if (level == LEVEL_BOX) {
        box->box_key = kid;
    } else {
        link_placement(keys, kid, false);
        link_placement(keys, kid, true);
    }
    return kid;
}

enum ctr_status keys_restore(struct keys *keys, uint32_t kid, enum level level, struct name *page,
                             struct name *box)
{
    while (keys->next_kid <= kid) {
        if (keys->next_kid == keys->chunks_count * KEYS_PER_CHUNK && add_chunk(keys) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        keys->next_kid++;
    }
    if (rows(keys) >= keys->index_count / 8 * 5 && grow_index(keys) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    (void)keys_add(keys, level, page, box, kid);
    keys_at(keys, kid)->unsaved = false;
    return CTR_OK;
}

static void index_remove(struct keys *keys, uint64_t hash, uint32_t kid)
{
    size_t mask = keys->index_count - 1;
    size_t hole = (size_t)hash & mask;

    while (keys->index[hole] != kid + 1) {
        hole = (hole + 1) & mask;
    }
    for (size_t next = (hole + 1) & mask; keys->index[next] != 0; next = (next + 1) & mask) {
        size_t home = (size_t)keys_at(keys, keys->index[next] - 1)->hash & mask;

        if (((next - home) & mask) >= ((next - hole) & mask)) {
            keys->index[hole] = keys->index[next];
            hole = next;
        }
    }
    keys->index[hole] = 0;
}

void keys_remove(struct keys *keys, uint32_t kid)
{
    struct key *key = keys_at(keys, kid);

    CTR_ASSERT(key->used && key->cells == 0 && kid >= LEVEL_COUNT);
    index_remove(keys, key->hash, kid);
    keys->count[key->level]--;
    keys->text_bytes -= text_of(key);
    if (key->level == LEVEL_PAGE) {
        key->page->page_key = KEY_NONE;
    } else if (key->level == LEVEL_BOX) {
        key->box->box_key = KEY_NONE;
    } else {
        unlink_placement(keys, kid, false);
        unlink_placement(keys, kid, true);
    }
    key->used = false;
    key->page = NULL;
    key->box = NULL;
    keys->free_kids[keys->free_count++] = kid;
    keys->removals++;
}

uint64_t keys_bytes(const struct keys *keys)
{
    return keys->chunks_count * chunk_bytes(keys) + keys->index_count * sizeof *keys->index;
}
