/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "service/bytes.h"
#include "service/decode_reader.h"
#include "storage/moment.h"

enum { DIGITS_MAX = 18, EXPONENT_DIGITS_MAX = 2, MANTISSA_DIGITS_MAX = 100 };

/* ---- values -------------------------------------------------------------------------------- */

static void filter_by(struct reader *reader, unsigned fields, struct text value)
{
    if ((fields & FIELD_BIT(FIELD_FILTER)) != 0)
        reader->event->filtered = schema_filters(reader->schema, value);
}

static inline bool give_id(struct text text, bool optional, struct text *ret_id)
{
    *ret_id = text;
    return text.length <= EVENT_ID_BYTES_MAX && (optional || text.length > 0);
}

static bool give_field(struct reader *reader, enum field field, struct text text)
{
    struct event *event = reader->event;

    switch (field) {
    case FIELD_TYPE:
        return reader->type != TOPIC_TYPE_FROM_EVENT ||
               schema_type(reader->schema, text, &event->type);
    case FIELD_TS:
        return moment_parse(text.bytes, text.length, &event->ts_ms);
    case FIELD_PAGE:
        return give_id(text, false, &event->page);
    case FIELD_BOX:
        return give_id(text, true, &event->box);
    case FIELD_VISITOR:
        return give_id(text, true, &event->visitor);
    case FIELD_ID:
        return give_id(text, true, &event->id);
    case FIELD_FILTER:
        filter_by(reader, FIELD_BIT(FIELD_FILTER), text);
        return true;
    case FIELD_COUNT:
    default:
        return false;
    }
}

/* More than one field may stand at one place. */
bool give_text(struct reader *reader, unsigned fields, struct text text, bool escaped)
{
    if (escaped && !escapes_write(&reader->room->escapes, text, &text))
        return false;
    reader->found |= fields;
    for (; fields != 0; fields &= fields - 1) {
        if (!give_field(reader, (enum field)__builtin_ctz(fields), text))
            return false;
    }
    return true;
}

static inline const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* The value of eight digits, first the pairs, then the fours, then all. */
static uint64_t eight_digits(uint64_t digits)
{
    digits -= UINT64_C(0x3030303030303030);
    digits = digits * 10 + (digits >> 8);
    return (((digits & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064)) +
            (((digits >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001))) >>
           32;
}

static int64_t value_of(const char *at, size_t digits)
{
    int64_t value = 0;

    if (digits >= BYTES_TOGETHER && digits % BYTES_TOGETHER > 0) {
        /* the first ones with zeros before them */
        unsigned zeros = (unsigned)(BYTES_TOGETHER - digits % BYTES_TOGETHER);

        value = (int64_t)eight_digits((bytes_load(at) << (8 * zeros)) |
                                      (UINT64_C(0x3030303030303030) >> (64 - 8 * zeros)));
        at += digits % BYTES_TOGETHER;
        digits -= digits % BYTES_TOGETHER;
    }
    for (; digits >= BYTES_TOGETHER; digits -= BYTES_TOGETHER, at += BYTES_TOGETHER)
        value = value * 100000000 + (int64_t)eight_digits(bytes_load(at));
    for (; digits > 0; digits--)
        value = value * 10 + (*at++ - '0');
    return value;
}

/* What may follow the whole part of a number that is no integer, which had so many digits. */
static const char *skip_fraction(const char *at, size_t digits)
{
    const char *begin;

    if (*at == '.') {
        begin = ++at;
        at = skip_digits(at);
        digits += (size_t)(at - begin);
        if (at == begin)
            return NULL;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        begin = at;
        at = skip_digits(at);
        if (at == begin || at - begin > EXPONENT_DIGITS_MAX)
            return NULL;
    }
    return digits <= MANTISSA_DIGITS_MAX ? at : NULL; /* below 1e200: it cannot overflow */
}

/* An integer may be a time or what is filtered, a real number neither. */
const char *read_number(struct reader *reader, unsigned fields, const char *at)
{
    bool negative = *at == '-';
    const char *digits = at + negative, *end = skip_digits(digits);
    size_t length = (size_t)(end - digits);

    if (length == 0 || (*digits == '0' && length > 1))
        return NULL;
    if (*end == '.' || *end == 'e' || *end == 'E')
        return is_free(reader, fields) ? skip_fraction(end, length) : NULL;
    if (length > DIGITS_MAX || !is_free(reader, fields & ~FIELD_BIT(FIELD_TS)))
        return NULL;
    if (fields == 0)
        return end;
    if (negative && (*digits == '0' || (fields & FIELD_BIT(FIELD_TS)) != 0))
        return NULL;
    filter_by(reader, fields, (struct text){at, (size_t)(end - at)});
    if ((fields & FIELD_BIT(FIELD_TS)) == 0)
        return end;
    reader->found |= FIELD_BIT(FIELD_TS);
    reader->event->ts_ms = value_of(digits, length);
    return reader->event->ts_ms <= EVENT_TS_MS_MAX ? end : NULL;
}

/* An optional text that is null is absent. */
const char *read_word(struct reader *reader, unsigned fields, const char *at)
{
    static const struct text words[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    const unsigned optional = FIELD_BIT(FIELD_BOX) | FIELD_BIT(FIELD_VISITOR) | FIELD_BIT(FIELD_ID);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bool null = words[i].bytes[0] == 'n';

        if ((size_t)(reader->last - at) < words[i].length ||
            memcmp(at, words[i].bytes, words[i].length) != 0)
            continue;
        if (!null)
            filter_by(reader, fields, words[i]);
        return is_free(reader, null ? fields & ~optional : fields) ? at + words[i].length : NULL;
    }
    return NULL;
}
