/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutated records through both decoders: what the fast one takes, the judge must call the same
 * event.
 *
 *   fuzz_decode CORPUS [RUNS [SEED]]   each file of the folder, then so many mutations of them
 *   fuzz_decode FILE                   replays one input
 *
 * Also a libFuzzer target (the corpus was found so): clang -fsanitize=fuzzer -DLIVECTR_LIBFUZZER.
 * The first byte says which settings, topic type and scan; the rest is the record. What is wrong
 * aborts.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/decode_pair.h"

enum { INPUT_BYTES_MAX = 4096, SETTINGS_MAX = 8, PAIRS = 3, TYPES = 3 };

static const struct pair_setting settings[PAIRS][SETTINGS_MAX] = {
    {{0}},
    {{"field_page", "/a/page"},
     {"field_box", "/a/b/box"},
     {"field_visitor", "visitor_with_a_long_name"},
     {"field_ts", "/a/ts"},
     {"filter", "/a/bot=true"},
     {"view_types", "view, seen,a view of something"},
     {"click_types", "click,seen,pressed"}},
    {{"field_id", "/"},
     {"field_box", "id"},
     {"field_visitor", "id"},
     {"field_page", "/page/0"},
     {"field_type", "page"},
     {"filter", "page=7"}},
};
static struct pair *pairs[PAIRS];

static void broken(const char *words, const uint8_t *bytes, size_t length)
{
    (void)fprintf(stderr, "fuzz_decode: %s:\n", words);
    for (size_t i = 0; i < length; i++)
        (void)fprintf(stderr, bytes[i] >= ' ' && bytes[i] <= '~' ? "%c" : "\\x%02X",
                      (unsigned)bytes[i]);
    (void)fprintf(stderr, "\n");
    abort();
}

static void start(void)
{
    for (size_t i = 0; i < PAIRS; i++) {
        size_t count = 0;

        while (count < SETTINGS_MAX && settings[i][count].name != NULL)
            count++;
        pairs[i] = pair_new(settings[i], count);
        if (pairs[i] == NULL)
            broken("settings that are none", NULL, 0);
    }
}

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* NOLINTNEXTLINE(readability-identifier-naming): as above */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const enum scan_kind scans[] = {SCAN_PORTABLE, SCAN_SSE2, SCAN_AVX2, SCAN_KINDS};
    const char *wrong;
    unsigned choice;

    if (pairs[0] == NULL)
        start();
    if (length == 0 || length > INPUT_BYTES_MAX)
        return 0;
    choice = bytes[0];
    wrong = pair_check(pairs[choice % PAIRS], (const char *)bytes + 1, length - 1,
                       (enum topic_type)(choice / PAIRS % TYPES),
                       scans[choice / (PAIRS * TYPES) % (sizeof scans / sizeof scans[0])]);
    if (wrong != NULL)
        broken(wrong, bytes, length);
    return 0;
}

/* ---- the driver ----------------------------------------------------------------------------- */

#ifndef LIVECTR_LIBFUZZER

enum { INPUTS_MAX = 4096, PATH_BYTES = 1024 };

struct input {
    size_t length;
    uint8_t *bytes; /* of its own length */
};
static struct input inputs[INPUTS_MAX];
static size_t inputs_count;
static uint64_t dice;

static size_t roll(size_t sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice >> 33) % sides;
}

static void keep(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    struct input *input = &inputs[inputs_count];

    if (file == NULL || inputs_count == INPUTS_MAX) {
        (void)fprintf(stderr, "fuzz_decode: %s: cannot be read, or one too many\n", path);
        exit(2);
    }
    input->length = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    input->bytes = malloc(input->length + 1);
    if (input->bytes == NULL)
        exit(2);
    memcpy(input->bytes, bytes, input->length);
    inputs_count++;
}

static int by_bytes(const void *left, const void *right)
{
    const struct input *one = left, *other = right;
    size_t shorter = one->length < other->length ? one->length : other->length;
    int order = memcmp(one->bytes, other->bytes, shorter);

    return order != 0 ? order : (one->length > other->length) - (one->length < other->length);
}

/* Sorted, so that a seed means the same everywhere. */
static void keep_all(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (folder == NULL) {
        keep(path);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        char name[PATH_BYTES];

        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.')
            keep(name);
    }
    (void)closedir(folder);
    qsort(inputs, inputs_count, sizeof inputs[0], by_bytes);
}

/* In memory of its own length, so that a sanitizer sees a byte too far. */
static void try_input(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length + (length == 0));

    if (copy == NULL)
        exit(2);
    memcpy(copy, bytes, length);
    (void)LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

/* An input, or a part of one in the place of a part of another; and a byte or two changed. The
 * input itself may come first: then the fast decoder has its layout. */
static size_t mutate(uint8_t bytes[INPUT_BYTES_MAX])
{
    static const char marks[] = "\"\\{}[],:0-+.eE/ntu \n\x7f\x80\xc3";
    const struct input *left = &inputs[roll(inputs_count)], *right = &inputs[roll(inputs_count)];
    size_t begin = roll(left->length + 1), from = roll(right->length + 1);
    size_t part = roll(2) == 0 ? 0 : roll(right->length - from + 1), skip = roll(2) == 0 ? part : 0;
    size_t rest = begin + skip < left->length ? left->length - begin - skip : 0;
    size_t length = begin + part + rest;

    if (length > INPUT_BYTES_MAX || length == 0)
        return 0;
    if (roll(2) == 0)
        try_input(left->bytes, left->length);
    memcpy(bytes, left->bytes, begin);
    memcpy(bytes + begin, right->bytes + from, part);
    memcpy(bytes + begin + part, left->bytes + left->length - rest, rest);
    for (size_t changes = roll(3); changes > 0; changes--)
        bytes[roll(length)] =
            roll(2) == 0 ? (uint8_t)roll(256) : (uint8_t)marks[roll(sizeof marks)];
    return length;
}

int main(int count, char **arguments)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    unsigned long runs = count > 2 ? strtoul(arguments[2], NULL, 10) : 0;
    unsigned long plain = 0;

    if (count < 2) {
        (void)fprintf(stderr, "usage: fuzz_decode CORPUS|FILE [RUNS [SEED]]\n");
        return 2;
    }
    dice = count > 3 ? strtoull(arguments[3], NULL, 10) : 1;
    keep_all(arguments[1]);
    for (size_t i = 0; i < inputs_count; i++)
        try_input(inputs[i].bytes, inputs[i].length);
    for (unsigned long run = 0; inputs_count > 0 && run < runs; run++)
        try_input(bytes, mutate(bytes));
    for (size_t i = 0; i < inputs_count; i++)
        free(inputs[i].bytes);
    for (size_t i = 0; i < PAIRS; i++) {
        plain += pairs[i] == NULL ? 0 : pairs[i]->plain;
        pair_free(pairs[i]);
    }
    (void)printf("%zu inputs, %lu mutations of them, %lu plain: nothing is wrong\n", inputs_count,
                 runs, plain);
    return inputs_count > 0 ? 0 : 1;
}

#endif
