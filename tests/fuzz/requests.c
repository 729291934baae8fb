/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutated heads, targets and bodies through the pure half of the API: the guard and api_respond().
 *
 *   fuzz_requests RUNS [SEED]    so many mutations of the seeds below; the test runs a few
 *   fuzz_requests FILE...        replays inputs
 *
 * Also a libFuzzer target: clang -fsanitize=fuzzer,address -DLIVECTR_LIBFUZZER. The first byte says
 * what the rest is. What is wrong aborts.
 *
 * The guard is held against the bytes: model_parse() does to them what libmicrohttpd 0.9.75 does to
 * its buffer, is_clean() looks at what they were. Whatever is not clean must be refused, and
 * nothing that is clean as a bad line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/guard.h"
#include "api/text.h"
#include "tests/unit/api_fixture.h"

enum { INPUT_BYTES_MAX = 4096, ROOM = 64 };

static struct fixture fixture;

static char current[INPUT_BYTES_MAX]; /* the input, for who looks into a core or reads this */
static size_t current_length;

static void broken(const char *words)
{
    (void)fprintf(stderr, "fuzz_requests: %s:\n", words);
    for (size_t i = 0; i < current_length; i++)
        (void)fprintf(stderr, current[i] >= ' ' && current[i] <= '~' ? "%c" : "\\x%02X",
                      (unsigned)(unsigned char)current[i]);
    (void)fprintf(stderr, "\n");
    abort();
}

/* ---- heads ---------------------------------------------------------------------------------- */

struct model {
    char *at, *end; /* what is left of the buffer */
    char folded[2 * INPUT_BYTES_MAX];
};

/* The next line, zeros written over what ended it; NULL when there is no whole one. */
static char *take_line(struct model *model)
{
    char *line = model->at;
    char *lf = memchr(line, '\n', (size_t)(model->end - line));

    if (lf == NULL)
        return NULL;
    model->at = lf + 1;
    *lf = '\0';
    if (lf > line && lf[-1] == '\r')
        lf[-1] = '\0';
    return line;
}

/* False: the library refuses it by itself. */
static bool model_line(char *line, struct guard_line *ret_line)
{
    size_t length = strlen(line);
    char *target = memchr(line, ' ', length);
    char *version = strrchr(line, ' ');

    if (target == NULL || version == target)
        return false;
    *target++ = '\0';
    while (*target == ' ')
        target++;
    if (version <= target)
        return false;
    *version++ = '\0';
    *ret_line = (struct guard_line){text_of(line), text_of(target), version, target};
    return strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0;
}

/* One header and the lines folded into it, the next line in *line. False as above. */
static bool model_header(struct model *model, char **line, struct guard *guard)
{
    char *name = *line;
    char *colon = strchr(name, ':');
    char *value;

    if (colon == NULL)
        return false;
    *colon = '\0';
    for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
        ;
    while ((*line = take_line(model)) != NULL && (**line == ' ' || **line == '\t')) {
        if (name != model->folded) {
            model->folded[0] = '\0';
            text_append(model->folded, sizeof model->folded, name);
        }
        text_append(model->folded, sizeof model->folded, *line + strspn(*line, " \t"));
        name = model->folded;
    }
    guard_add_header(guard, text_of(name), text_of(value));
    return *line != NULL;
}

/* False: refused by the library, or not whole. *ret_begin: where the request line is. */
static bool model_parse(struct model *model, struct guard *guard, size_t *ret_begin)
{
    const char *buffer = model->at;
    struct guard_line parts;
    char *line;

    do
        line = take_line(model);
    while (line != NULL && *line == '\0');
    if (line == NULL)
        return false;
    *ret_begin = (size_t)(line - buffer);
    if (!model_line(line, &parts))
        return false;
    guard_begin(guard, &parts);
    line = take_line(model);
    while (line != NULL && *line != '\0') {
        if (!model_header(model, &line, guard))
            return false;
    }
    guard_end(guard);
    return line != NULL;
}

/* Whether every line of a head ended in CRLF, was no continuation and held no NUL or CR, and the
 * request line had no blank too many before its target. NUL LF passes for CRLF, see guard.h. */
static bool is_clean(const char *head, size_t length)
{
    const char *blank = memchr(head, ' ', length);

    for (size_t i = 0; i < length; i++) {
        bool lf = head[i] == '\n';
        char next = i + 1 < length ? head[i + 1] : ' ';

        if ((head[i] == '\0' && next != '\n') ||
            (lf && (i == 0 || (head[i - 1] != '\r' && head[i - 1] != '\0'))) ||
            (head[i] == '\r' && next != '\n') ||
            (lf && i + 1 < length && (next == ' ' || next == '\t')))
            return false;
    }
    return blank == NULL || blank[1] != ' ';
}

static void try_head(const char *bytes, size_t length)
{
    static char buffer[INPUT_BYTES_MAX + ROOM];
    static struct model model;
    struct guard guard = {0};
    enum problem_kind kind;
    const char *refusal;
    size_t begin = 0;
    bool clean;

    memcpy(buffer, bytes, length);
    memset(buffer + length, 'x', ROOM);
    model.at = buffer;
    model.end = buffer + length;
    if (!model_parse(&model, &guard, &begin))
        return;
    refusal = guard_refusal(&guard, API_POST, &kind);
    clean = is_clean(bytes + begin, (size_t)(model.at - buffer) - begin);
    if (!clean && refusal == NULL && guard.headers > 0)
        broken("a head that is not clean passed the guard");
    if (clean && guard.bad_line)
        broken("a head that is clean was refused for its lines");
    if (refusal == NULL && (guard.lengths + guard.codings != 1 || guard.hosts > 1))
        broken("framing in doubt passed the guard");
}

/* ---- targets and bodies -----------------------------------------------------------------------
 */

/* Ends the response. */
static void check(struct api_response *response)
{
    bool known = false;
    const char *body = response->body_static != NULL ? response->body_static : response->body;

    for (size_t i = 0; i < HTTP_STATUS_COUNT; i++)
        known = known || http_statuses[i] == response->status;
    if (!known)
        broken("a status that the API does not have");
    if (response->status >= 400 && strcmp(response->content_type, "application/problem+json") != 0)
        broken("an error that is no problem");
    if (response->feed.ops == NULL && strstr(response->content_type, "json") != NULL) {
        json_t *json = json_loadb(body, response->body_length, JSON_REJECT_DUPLICATES, NULL);

        if (json == NULL)
            broken("an answer that is no JSON");
        json_decref(json);
    }
    api_response_done(response);
}

static void try_target(const char *bytes, size_t length)
{
    char target[INPUT_BYTES_MAX + 1];
    struct api_response response;

    memcpy(target, bytes, length);
    target[length] = '\0';
    response = fixture_get(&fixture, target);
    check(&response);
    response = fixture_ask(&fixture, API_HEAD, target);
    check(&response);
}

static void try_body(const char *bytes, size_t length)
{
    struct api_response response = fixture_post(&fixture, bytes, length, "application/json");

    check(&response);
}

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* NOLINTNEXTLINE(readability-identifier-naming): as above */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char input[INPUT_BYTES_MAX]; /* of its own, so that a byte too far is seen */

    if (fixture.store == NULL) {
        fixture_start(&fixture, 1000);
        fixture_events(&fixture, 200, 20, "/a", "b");
        fixture_publish(&fixture);
    }
    if (length == 0 || length > INPUT_BYTES_MAX)
        return 0;
    memcpy(input, bytes + 1, length - 1);
    memcpy(current, bytes, length);
    current_length = length;
    if (bytes[0] % 3 == 0)
        try_head(input, length - 1);
    else if (bytes[0] % 3 == 1)
        try_target(input, length - 1);
    else
        try_body(input, length - 1);
    return 0;
}

/* ---- the driver -------------------------------------------------------------------------------
 */

#ifndef LIVECTR_LIBFUZZER

static const char *const seeds[] = {
    "0GET /v1/ctr HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n",
    "0POST /v1/ctr:batchGet HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX:  y\r\n\r\n",
    "0\r\nPOST http://x/a?b HTTP/1.0\r\nContent-Length: 0\r\nA: b\r\n c\r\n\r\nGET / HTTP/1.1\r\n",
    "0POST /a HTTP/1.1\nHost: x\nContent-Length: 1\n\nz",
    "1/v1/ctr?page=%2Fa&box=b&window=10m",
    "1/v1/boxes?page=/a&sort=ctr_low&min_impressions=1&limit=10&window=1h",
    "1/v1/pages?prefix=%2F&sort=id&limit=1&max_lag_ms=60000&cursor=AAAAAAAAAAAAAAAAAAAAAAAA",
    "1/v1/top?level=placement&by=rise&page=/a&window=10m&max_lag_ms=1",
    "1/v1/export?level=page&window=1h",
    "1/v1/stream?key=%2Fa%09b&key=%09b&key=c&page=/a&level=box&by=ctr_low&limit=3",
    "1/v1/series?page=a&from=2026-11-23T17:00:00Z&to=2026-11-23T17:30:00Z&step=5m&compare=1d,7d",
    "1/v1/explain?page=/a&minute=2026-11-23T17:20:00Z",
    "1http://x/problems/starting?%zz=%00",
    "1/metrics",
    "1/v1/status?a=%C3%A9+b",
    "2{\"window\":\"10m\",\"items\":[{\"page\":\"/a\",\"box\":\"b\"},{},{\"page\":\"\\u00e9\"}]}",
    "2{\"items\":[{\"page\":\"\\ud83d\\ude00\",\"page\":1e400}]}",
    "2[[[[{\"a\":[1,2.5,-0,true,false,null]}]]]]",
};
static const char *const tokens[] = {"\r\n",
                                     "\n",
                                     "\r",
                                     " ",
                                     "\t",
                                     ":",
                                     "%00",
                                     "%",
                                     "&",
                                     "=",
                                     "?",
                                     "{",
                                     "}",
                                     "[",
                                     "]",
                                     "\"",
                                     ",",
                                     "\\u0000",
                                     "page",
                                     "window",
                                     "items",
                                     "Host: y",
                                     "\r\n ",
                                     "HTTP/1",
                                     "999999999999999999999",
                                     "%2F",
                                     "\xC3\xA9",
                                     "\xED\xA0\x80",
                                     "\xFF",
                                     "null",
                                     "1e999",
                                     "-1",
                                     "\r\n\r\n",
                                     "Content-Length: 5\r\n",
                                     "Transfer-Encoding: chunked\r\n"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint64_t dice;

static size_t roll(size_t sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice >> 33) % sides;
}

/* Room for `more` bytes at `at`, of which there may be none. */
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
    size_t at = 1 + roll(length);
    uint8_t copy[64];
    size_t part;

    switch (roll(5)) {
    case 0:
        input[at < length ? at : length - 1] = (uint8_t)roll(256);
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
    case 3: {
        const char *other = seeds[roll(COUNT(seeds))];
        size_t from = 1 + roll(strlen(other) - 1);

        part = 1 + roll(strlen(other) - from);
        return insert(input, length, at, other + from, part);
    }
    default:
        part = length - at < sizeof copy ? length - at : sizeof copy;
        memcpy(copy, input + at, part);
        return insert(input, length, at, copy, part);
    }
}

static void drive(unsigned long runs, uint64_t seed)
{
    static uint8_t input[INPUT_BYTES_MAX];

    dice = seed;
    for (unsigned long run = 0; run < runs; run++) {
        const char *chosen = seeds[roll(COUNT(seeds))];
        size_t length = strlen(chosen);

        memcpy(input, chosen, length);
        for (size_t changes = roll(6); changes > 0; changes--)
            length = mutate(input, length);
        (void)LLVMFuzzerTestOneInput(input, length);
    }
    (void)printf("%lu mutations, seed %lu: nothing is wrong\n", runs, (unsigned long)seed);
}

static void replay(const char *path)
{
    static uint8_t input[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        broken("a file that cannot be opened");
    else
        (void)LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof input, file));
    if (file != NULL)
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
    if (fixture.store != NULL)
        fixture_done(&fixture);
    return 0;
}

#endif
