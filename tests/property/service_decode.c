/* SPDX-License-Identifier: Apache-2.0
 *
 * Records made by a grammar, and then hurt a little: whatever the fast decoder takes is the event
 * that the judge makes of it, with every scan; and it takes most of what an event is made of.
 */
#include "tests/property/storage_dice.h"

#include <string.h>

#include "tests/support/decode_pair.h"

enum {
    ROUNDS = 150000,
    SECONDS = 25,
    RECORD_BYTES = 4096,
    DEPTH_MAX = 40,
    SETTINGS = 7,
    PAIRS = 3
};

static const struct pair_setting settings[PAIRS][SETTINGS] = {
    {{"filter", "bot=true"}},
    {{"field_page", "/a/page"},
     {"field_box", "/a/b/box"},
     {"field_visitor", "visitor_with_a_long_name"},
     {"field_ts", "/a/ts"},
     {"filter", "/a/bot=17"},
     {"view_types", "view, seen,a view of something"},
     {"click_types", "click,seen,pressed"}},
    {{"field_id", "/"},
     {"field_box", "id"},
     {"field_visitor", "id"},
     {"field_page", "/page/type"},
     {"filter", "type=view"}},
};
static struct pair *pairs[PAIRS];

/* ---- the grammar --------------------------------------------------------------------------- */

struct writer {
    struct dice *dice;
    size_t length;
    char bytes[RECORD_BYTES];
};

static void put_bytes(struct writer *writer, const char *bytes, size_t length)
{
    if (length <= sizeof writer->bytes - writer->length) {
        memcpy(writer->bytes + writer->length, bytes, length);
        writer->length += length;
    }
}

static void put(struct writer *writer, const char *words)
{
    put_bytes(writer, words, strlen(words));
}

#define PICK(writer, words) ((words)[dice_below((writer)->dice, sizeof(words) / sizeof(words)[0])])

static void put_blanks(struct writer *writer)
{
    static const char *const blanks[] = {" ", "\n", "\t", "\r", "  ", "\r\n    "};

    if (dice_percent(writer->dice, 8))
        put(writer, PICK(writer, blanks));
}

static void put_string(struct writer *writer)
{
    static const char *const parts[] = {
        "a",   "b",    "view", "/offer/", "0123456789abcdef", " ", "\xC3\xA9",
        "\\/", "\\\"", "\\\\", "\\u00e9", "\xF0\x9F\x98\x80", ":", "\xE2\x82\xAC",
        ",",   "{",    "}",    "]",       "opbox.carousel.1", "'", "\\ud83d\\ude00",
    };
    static const char *const odd_parts[] = {
        "\\n",  "\\t",      "\x7f",         "\\u0000", "\\ud83d", "\\ude00",
        "\xC3", "\x80",     "\xED\xA0\x80", "\\u007f", "\\u001f", "\\u00g0",
        "\\x",  "\xC0\x80", "\x01",         "\n",      "\\u12",
    };

    put(writer, "\"");
    for (size_t count = dice_below(writer->dice, 6); count > 0; count--) {
        if (dice_percent(writer->dice, 2))
            put(writer, PICK(writer, odd_parts));
        else
            put(writer, PICK(writer, parts));
    }
    if (dice_percent(writer->dice, 1)) {
        char many[600];

        memset(many, 'x', sizeof many);
        put_bytes(writer, many, 500 + dice_below(writer->dice, 20));
    }
    put(writer, "\"");
}

static void put_number(struct writer *writer)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "1",
                                          "17",
                                          "-17",
                                          "1795454594000",
                                          "253402300799999",
                                          "1.5",
                                          "0.0",
                                          "-2e5",
                                          "1E-7",
                                          "1e99",
                                          "999999999999999999",
                                          "1234567890123456789",
                                          "12345678",
                                          "123456789",
                                          "253402300800000"};
    static const char *const odd[] = {
        "01",  "-",   "1.",  ".5",  "1e", "+1", "1e400", "9223372036854775808",
        "0x1", "1e+", "--1", "NaN", "1_0"};

    if (dice_percent(writer->dice, 2))
        put(writer, PICK(writer, odd));
    else
        put(writer, PICK(writer, numbers));
}

static void put_scalar(struct writer *writer)
{
    static const char *const words[] = {"true", "false", "null", "null"};
    static const char *const odd[] = {"True", "nul", "truefalse", "", "'a'"};
    size_t kind = dice_below(writer->dice, 10);

    if (dice_percent(writer->dice, 1))
        put(writer, PICK(writer, odd));
    else if (kind < 5)
        put_string(writer);
    else if (kind < 8)
        put_number(writer);
    else
        put(writer, PICK(writer, words));
}

static void put_name(struct writer *writer)
{
    static const char *const names[] = {
        "a",  "b",  "page",          "box",           "id", "ts", "type", "bot", "k1",
        "k2", "k3", "a_name_like_1", "a_name_like_2", "x",  "y",  ""};

    put_blanks(writer);
    if (dice_percent(writer->dice, 97)) {
        put(writer, "\"");
        put(writer, PICK(writer, names));
        if (dice_percent(writer->dice, 60)) { /* else it may well be there already */
            char digits[2] = {(char)('a' + dice_below(writer->dice, 26)),
                              (char)('a' + dice_below(writer->dice, 26))};

            put_bytes(writer, digits, sizeof digits);
        }
        put(writer, "\"");
    } else {
        put_string(writer);
    }
    put_blanks(writer);
    put(writer, ":");
    put_blanks(writer);
}

/* A value with others in it. */
static void put_nested(struct writer *writer)
{
    char closings[DEPTH_MAX];
    size_t depth = 0, limit = dice_percent(writer->dice, 2) ? DEPTH_MAX : 4;

    do {
        if (depth < limit && dice_percent(writer->dice, limit == DEPTH_MAX ? 90 : 40)) {
            bool object = dice_percent(writer->dice, 50);

            put(writer, object ? "{" : "[");
            put_blanks(writer);
            closings[depth++] = object ? '}' : ']';
            if (!dice_percent(writer->dice, 15)) {
                if (object)
                    put_name(writer);
                continue;
            }
            put_bytes(writer, &closings[--depth], 1);
        } else {
            put_scalar(writer);
        }
        put_blanks(writer);
        while (depth > 0 && dice_percent(writer->dice, 60)) {
            put_bytes(writer, &closings[--depth], 1);
            put_blanks(writer);
        }
        if (depth > 0) {
            put(writer, ",");
            put_blanks(writer);
            if (closings[depth - 1] == '}')
                put_name(writer);
        }
    } while (depth > 0);
}

/* What the settings ask for, mostly as it should be. */
static void put_field(struct writer *writer, size_t which)
{
    static const char *const fields[] = {
        "type", "ts", "page", "box", "visitor", "id", "bot", "a", "visitor_with_a_long_name", ""};
    static const char *const types[] = {
        "\"view\"",  "\"click\"", "\"seen\"", "\"pressed\"", "\"a view of something\"",
        "\"hover\"", "7"};
    static const char *const times[] = {"1795454594000",
                                        "0",
                                        "5",
                                        "12345678",
                                        "253402300799999",
                                        "\"2026-11-23T17:23:14.0009+01:00\"",
                                        "\"2026-11-23T17:23:14Z\"",
                                        "\"2026-11-23\"",
                                        "-1"};
    static const char *const trees[] = {
        "{\"page\":\"p\",\"ts\":5,\"b\":{\"box\":\"b\"},\"bot\":17}",
        "{\"ts\":7,\"page\":\"/x\\/y\"}", "{\"type\":\"p\"}", "{}",
        "{\"bot\":17,\"b\":[1],\"page\":\"q\",\"ts\":\"2026-11-23T17:23:14Z\"}"};
    const char *name = fields[which % (sizeof fields / sizeof fields[0])];

    put_blanks(writer);
    put(writer, "\"");
    put(writer, name);
    put(writer, "\"");
    put_blanks(writer);
    put(writer, ":");
    put_blanks(writer);
    if (dice_percent(writer->dice, 3))
        put_nested(writer);
    else if (strcmp(name, "type") == 0)
        put(writer, types[dice_below(writer->dice, dice_percent(writer->dice, 80) ? 2 : 7)]);
    else if (strcmp(name, "ts") == 0)
        put(writer, times[dice_below(writer->dice, dice_percent(writer->dice, 90) ? 7 : 9)]);
    else if (strcmp(name, "a") == 0 || (strcmp(name, "page") == 0 && dice_percent(writer->dice, 5)))
        put(writer, PICK(writer, trees));
    else if (strcmp(name, "bot") == 0 || dice_percent(writer->dice, 5))
        put_scalar(writer);
    else
        put_string(writer);
    put_blanks(writer);
}

/* Fields in any order, a few of them missing, with others among them. */
static void put_record(struct writer *writer)
{
    size_t first = dice_below(writer->dice, 10);
    bool any = false;

    put_blanks(writer);
    put(writer, "{");
    put_blanks(writer);
    for (size_t i = 0; i < 10; i++) {
        size_t which = (first + i * 3) % 10; /* 3 and 10 have no common factor: each one once */
        bool required = which <= 2;

        if (dice_percent(writer->dice, required ? 2 : 40))
            continue;
        if (any)
            put(writer, ",");
        any = true;
        put_field(writer, which);
        if (dice_percent(writer->dice, 20)) {
            char name[] = ", \"other0\" :";

            name[8] = (char)('0' + i);
            put(writer, name);
            put_nested(writer);
        }
        if (dice_percent(writer->dice, 2)) {
            put(writer, ",");
            put_name(writer); /* which may be one that there is */
            put_scalar(writer);
        }
    }
    put(writer, "}");
    put_blanks(writer);
}

/* ---- harm ---------------------------------------------------------------------------------- */

static void hurt(struct writer *writer)
{
    static const char *const bits[] = {"\"",   "\\",     "{",    "}",  "[", "]",
                                       ",",    ":",      "0",    "-",  "e", ".",
                                       "\xC3", "\x80",   "\x7f", "\n", " ", "\"page\":\"p\",",
                                       "null", "\\u0000"};
    size_t at = dice_below(writer->dice, writer->length + 1);
    size_t left = writer->length - at;
    char rest[RECORD_BYTES];
    size_t part = 1 + dice_below(writer->dice, 4);

    memcpy(rest, writer->bytes + at, left);
    switch (dice_below(writer->dice, 5)) {
    case 0: /* a byte is another one */
        if (left > 0)
            writer->bytes[at] = (char)dice_below(writer->dice, 256);
        return;
    case 1: /* some are gone */
        part = part < left ? part : left;
        writer->length = at;
        put_bytes(writer, rest + part, left - part);
        return;
    case 2: /* the end is */
        writer->length = at;
        return;
    case 3: /* some are there twice */
        part = part * 8 < left ? part * 8 : left;
        writer->length = at;
        put_bytes(writer, rest, part);
        put_bytes(writer, rest, left);
        return;
    default: /* something is put in */
        writer->length = at;
        put(writer, PICK(writer, bits));
        put_bytes(writer, rest, left);
        return;
    }
}

static void check_record(struct dice *dice, struct pair *pair, const struct writer *writer,
                         enum topic_type type)
{
    char *copy = malloc(writer->length == 0 ? 1 : writer->length); /* a byte too far is seen */
    const char *wrong = NULL;

    assert_non_null(copy);
    memcpy(copy, writer->bytes, writer->length);
    wrong = pair_check(pair, copy, writer->length, type, SCAN_KINDS);
    ROUND_CHECK(dice, wrong == NULL, "%s: %.*s", wrong, (int)writer->length, copy);
    free(copy);
}

/* A record that is hurt may come whole before: then its layout is known. */
static void play_record(struct dice *dice)
{
    static struct writer writer;
    struct pair *pair = pairs[dice_below(dice, PAIRS)];
    enum topic_type type = dice_percent(dice, 70) ? TOPIC_TYPE_FROM_EVENT : TOPIC_TYPE_CLICK;

    writer.dice = dice;
    writer.length = 0;
    put_record(&writer);
    if (dice_percent(dice, 50)) {
        if (dice_percent(dice, 50))
            check_record(dice, pair, &writer, type);
        for (size_t times = 1 + dice_below(dice, 3); times > 0; times--)
            hurt(&writer);
    }
    check_record(dice, pair, &writer, type);
}

static void what_is_taken_is_what_the_judge_takes(void **state)
{
    unsigned long records = 0, plain = 0, events = 0;

    (void)state;
    for (size_t i = 0; i < PAIRS; i++) {
        size_t count = 0;

        while (count < SETTINGS && settings[i][count].name != NULL)
            count++;
        pairs[i] = pair_new(settings[i], count);
        assert_non_null(pairs[i]);
    }
    dice_play(play_record, ROUNDS, SECONDS);
    for (size_t i = 0; i < PAIRS; i++) {
        records += pairs[i]->records;
        plain += pairs[i]->plain;
        events += pairs[i]->events;
        pair_free(pairs[i]);
    }
    print_message("%lu records, %lu events, %lu of them plain\n", records, events, plain);
    if (records > 10000) {
        assert_true(events > records / 10 && events < records / 2);
        assert_true(plain > events / 10 * 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_what_the_judge_takes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
