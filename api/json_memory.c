/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Measured with jansson 2.14, where nothing is given back before the end: at most 140 bytes for a
 * structural byte (nested arrays), 3 for any byte (a long string), 600 for an object alone. */
enum { ALIGNMENT = 16, BYTES_PER_MARK = 192, BYTES_PER_BYTE = 4, BYTES_FIRST = 4096 };

static _Thread_local struct json_arena *current;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool installed;

static bool holds(const struct json_arena *arena, const void *memory)
{
    uintptr_t at = (uintptr_t)memory;

    return arena != NULL && at >= (uintptr_t)arena->bytes &&
           at < (uintptr_t)arena->bytes + arena->capacity;
}

static void *take(size_t bytes)
{
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *memory;

    if (current == NULL || rounded < bytes || rounded > current->capacity - current->used)
        return malloc(bytes);
    memory = current->bytes + current->used;
    current->used += rounded;
    return memory;
}

static void give(void *memory)
{
    if (!holds(current, memory))
        free(memory);
}

void json_memory_install(void (*set)(void *(*take)(size_t bytes), void (*give)(void *memory)))
{
    (void)pthread_mutex_lock(&lock);
    if (!installed)
        set(take, give);
    installed = true;
    (void)pthread_mutex_unlock(&lock);
}

/* Bytes outside of strings that make a value or a member, and one for each string. */
static size_t count_marks(const char *text, size_t length)
{
    bool in_string = false;
    size_t marks = 0;

    for (size_t i = 0; i < length; i++) {
        char byte = text[i];

        if (byte == '"') {
            marks += in_string ? 0 : 1;
            in_string = !in_string;
        } else if (in_string && byte == '\\') {
            i++;
        } else if (!in_string) {
            marks += byte == '{' || byte == '[' || byte == ',' || byte == ':';
        }
    }
    return marks;
}

bool json_arena_reserve(struct json_arena *arena, const char *text, size_t length)
{
    size_t wanted =
        BYTES_FIRST + length * BYTES_PER_BYTE + count_marks(text, length) * BYTES_PER_MARK;

    arena->used = 0;
    if (wanted <= arena->capacity)
        return true;
    json_arena_free(arena);
    arena->bytes = malloc(wanted);
    arena->capacity = arena->bytes == NULL ? 0 : wanted;
    return arena->bytes != NULL;
}

void json_arena_use(struct json_arena *arena)
{
    current = arena;
}

void json_arena_free(struct json_arena *arena)
{
    free(arena->bytes);
    *arena = (struct json_arena){0};
}
