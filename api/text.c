/* SPDX-License-Identifier: Apache-2.0 */
#include "api/text.h"

#include <string.h>

struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

bool text_equals(struct text text, const char *string)
{
    return strlen(string) == text.length && memcmp(text.bytes, string, text.length) == 0;
}

/* Lead bytes in order, with what the second byte may be (RFC 3629, section 4): the narrower ranges
 * are what keeps overlong forms, surrogates and the far end out. */
static const struct utf8_lead {
    unsigned char first, last, second_min, second_max, length;
} utf8_leads[] = {
    {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

size_t text_character_length(struct text text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;

    for (size_t i = 0; i < sizeof utf8_leads / sizeof utf8_leads[0]; i++) {
        const struct utf8_lead *lead = &utf8_leads[i];

        if (bytes[0] < lead->first || bytes[0] > lead->last)
            continue;
        if (lead->length > text.length)
            return 0;
        if (lead->length > 1 && (bytes[1] < lead->second_min || bytes[1] > lead->second_max))
            return 0;
        for (size_t k = 2; k < lead->length; k++) {
            if ((bytes[k] & 0xC0) != 0x80)
                return 0;
        }
        return lead->length;
    }
    return 0;
}

bool text_is_utf8(struct text text)
{
    while (text.length > 0) {
        size_t length = text_character_length(text);

        if (length == 0)
            return false;
        text.bytes += length;
        text.length -= length;
    }
    return true;
}

static bool has_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if (byte < 0x20 || byte == 0x7F)
            return true;
    }
    return false;
}

enum text_fault text_check_id(struct text text)
{
    if (text.length == 0)
        return TEXT_EMPTY;
    if (text.length > EVENT_ID_BYTES_MAX)
        return TEXT_TOO_LONG;
    if (has_control(text))
        return TEXT_CONTROL;
    return text_is_utf8(text) ? TEXT_FINE : TEXT_NOT_UTF8;
}

const char *text_fault_words(enum text_fault fault)
{
    switch (fault) {
    case TEXT_EMPTY:
        return "is empty";
    case TEXT_TOO_LONG:
        return "is longer than 512 bytes";
    case TEXT_NOT_UTF8:
        return "is not UTF-8";
    case TEXT_CONTROL:
        return "holds a control character";
    case TEXT_FINE:
        break;
    }
    return "is fine";
}

void text_quote(struct text text, char ret_quoted[TEXT_QUOTE_BYTES])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t length = 0;
    size_t i = 0;

    ret_quoted[length++] = '"';
    /* room for one escape, an ellipsis, the closing quote and the NUL */
    for (; i < text.length && length + 8 <= TEXT_QUOTE_BYTES && length < 72; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];

        if (byte >= 0x20 && byte < 0x7F) {
            ret_quoted[length++] = (char)byte;
        } else {
            ret_quoted[length++] = '%';
            ret_quoted[length++] = hex[byte >> 4];
            ret_quoted[length++] = hex[byte & 15];
        }
    }
    if (i < text.length) {
        memcpy(ret_quoted + length, "...", 3);
        length += 3;
    }
    ret_quoted[length++] = '"';
    ret_quoted[length] = '\0';
}

void text_append(char *list, size_t size, const char *words)
{
    size_t used = strlen(list);
    size_t length = strlen(words);

    if (length > size - 1 - used)
        length = size - 1 - used;
    memcpy(list + used, words, length);
    list[used + length] = '\0';
}
