/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/text.h"

enum { NAME_BYTES_MAX = 32, NAMES_TEXT_BYTES = 160 };

static struct text text_from(struct text text, size_t start)
{
    return (struct text){text.bytes + start, text.length - start};
}

static size_t find(struct text text, char byte)
{
    const char *found = text.length == 0 ? NULL : memchr(text.bytes, byte, text.length);

    return found == NULL ? text.length : (size_t)(found - text.bytes);
}

/* RFC 9112, 3.2.2: a server must take http://host/path as well as /path. */
static struct text skip_authority(struct text target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i]);

        if (target.length >= length && strncasecmp(target.bytes, schemes[i], length) == 0) {
            struct text rest = text_from(target, length);

            while (rest.length > 0 && strchr("/?#", rest.bytes[0]) == NULL)
                rest = text_from(rest, 1);
            return rest;
        }
    }
    return target;
}

struct target target_split(const char *target)
{
    struct text text = skip_authority(text_of(target));
    size_t mark = find(text, '?');
    struct target parts = {.path = {text.bytes, mark}, .arguments = {text.bytes, 0}};

    if (mark < text.length)
        parts.arguments = text_from(text, mark + 1);
    return parts;
}

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

enum decode_result { DECODED, DECODE_BAD_ESCAPE, DECODE_BAD_BYTE, DECODE_FULL };

struct decoding {
    char *bytes;
    size_t size;
    bool plus_is_space;
    size_t length; /* result */
};

/* Decodes the whole of raw into at most `size` bytes. A raw space or control byte is no part of
 * any target (RFC 3986), so it is refused rather than guessed at. */
static enum decode_result decode(struct text raw, struct decoding *decoding)
{
    decoding->length = 0;
    for (size_t i = 0; i < raw.length; i++) {
        char byte = raw.bytes[i];

        if ((unsigned char)byte <= 0x20 || byte == 0x7F)
            return DECODE_BAD_BYTE;
        if (byte == '%') {
            int high = i + 2 < raw.length ? hex_digit(raw.bytes[i + 1]) : -1;
            int low = i + 2 < raw.length ? hex_digit(raw.bytes[i + 2]) : -1;

            if (high < 0 || low < 0)
                return DECODE_BAD_ESCAPE;
            byte = (char)(unsigned char)(high * 16 + low);
            i += 2;
        } else if (byte == '+' && decoding->plus_is_space) {
            byte = ' ';
        }
        if (decoding->length == decoding->size)
            return DECODE_FULL;
        decoding->bytes[decoding->length++] = byte;
    }
    return DECODED;
}

enum ctr_status target_path(const struct target *target, char ret_path[QUERY_PATH_BYTES_MAX],
                            struct problem *ret_problem)
{
    struct decoding decoding = {.bytes = ret_path, .size = QUERY_PATH_BYTES_MAX - 1};
    enum decode_result result = decode(target->path, &decoding);
    char quoted[TEXT_QUOTE_BYTES];

    if (result == DECODE_BAD_ESCAPE || result == DECODE_BAD_BYTE) {
        text_quote(target->path, quoted);
        return problem_set(ret_problem, PROBLEM_BAD_REQUEST,
                           "The path %s holds %s; write %% as %%25.", quoted,
                           result == DECODE_BAD_ESCAPE ? "a percent sign without two hex digits"
                                                       : "a raw space or control character");
    }
    ret_path[decoding.length] = '\0';
    for (size_t i = 0; i + 2 < target->path.length; i++) {
        const char *bytes = target->path.bytes + i;

        if (bytes[0] == '%' && bytes[1] == '2' && (bytes[2] == 'F' || bytes[2] == 'f'))
            ret_path[0] = '\0';
    }
    if (result == DECODE_FULL || strlen(ret_path) != decoding.length)
        ret_path[0] = '\0';
    return CTR_OK;
}

/* "window, page and box", for people. */
static void list_names(const char *const *names, char ret_list[NAMES_TEXT_BYTES])
{
    ret_list[0] = '\0';
    for (size_t i = 0; names[i] != NULL; i++) {
        if (i > 0)
            text_append(ret_list, NAMES_TEXT_BYTES, names[i + 1] == NULL ? " and " : ", ");
        text_append(ret_list, NAMES_TEXT_BYTES, names[i]);
    }
    if (names[0] == NULL)
        text_append(ret_list, NAMES_TEXT_BYTES, "none");
}

static bool names_it(struct text raw, const char *name)
{
    char bytes[NAME_BYTES_MAX];
    struct decoding decoding = {.bytes = bytes, .size = sizeof bytes, .plus_is_space = true};

    return decode(raw, &decoding) == DECODED &&
           text_equals((struct text){bytes, decoding.length}, name);
}

static enum ctr_status find_name(struct text raw, const char *const *names, size_t *ret_index,
                                 struct problem *ret_problem)
{
    char bytes[NAME_BYTES_MAX];
    struct decoding decoding = {.bytes = bytes, .size = sizeof bytes, .plus_is_space = true};
    char quoted[TEXT_QUOTE_BYTES];
    char known[NAMES_TEXT_BYTES];

    if (decode(raw, &decoding) == DECODED) {
        for (size_t i = 0; names[i] != NULL; i++) {
            if (text_equals((struct text){bytes, decoding.length}, names[i])) {
                *ret_index = i;
                return CTR_OK;
            }
        }
    }
    text_quote(raw, quoted);
    list_names(names, known);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "There is no argument %s here; the arguments are: %s.", quoted, known);
}

/* What a failed decoding is called, as the end of a sentence that begins with the argument. */
static const char *decode_words(enum decode_result result)
{
    if (result == DECODE_FULL)
        return text_fault_words(TEXT_TOO_LONG);
    return result == DECODE_BAD_ESCAPE
               ? "holds a percent sign without two hex digits (write % as %25)"
               : "holds a raw space or control character";
}

/* Decodes the value of one known argument into the room kept for it. */
static enum ctr_status read_value(struct text raw, const char *name, char *room,
                                  struct text *ret_value, struct problem *ret_problem)
{
    bool cursor = strcmp(name, QUERY_CURSOR) == 0;
    struct decoding decoding = {.bytes = room,
                                .size = cursor ? QUERY_CURSOR_BYTES_MAX : EVENT_ID_BYTES_MAX,
                                .plus_is_space = true};
    enum decode_result result = decode(raw, &decoding);
    struct text value = {room, decoding.length};
    enum text_fault fault = TEXT_FINE;
    char quoted[TEXT_QUOTE_BYTES];

    if (result == DECODED && !(cursor && value.length > 0))
        fault = text_check_id(value);
    if (result == DECODED && fault == TEXT_FINE) {
        *ret_value = value;
        return CTR_OK;
    }
    text_quote(raw, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument %s %s: %s. A value is 1 to %d bytes of UTF-8 without control "
                       "characters.",
                       name, result == DECODED ? text_fault_words(fault) : decode_words(result),
                       quoted, EVENT_ID_BYTES_MAX);
}

enum ctr_status query_parse(struct text arguments, const char *const *names,
                            struct query *ret_query, struct problem *ret_problem)
{
    memset(ret_query->values, 0, sizeof ret_query->values);
    for (size_t at = 0; at < arguments.length;) {
        struct text rest = text_from(arguments, at);
        struct text one = {rest.bytes, find(rest, '&')};
        struct text raw_name = {one.bytes, find(one, '=')};
        struct text raw_value = {one.bytes, 0};
        size_t index = 0;
        enum ctr_status status = find_name(raw_name, names, &index, ret_problem);

        if (status != CTR_OK)
            return status;
        CTR_ASSERT(index < QUERY_ARGUMENTS_MAX);
        if (ret_query->values[index].length > 0)
            return problem_set(ret_problem, PROBLEM_ARGUMENT,
                               "The argument %s is given more than once.", names[index]);
        if (raw_name.length < one.length)
            raw_value = text_from(one, raw_name.length + 1);
        status = read_value(raw_value, names[index],
                            strcmp(names[index], QUERY_CURSOR) == 0
                                ? ret_query->cursor
                                : ret_query->bytes + index * EVENT_ID_BYTES_MAX,
                            &ret_query->values[index], ret_problem);
        if (status != CTR_OK)
            return status;
        at += one.length + 1;
    }
    return CTR_OK;
}

enum ctr_status query_number(struct text value, const struct query_range *range,
                             uint64_t *ret_value, struct problem *ret_problem)
{
    uint64_t number = 0;
    bool valid = value.length <= 18; /* fewer digits than 2^63 has: cannot overflow */
    char quoted[TEXT_QUOTE_BYTES];

    if (value.length == 0)
        return CTR_OK;
    for (size_t i = 0; valid && i < value.length; i++) {
        valid = value.bytes[i] >= '0' && value.bytes[i] <= '9';
        number = number * 10 + (uint64_t)(unsigned char)value.bytes[i] - '0';
    }
    if (valid && number >= range->min && number <= range->max) {
        *ret_value = number;
        return CTR_OK;
    }
    text_quote(value, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument %s must be a whole number from %" PRIu64 " to %" PRIu64
                       ", not %s.",
                       range->name, range->min, range->max, quoted);
}

/* ---- an argument that may be repeated ------------------------------------------------------- */

enum ctr_status query_decode(struct text raw, const char *name, char *room, size_t size,
                             struct text *ret_value, struct problem *ret_problem)
{
    struct decoding decoding = {.bytes = room, .size = size, .plus_is_space = true};
    enum decode_result result = decode(raw, &decoding);
    char quoted[TEXT_QUOTE_BYTES];

    if (result == DECODED && decoding.length > 0) {
        *ret_value = (struct text){room, decoding.length};
        return CTR_OK;
    }
    text_quote(raw, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT, "The argument %s %s: %s.", name,
                       result == DECODED ? text_fault_words(TEXT_EMPTY) : decode_words(result),
                       quoted);
}

/* Takes the repeated ones out and leaves the rest in `room`. */
static enum ctr_status split_off(struct text arguments, const char *name, char *room,
                                 size_t *ret_length, struct query_repeated *ret_repeated,
                                 struct problem *ret_problem)
{
    size_t length = 0;

    for (size_t at = 0; at < arguments.length;) {
        struct text rest = text_from(arguments, at);
        struct text one = {rest.bytes, find(rest, '&')};
        size_t equals = find(one, '=');

        at += one.length + 1;
        if (!names_it((struct text){one.bytes, equals}, name)) {
            if (length > 0)
                room[length++] = '&';
            memcpy(room + length, one.bytes, one.length);
            length += one.length;
            continue;
        }
        if (ret_repeated->count == ret_repeated->max)
            return problem_set(ret_problem, PROBLEM_ARGUMENT,
                               "The argument %s may be given %zu times.", name, ret_repeated->max);
        ret_repeated->raw[ret_repeated->count++] =
            equals < one.length ? text_from(one, equals + 1) : (struct text){one.bytes, 0};
    }
    *ret_length = length;
    return CTR_OK;
}

enum ctr_status query_parse_repeated(struct text arguments, const char *const *names,
                                     const char *repeated, struct query *ret_query,
                                     struct query_repeated *ret_repeated,
                                     struct problem *ret_problem)
{
    char *room = malloc(arguments.length + 1);
    size_t length = 0;
    enum ctr_status status = CTR_NO_MEMORY;

    ret_repeated->count = 0;
    if (room != NULL)
        status = split_off(arguments, repeated, room, &length, ret_repeated, ret_problem);
    if (status == CTR_OK)
        status = query_parse((struct text){room, length}, names, ret_query, ret_problem);
    free(room);
    return status;
}
