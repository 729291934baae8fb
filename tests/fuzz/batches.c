/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of batches, mutated, read in one pass and by jansson alone: the same verdict, the same
 * words where it is no, the same ids where it is yes, or it aborts.
 *
 *   fuzz_batches RUNS [SEED]     so many mutations of the seeds below
 *   fuzz_batches FILE...         replays inputs
 *
 * Also a libFuzzer target: clang -fsanitize=fuzzer,address -DLIVECTR_LIBFUZZER.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/batch_scan.h"
#include "api/body.h"

enum { INPUT_BYTES_MAX = 8192 };

static struct {
    const char *bytes;
    size_t length;
} current;
static unsigned long taken, plain; /* bodies that were right, and of those in one pass */

static void broken(const char *words)
{
    (void)fprintf(stderr, "fuzz_batches: %s:\n", words);
    (void)fwrite(current.bytes, 1, current.length, stderr);
    (void)fputc('\n', stderr);
    abort();
}

static bool same_text(struct text left, struct text right)
{
    return left.length == right.length && (left.bytes == NULL) == (right.bytes == NULL) &&
           (left.length == 0 || left.bytes == NULL ||
            memcmp(left.bytes, right.bytes, left.length) == 0);
}

static void compare(const struct batch_body *left, const struct batch_body *right)
{
    if (left->count != right->count || !same_text(left->window, right->window))
        broken("another window, or another number of items");
    for (size_t i = 0; i < left->count; i++) {
        if (!same_text(left->names[i].page, right->names[i].page) ||
            !same_text(left->names[i].box, right->names[i].box))
            broken("another id");
    }
}

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* NOLINTNEXTLINE(readability-identifier-naming): as above */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *copy = malloc(length + 1); /* of its own, so that a byte too far is seen */
    struct api_request request = {
        .content_type = "application/json", .body = copy, .body_length = length};
    struct batch_body ours = {0};
    struct batch_body judged = {0};
    struct problem problem = {.allow = NULL};
    struct problem verdict = {.allow = NULL};
    enum ctr_status status;

    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, length);
    current.bytes = copy;
    current.length = length;
    status = body_read(&request, &ours, &problem);
    if (status != body_read_judged(&request, &judged, &verdict))
        broken("another verdict");
    if (status == CTR_OK) {
        compare(&ours, &judged);
        taken++;
        plain += ours.document == NULL;
        body_done(&ours);
        body_done(&judged);
    } else if (problem.kind != verdict.kind || strcmp(problem.detail, verdict.detail) != 0) {
        broken("other words");
    }
    free(copy);
    return 0;
}

/* ---- the driver ---------------------------------------------------------------------------- */

#ifndef LIVECTR_LIBFUZZER

static const char *const seeds[] = {
    "{\"window\":\"10m\",\"items\":[{\"page\":\"/offer/list\",\"box\":\"opbox.carousel.1\"},{}]}",
    "{\"items\":[{\"box\":\"a\"},{\"page\":\"b\"},{\"box\":\"\"}],\"window\":\"1m\"}",
    " {\n \"items\" : [ { \"page\" : \"/a\" } , { } ] ,\r\n\t\"window\" : \"10m\" } ",
    "{\"items\":[]}",
    "{\"items\":[{\"page\":\"/\xC3\xA9t\xC3\xA9/\xF0\x9F\x98\x80\",\"box\":\"\xE2\x82\xAC\"}]}",
    "{\"items\":[{\"page\":\"\\u00e9\\\"\\\\\",\"box\":\"b\"}]}",
    "{\"window\":\"\",\"items\":[{\"page\":\"\"}]}",
    "{\"items\":[{\"page\":\"/a\",\"page\":\"/b\"}],\"items\":[],\"window\":\"1m\",\"window\":1}",
    "{\"items\":[{\"page\":null,\"more\":[1,2.5e3,true]}],\"else\":{}}",
    "[[[{\"items\":[{}]}]]]",
};
static const char *const tokens[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0041",
    "\\n",
    "page",
    "box",
    "items",
    "{}",
    "window",
    "\"page\":\"x\"",
    "\x7F",
    "\x1F",
    "\xC3",
    "\x80",
    "\xED\xA0\x80",
    "\xF4\x90\x80\x80",
    " ",
    "\n",
    "null",
    "0",
    "1e9",
    "true",
    "{\"page\":\"/a\"},",
    "\xEF\xBB\xBF",
    "abcdefgh",
    "\"items\":[{}],",
    "\xC0\xAF",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint64_t dice;

static size_t roll(size_t sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice >> 33) % sides;
}

static size_t insert(uint8_t *input, size_t length, size_t at, const void *bytes, size_t more)
{
    if (length + more > INPUT_BYTES_MAX)
        return length;
    memmove(input + at + more, input + at, length - at);
    memcpy(input + at, bytes, more);
    return length + more;
}

static size_t mutate(uint8_t *input, size_t length)
{
    size_t at = roll(length + 1);
    uint8_t copy[600];
    size_t part;

    switch (roll(6)) {
    case 0:
        if (at < length)
            input[at] = (uint8_t)roll(256);
        return length;
    case 1:
        part = 1 + roll(8);
        part = part < length - at ? part : length - at;
        memmove(input + at, input + at + part, length - at - part);
        return length - part;
    case 2: {
        const char *token = tokens[roll(COUNT(tokens))];

        return insert(input, length, at, token, strlen(token));
    }
    case 3: /* ids about as long as they may be */
        part = roll(20) == 0 ? 480 + roll(100) : roll(20);
        memset(copy, 'x', part);
        return insert(input, length, at, copy, part);
    case 4: /* the null byte */
        return insert(input, length, at, "", 1);
    default:
        part = length - at < 64 ? length - at : 64;
        memcpy(copy, input + at, part);
        return insert(input, length, at, copy, part);
    }
}

/* Around the limit on items, where no mutation gets. */
static void try_many(void)
{
    static uint8_t input[16 + 3 * (BATCH_ITEMS_MAX + 2)];

    for (size_t count = BATCH_ITEMS_MAX - 1; count <= BATCH_ITEMS_MAX + 1; count++) {
        size_t length = insert(input, 0, 0, "{\"items\":[", 10);

        for (size_t i = 0; i < count; i++)
            length = insert(input, length, length, i == 0 ? "{}" : ",{}", i == 0 ? 2 : 3);
        length = insert(input, length, length, "]}", 2);
        (void)LLVMFuzzerTestOneInput(input, length);
    }
}

static void drive(unsigned long runs, uint64_t seed)
{
    static uint8_t input[INPUT_BYTES_MAX];

    dice = seed;
    try_many();
    for (unsigned long run = 0; run < runs; run++) {
        const char *chosen = seeds[roll(COUNT(seeds))];
        size_t length = strlen(chosen);

        memcpy(input, chosen, length);
        for (size_t changes = roll(5); changes > 0; changes--)
            length = mutate(input, length);
        (void)LLVMFuzzerTestOneInput(input, length);
    }
    (void)printf("%lu mutations, seed %lu: nothing is wrong; %lu were right, %lu in one pass\n",
                 runs, (unsigned long)seed, taken, plain);
}

static void replay(const char *path)
{
    static uint8_t input[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    (void)LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof input, file));
    (void)fclose(file);
}

int main(int count, char **arguments)
{
    char *end = NULL;
    unsigned long runs = count > 1 ? strtoul(arguments[1], &end, 10) : 0;

    if (end != NULL && *end == '\0') {
        drive(runs, count > 2 ? strtoull(arguments[2], NULL, 10) : 1);
    } else {
        for (int i = 1; i < count; i++)
            replay(arguments[i]);
    }
    return 0;
}

#endif
