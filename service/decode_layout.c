/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode_layout.h"

#include <string.h>

#include "service/bytes.h"
#include "service/decode_reader.h"

/* ---- reading ------------------------------------------------------------------------------- */

/* Whether the part stands at `at`, where at least its length is left. */
static inline bool is_part(const struct layout *layout, const struct layout_part *part,
                           const char *at)
{
    size_t length = part->length;

    if (length < BYTES_TOGETHER)
        return bytes_head(at, length) == part->head;
    return bytes_load(at) == part->head && bytes_load(at + length - BYTES_TOGETHER) == part->tail &&
           (length <= (size_t)2 * BYTES_TOGETHER ||
            memcmp(at, layout->bytes + part->begin, length) == 0);
}

/* The first stop at or after a place; the last brace is one. */
static inline const char *stop_from(const uint64_t *stops, const char *bytes, const char *at)
{
    size_t place = (size_t)(at - bytes);
    size_t word = place / SCAN_BLOCK;
    uint64_t bits = stops[word] >> (place % SCAN_BLOCK) << (place % SCAN_BLOCK);

    while (bits == 0)
        bits = stops[++word];
    return bytes + word * SCAN_BLOCK + __builtin_ctzll(bits);
}

/* The string that begins at `begin`, up to the quote with which the next part begins: if another
 * byte stops it, that part does not fit. NULL: not plain. */
static inline const char *read_string(struct reader *reader, unsigned fields, const char *begin,
                                      const char *bytes, const uint64_t *stops)
{
    const char *end = stop_from(stops, bytes, begin);
    bool escaped = *end == '\\';

    while (*end == '\\') {
        size_t length = escape_length(end, reader->last);

        if (length == 0)
            return NULL;
        end = stop_from(stops, bytes, end + length);
    }
    return fields == 0 ||
                   give_text(reader, fields, (struct text){begin, (size_t)(end - begin)}, escaped)
               ? end
               : NULL;
}

static bool read_values(struct reader *reader, const struct layout *layout, const char *bytes,
                        const uint64_t *stops)
{
    const struct layout_part *part = layout->parts;
    const char *at = bytes;

    for (const struct layout_part *end = part + layout->values; part != end; part++) {
        const char *begin = at + part->length;

        if (reader->last - at < part->length || !is_part(layout, part, at))
            return false; /* before the last brace: there is a stop behind it */
        if (part->value == LAYOUT_STRING)
            at = read_string(reader, part->fields, begin, bytes, stops);
        else
            at = part->value == LAYOUT_NUMBER ? read_number(reader, part->fields, begin)
                                              : read_word(reader, part->fields, begin);
        if (at == NULL)
            return false;
    }
    return reader->last + 1 - at == part->length && is_part(layout, part, at);
}

bool layouts_read(struct reader *reader, const char *bytes, const uint64_t *stops)
{
    struct layouts *layouts = &reader->room->layouts;
    size_t used = reader->room->escapes.used;

    for (size_t i = 0; i < LAYOUTS; i++) {
        size_t at = (layouts->guess + i) % LAYOUTS;
        const struct layout *layout = &layouts->known[at];

        if (layout->values == 0)
            continue;
        reader_begin(reader);
        if (read_values(reader, layout, bytes, stops)) {
            layouts->guess = at;
            return true;
        }
        reader->room->escapes.used = used;
    }
    reader_begin(reader);
    return false;
}

/* ---- learning ------------------------------------------------------------------------------ */

void layouts_begin(struct reader *reader, const char *bytes)
{
    struct layouts *layouts = &reader->room->layouts;

    if (layouts->misses++ % layouts->learn_every != 0)
        return;
    reader->draft = &layouts->draft;
    reader->part = bytes;
    reader->draft->values = reader->draft->bytes_count = 0;
}

/* All from the end of the value before to `end`. False: there is no room for it. */
static bool add_part(struct reader *reader, const char *end, unsigned fields,
                     enum layout_value value)
{
    struct layout *draft = reader->draft;
    size_t length = (size_t)(end - reader->part);

    if (length > LAYOUT_BYTES_MAX - draft->bytes_count)
        return false;
    draft->parts[draft->values] =
        (struct layout_part){.head = bytes_head(reader->part, length),
                             .tail = length < BYTES_TOGETHER ? 0 : bytes_load(end - BYTES_TOGETHER),
                             .begin = (uint16_t)draft->bytes_count,
                             .length = (uint16_t)length,
                             .fields = (uint8_t)fields,
                             .value = (uint8_t)value};
    memcpy(draft->bytes + draft->bytes_count, reader->part, length);
    draft->bytes_count += length;
    return true;
}

void layouts_note(struct reader *reader, const char *begin, const char *end, unsigned fields,
                  enum layout_value value)
{
    if (reader->draft->values == LAYOUT_VALUES_MAX || !add_part(reader, begin, fields, value)) {
        reader->draft = NULL;
        return;
    }
    reader->draft->values++;
    reader->part = end;
}

void layouts_end(struct reader *reader)
{
    struct layouts *layouts = &reader->room->layouts;

    if (!add_part(reader, reader->last + 1, 0, LAYOUT_STRING))
        return;
    layouts->known[layouts->next] = *reader->draft;
    layouts->guess = layouts->next;
    layouts->next = (layouts->next + 1) % LAYOUTS;
}
