/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cursor.h"

#include <math.h>
#include <string.h>

/* The bytes inside: four words, least significant byte first, and the id. */
enum { WORDS = 4, WORD_BYTES = 8, HEAD_BYTES = WORDS * WORD_BYTES };
_Static_assert((HEAD_BYTES + EVENT_ID_BYTES_MAX + 2) / 3 * 4 <= QUERY_CURSOR_BYTES_MAX,
               "every cursor must fit into an argument");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_word(unsigned char *at, uint64_t word)
{
    for (int i = 0; i < WORD_BYTES; i++)
        at[i] = (unsigned char)(word >> (8 * i));
}

static uint64_t get_word(const unsigned char *at)
{
    uint64_t word = 0;

    for (int i = 0; i < WORD_BYTES; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

void cursor_write(uint64_t list, const struct list_place *place, struct text id,
                  char ret_cursor[QUERY_CURSOR_BYTES_MAX + 1])
{
    unsigned char bytes[HEAD_BYTES + EVENT_ID_BYTES_MAX];
    size_t length = HEAD_BYTES + id.length;
    uint64_t value = 0;
    uint32_t bits = 0;
    int held = 0;
    size_t used = 0;

    memcpy(&value, &place->value, sizeof value);
    put_word(bytes, list);
    put_word(bytes + WORD_BYTES, place->totals.impressions);
    put_word(bytes + 2 * (size_t)WORD_BYTES, place->totals.clicks);
    put_word(bytes + 3 * (size_t)WORD_BYTES, value);
    memcpy(bytes + HEAD_BYTES, id.bytes, id.length);
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | bytes[i];
        for (held += 8; held >= 6; held -= 6)
            ret_cursor[used++] = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        ret_cursor[used++] = alphabet[bits << (6 - held) & 63];
    ret_cursor[used] = '\0';
}

/* False: a byte that no cursor has. */
static bool decode(struct text cursor, unsigned char *room, size_t *ret_length)
{
    uint32_t bits = 0;
    int held = 0;
    size_t used = 0;

    for (size_t i = 0; i < cursor.length; i++) {
        const char *found = memchr(alphabet, cursor.bytes[i], sizeof alphabet - 1);

        if (found == NULL)
            return false;
        bits = bits << 6 | (uint32_t)(found - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            room[used++] = (unsigned char)(bits >> held);
        }
    }
    *ret_length = used;
    return true;
}

bool cursor_read(struct text cursor, uint64_t list, char ret_room[QUERY_CURSOR_BYTES_MAX],
                 struct list_place *ret_place, struct text *ret_id)
{
    unsigned char *bytes = (unsigned char *)ret_room;
    size_t length = 0;
    uint64_t value = 0;

    if (cursor.length > QUERY_CURSOR_BYTES_MAX || !decode(cursor, bytes, &length) ||
        length <= HEAD_BYTES || length > HEAD_BYTES + EVENT_ID_BYTES_MAX || get_word(bytes) != list)
        return false;
    value = get_word(bytes + 3 * (size_t)WORD_BYTES);
    *ret_place =
        (struct list_place){.totals = {.impressions = get_word(bytes + WORD_BYTES),
                                       .clicks = get_word(bytes + 2 * (size_t)WORD_BYTES)}};
    memcpy(&ret_place->value, &value, sizeof value);
    *ret_id = (struct text){ret_room + HEAD_BYTES, length - HEAD_BYTES};
    return isfinite(ret_place->value); /* a forged one may hold anything */
}
