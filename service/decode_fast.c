/* SPDX-License-Identifier: Apache-2.0 */
#include "service/decode_fast.h"

#include <stdlib.h>
#include <string.h>

#include "api/text.h"
#include "service/bytes.h"
#include "service/decode_reader.h"

/* The way of a plain record is one function when compiled, whose variables are registers. */
#define INLINE __attribute__((always_inline)) static inline

/* ---- bytes --------------------------------------------------------------------------------- */

/* The stops that are not taken yet. Every one before the place of reading is: quotes and
 * backslashes by skip_string(), blanks that are stops by skip_blanks(), and nothing else is passed.
 * There is always a next one: the last brace was made one. */
struct stops {
    const uint64_t *word;
    uint64_t bits;    /* of the word, without the ones that were taken */
    const char *base; /* the byte of its lowest bit */
};

INLINE const char *take_stop(struct stops *stops)
{
    const char *stop;

    while (stops->bits == 0) {
        stops->bits = *++stops->word;
        stops->base += SCAN_BLOCK;
    }
    stop = stops->base + __builtin_ctzll(stops->bits);
    stops->bits &= stops->bits - 1;
    return stop;
}

INLINE bool is_blank(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Ends at the last brace if not before. */
INLINE const char *skip_blanks(const char *at, struct stops *stops)
{
    if ((unsigned char)*at > ' ')
        return at; /* nearly always */
    for (; is_blank(*at); at++) {
        if (*at != ' ')
            (void)take_stop(stops);
    }
    return at;
}

struct place {
    const char *at;
    struct stops stops;
};

/* From a backslash to the first stop behind it that does not belong to an escape. Not inlined, and
 * all by value: few strings come here, and the others keep their stops in registers. */
__attribute__((noinline)) static struct place skip_escapes(struct place place, const char *last)
{
    while (*place.at == '\\') {
        size_t length = escape_length(place.at, last);

        if (length == 0)
            break;
        if (place.at[1] == '"' || place.at[1] == '\\' || length > ESCAPE_UNIT_BYTES)
            (void)take_stop(&place.stops); /* the escaped byte, or the second half's backslash */
        place.at = take_stop(&place.stops);
    }
    return place;
}

/* The string whose quote is at `at`, as it is written. Returns its end; NULL: not plain. */
INLINE const char *skip_string(const char *at, const char *last, struct stops *stops,
                               struct text *ret_text, bool *ret_escaped)
{
    const char *stop;

    (void)take_stop(stops); /* the quote itself */
    stop = take_stop(stops);
    *ret_escaped = *stop == '\\';
    if (*ret_escaped) {
        struct place place = skip_escapes((struct place){stop, *stops}, last);

        stop = place.at;
        *stops = place.stops;
    }
    *ret_text = (struct text){at + 1, (size_t)(stop - at - 1)};
    return *stop == '"' ? stop + 1 : NULL;
}

/* Whether all characters beyond ASCII are whole. The scan says where such bytes are. */
static bool is_utf8(const struct marks *marks, struct text record)
{
    size_t at = 0; /* nothing is open before it */

    for (size_t word = 0; word < SCAN_WORDS(record.length); word++) {
        for (uint64_t bits = marks->highs[word]; bits != 0; bits &= bits - 1) {
            size_t position = word * SCAN_BLOCK + (size_t)__builtin_ctzll(bits);

            if (position >= at) {
                size_t length = text_character_length(
                    (struct text){record.bytes + position, record.length - position});

                if (length == 0)
                    return false;
                at = position + length;
            }
        }
    }
    return true;
}

/* ---- names --------------------------------------------------------------------------------- */

/* False: the object that is open has had the name already, or there are too many. */
static bool add_stray(struct reader *reader, uint64_t head, struct text name)
{
    for (size_t i = reader->opens[reader->depth].strays; i < reader->strays_count; i++) {
        const struct stray *stray = &reader->strays[i];

        if (stray->head == head && stray->name.length == name.length &&
            memcmp(stray->name.bytes, name.bytes, name.length) == 0)
            return false;
    }
    if (reader->strays_count == FAST_NAMES_MAX)
        return false;
    reader->strays[reader->strays_count++] = (struct stray){head, name};
    return true;
}

INLINE bool is_called(const struct name_node *node, uint64_t head, struct text name)
{
    return node->head == head && node->length == name.length &&
           (name.length <= BYTES_TOGETHER || memcmp(node->name, name.bytes, name.length) == 0);
}

/* The child of `parent` with that name, NULL where there is none. Producers write their fields in
 * one order: the one that came after the previous field last time is looked at first. */
INLINE const struct name_node *find_node(struct reader *reader, const struct name_node *parent,
                                         uint64_t head, struct text name)
{
    const struct name_node *nodes = reader->schema->nodes;
    const struct name_node *first = nodes + parent->children;
    uint8_t *guess = &reader->room->followers[reader->previous];
    const struct name_node *node = nodes + *guess;

    if ((size_t)(*guess - parent->children) >= parent->children_count ||
        !is_called(node, head, name)) {
        for (node = first; node != first + parent->children_count; node++) {
            if (is_called(node, head, name))
                break;
        }
        if (node == first + parent->children_count)
            return NULL;
        *guess = (uint8_t)(node - nodes);
    }
    reader->previous = *guess;
    return node;
}

/* The name at `at`, up to its value; *ret_node is what stands there, NULL nothing that is asked
 * for. Returns where the value begins; NULL: not plain. */
INLINE const char *skip_name(struct reader *reader, const char *at, struct stops *stops,
                             const struct name_node **ret_node)
{
    const struct name_node *parent = reader->opens[reader->depth].node;
    struct text name;
    uint64_t head, bit;
    bool escaped;

    *ret_node = NULL;
    if (*at != '"')
        return NULL;
    at = skip_string(at, reader->last, stops, &name, &escaped);
    if (at == NULL || escaped)
        return NULL;
    at = skip_blanks(at, stops);
    if (*at != ':')
        return NULL;
    at = skip_blanks(at + 1, stops);
    head = bytes_head(name.bytes, name.length);
    if (parent != NULL)
        *ret_node = find_node(reader, parent, head, name);
    if (*ret_node == NULL)
        return add_stray(reader, head, name) ? at : NULL;
    bit = UINT64_C(1) << reader->previous; /* that node */
    if ((reader->seen & bit) != 0)
        return NULL;
    reader->seen |= bit;
    return at;
}

/* ---- objects and arrays -------------------------------------------------------------------- */

/* Goes into the object or array whose bracket this is. */
INLINE bool open_value(struct reader *reader, const struct name_node *node, char bracket)
{
    bool object = bracket == '{';

    if (reader->depth == FAST_DEPTH_MAX || (node != NULL && !is_free(reader, node->fields)))
        return false;
    reader->opens[++reader->depth] = (struct open){.node = object ? node : NULL,
                                                   .strays = reader->strays_count,
                                                   .closing = object ? '}' : ']'};
    return true;
}

/* From the end of a value to the next member, out of whatever ends on the way. NULL: not plain, or
 * the end of the record, which is when nothing is open any more. */
INLINE const char *next_member(struct reader *reader, const char *at, struct stops *stops)
{
    for (;;) {
        at = skip_blanks(at, stops);
        if (*at == ',')
            return skip_blanks(at + 1, stops);
        if (*at != reader->opens[reader->depth].closing)
            return NULL;
        reader->strays_count = reader->opens[reader->depth--].strays;
        if (at == reader->last || reader->depth == 0) {
            reader->ended = at == reader->last && reader->depth == 0;
            return NULL;
        }
        at++;
    }
}

/* The value at `at`, all of it unless it is an object or array that has something in it: then up to
 * that, with *ret_inside. Returns its end; NULL: not plain. */
INLINE const char *skip_value(struct reader *reader, const char *at, struct stops *stops,
                              const struct name_node *node, bool *ret_inside)
{
    unsigned fields = node == NULL ? 0 : node->fields;
    struct text text;
    const char *end;
    bool escaped, number;

    *ret_inside = false;
    if (*at == '"') {
        at = skip_string(at, reader->last, stops, &text, &escaped);
        if (at != NULL && reader->draft != NULL)
            layouts_note(reader, text.bytes, at - 1, fields, LAYOUT_STRING);
        return at == NULL || fields == 0 || give_text(reader, fields, text, escaped) ? at : NULL;
    }
    if (*at == '{' || *at == '[') {
        if (!open_value(reader, node, *at))
            return NULL;
        at = skip_blanks(at + 1, stops);
        *ret_inside = *at != reader->opens[reader->depth].closing;
        return at;
    }
    number = *at == '-' || (*at >= '0' && *at <= '9');
    end = number ? read_number(reader, fields, at) : read_word(reader, fields, at);
    if (end != NULL && reader->draft != NULL)
        layouts_note(reader, at, end, fields, number ? LAYOUT_NUMBER : LAYOUT_WORD);
    return end;
}

/* The record, which begins at `at`. */
static bool read_record(struct reader *reader, const char *at, struct stops stops)
{
    const struct name_node *node = reader->schema->nodes;
    bool inside;

    if (!open_value(reader, node, '{'))
        return false;
    at = skip_blanks(at + 1, &stops);
    while (at != NULL) {
        node = NULL;
        if (reader->opens[reader->depth].closing == '}') {
            at = skip_name(reader, at, &stops, &node);
            if (at == NULL)
                return false;
        }
        at = skip_value(reader, at, &stops, node, &inside);
        if (at != NULL && !inside)
            at = next_member(reader, at, &stops);
    }
    return reader->ended;
}

/* ---- both ---------------------------------------------------------------------------------- */

enum ctr_status fast_room_new(size_t record_bytes_max, struct fast_room **ret_room)
{
    size_t words = SCAN_WORDS(record_bytes_max);
    struct fast_room *room = calloc(1, sizeof *room);
    uint64_t *marks = calloc(2 * words, sizeof *marks);

    if (room == NULL || marks == NULL) {
        free(room);
        free(marks);
        return CTR_NO_MEMORY;
    }
    room->marks = (struct marks){.stops = marks, .highs = marks + words};
    room->layouts.learn_every = LAYOUT_LEARN_EVERY;
    *ret_room = room;
    return CTR_OK;
}

void fast_room_free(struct fast_room *room)
{
    if (room != NULL)
        free(room->marks.stops);
    free(room);
}

bool fast_decode(const struct schema *schema, scan_function *scan, struct fast_room *room,
                 struct text record, enum topic_type type, struct event *ret_event)
{
    unsigned wanted = FIELD_BIT(FIELD_TS) | FIELD_BIT(FIELD_PAGE);
    struct marks *marks = &room->marks;
    struct reader reader;
    struct stops stops = {.word = marks->stops, .base = record.bytes};
    size_t last = record.length - 1;
    const char *at;

    while (last > 0 && is_blank(record.bytes[last]))
        last--;
    if (record.bytes[last] != '}')
        return false;
    record.length = last + 1;
    scan(record.bytes, record.length, marks);
    if (marks->any_delete || (marks->any_high && !is_utf8(marks, record)))
        return false;
    marks->stops[last / SCAN_BLOCK] |= UINT64_C(1) << (last % SCAN_BLOCK);
    stops.bits = marks->stops[0];
    if (type == TOPIC_TYPE_FROM_EVENT)
        wanted |= FIELD_BIT(FIELD_TYPE);
    /* one by one: what is below the counts is large and not read before it is written */
    reader.schema = schema;
    reader.room = room;
    reader.type = type;
    reader.event = ret_event;
    reader.last = record.bytes + last;
    if (layouts_read(&reader, record.bytes, marks->stops))
        return (reader.found & wanted) == wanted;
    reader.draft = NULL;
    reader.seen = 0;
    reader.previous = 0;
    reader.depth = reader.strays_count = 0;
    reader.ended = false;
    layouts_begin(&reader, record.bytes);
    at = skip_blanks(record.bytes, &stops);
    if (*at != '{' || !read_record(&reader, at, stops) || (reader.found & wanted) != wanted)
        return false;
    if (reader.draft != NULL)
        layouts_end(&reader);
    return true;
}
