/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/digest.h"
#include "api/text.h"
#include "storage/moment.h"

#define HASH_PREFIX "sha256:"
#define NEVER_MS    INT64_MAX
#define SHAPE       "NAME sha256:HEX SCOPES [RFC 3339 time]; livectr token makes one"

struct token {
    char name[TOKEN_NAME_MAX + 1];
    struct digest digest;
    unsigned scopes;
    int64_t until_ms;
};

/* Never changed once it is shown; the last who holds it frees it. */
struct token_lines {
    size_t holders;
    size_t count;
    struct token items[];
};

struct tokens {
    pthread_mutex_t mutex; /* guards `lines` and its holders */
    struct token_lines *lines;
    _Atomic uint64_t edition; /* grows when they are replaced */
};

static const char *const scope_names[TOKEN_SCOPES] = {"read", "stream", "export", "admin"};

const char *tokens_scope_name(enum token_scope scope)
{
    size_t index = 0;

    while (index + 1 < TOKEN_SCOPES && (unsigned)scope >> (index + 1) != 0)
        index++;
    return scope_names[index];
}

/* ---- the set -------------------------------------------------------------------------------- */

static struct token_lines *lines_new(size_t count)
{
    struct token_lines *lines = calloc(1, sizeof *lines + count * sizeof lines->items[0]);

    if (lines != NULL)
        lines->holders = 1;
    return lines;
}

struct tokens *tokens_new(void)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);

    if (tokens == NULL)
        return NULL;
    tokens->lines = lines_new(0);
    if (tokens->lines == NULL) {
        free(tokens);
        return NULL;
    }
    (void)pthread_mutex_init(&tokens->mutex, NULL);
    return tokens;
}

void tokens_free(struct tokens *tokens)
{
    if (tokens == NULL)
        return;
    (void)pthread_mutex_destroy(&tokens->mutex);
    free(tokens->lines);
    free(tokens);
}

static struct token_lines *take_lines(struct tokens *tokens)
{
    struct token_lines *lines;

    (void)pthread_mutex_lock(&tokens->mutex);
    lines = tokens->lines;
    lines->holders++;
    (void)pthread_mutex_unlock(&tokens->mutex);
    return lines;
}

static void give_lines(struct tokens *tokens, struct token_lines *lines)
{
    bool last;

    (void)pthread_mutex_lock(&tokens->mutex);
    lines->holders--;
    last = lines->holders == 0;
    (void)pthread_mutex_unlock(&tokens->mutex);
    if (last)
        free(lines);
}

/* ---- reading lines -------------------------------------------------------------------------- */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Takes the next word off a line; length 0: there is none. */
static struct text take_word(struct text *line)
{
    struct text word;

    while (line->length > 0 && is_blank(line->bytes[0])) {
        line->bytes++;
        line->length--;
    }
    word = (struct text){line->bytes, 0};
    while (line->length > 0 && !is_blank(line->bytes[0])) {
        word.length++;
        line->bytes++;
        line->length--;
    }
    return word;
}

unsigned tokens_parse_scopes(struct text list)
{
    unsigned scopes = 0;

    for (size_t at = 0; at <= list.length;) {
        struct text word = {list.bytes + at, 0};
        unsigned scope = 0;

        while (at + word.length < list.length && word.bytes[word.length] != ',')
            word.length++;
        for (size_t i = 0; i < TOKEN_SCOPES; i++) {
            if (text_equals(word, scope_names[i]))
                scope = 1U << i;
        }
        if (scope == 0 || (scopes & scope) != 0)
            return 0;
        scopes |= scope;
        at += word.length + 1;
    }
    return scopes;
}

static bool read_name(struct text word, struct token *token)
{
    for (size_t i = 0; i < word.length; i++) {
        char byte = word.bytes[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

        if (!letter && !(byte >= '0' && byte <= '9') && byte != '-' && byte != '_' && byte != '.')
            return false;
    }
    if (word.length < 1 || word.length > TOKEN_NAME_MAX)
        return false;
    memcpy(token->name, word.bytes, word.length);
    token->name[word.length] = '\0';
    return true;
}

static bool read_hash(struct text word, struct token *token)
{
    size_t prefix = strlen(HASH_PREFIX);

    return word.length > prefix && memcmp(word.bytes, HASH_PREFIX, prefix) == 0 &&
           digest_parse(word.bytes + prefix, word.length - prefix, &token->digest);
}

/* What is wrong with the line, NULL nothing. */
static const char *read_token(struct text line, struct token *token)
{
    struct text until;

    if (!read_name(take_word(&line), token))
        return "the name must be 1 to 64 letters, digits and - _ .";
    if (!read_hash(take_word(&line), token))
        return "the hash must be sha256: and 64 hex digits";
    token->scopes = tokens_parse_scopes(take_word(&line));
    if (token->scopes == 0)
        return "the scopes must be some of read,stream,export,admin";
    until = take_word(&line);
    token->until_ms = NEVER_MS;
    if (until.length > 0 && !moment_parse(until.bytes, until.length, &token->until_ms))
        return "the end must be a time like 2027-06-30T00:00:00Z";
    return take_word(&line).length > 0 || line.length > 0 ? "there is something behind its end"
                                                          : NULL;
}

/* Each name and each token once: a line that is there twice is one that somebody forgot. */
static const char *find_twin(const struct token_lines *lines, const struct token *token)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (strcmp(lines->items[i].name, token->name) == 0)
            return "the name is there already";
        if (digest_equals(&lines->items[i].digest, &token->digest))
            return "the hash is there already";
    }
    return NULL;
}

static struct text take_line(struct text *text)
{
    const char *end = memchr(text->bytes, '\n', text->length);
    struct text line = {text->bytes, end == NULL ? text->length : (size_t)(end - text->bytes)};
    size_t used = line.length + (end == NULL ? 0 : 1);

    text->bytes += used;
    text->length -= used;
    return line;
}

static enum ctr_status read_lines(const char *name, struct text text, struct token_lines *lines,
                                  struct ctr_error *reterr)
{
    for (unsigned number = 1; text.length > 0; number++) {
        struct text line = take_line(&text);
        struct text rest = line;
        struct text first = take_word(&rest);
        struct token token;
        const char *wrong;

        if (first.length == 0 && rest.length == 0)
            continue;
        if (first.length > 0 && first.bytes[0] == '#')
            continue;
        if (lines->count == TOKENS_MAX)
            return ctr_fail(reterr, CTR_INVALID, "%.120s:%u: more than %d tokens", name, number,
                            (int)TOKENS_MAX);
        wrong = read_token(line, &token);
        if (wrong == NULL)
            wrong = find_twin(lines, &token);
        if (wrong != NULL) /* the line itself is not shown: it may hold a token by mistake */
            return ctr_fail(reterr, CTR_INVALID, "%.120s:%u: %s (%s)", name, number, wrong, SHAPE);
        lines->items[lines->count++] = token;
    }
    return CTR_OK;
}

enum ctr_status tokens_replace(struct tokens *tokens, const char *name, struct text text,
                               size_t *ret_count, struct ctr_error *reterr)
{
    struct token_lines *fresh = lines_new(TOKENS_MAX);
    struct token_lines *old;
    enum ctr_status status;

    if (fresh == NULL)
        return ctr_fail(reterr, CTR_NO_MEMORY, "%.120s: no memory for tokens", name);
    status = read_lines(name, text, fresh, reterr);
    if (status != CTR_OK) {
        free(fresh);
        return status;
    }
    *ret_count = fresh->count;
    (void)pthread_mutex_lock(&tokens->mutex);
    old = tokens->lines;
    tokens->lines = fresh;
    (void)atomic_fetch_add(&tokens->edition, 1);
    (void)pthread_mutex_unlock(&tokens->mutex);
    give_lines(tokens, old);
    return CTR_OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The line of a digest, NULL none. */
static const struct token *find_line(const struct token_lines *lines, const struct digest *digest)
{
    size_t found = SIZE_MAX;

    for (size_t i = 0; i < lines->count; i++) {
        /* No way out of the loop: all lines are looked at, whichever it is. */
        size_t hit = (size_t)0 - (size_t)digest_equals(&lines->items[i].digest, digest);

        found = (found & ~hit) | (i & hit);
    }
    return found == SIZE_MAX ? NULL : &lines->items[found];
}

static bool digest_token(struct text token, struct digest *ret_digest)
{
    if (token.length < TOKEN_BYTES_MIN || token.length > TOKEN_BYTES_MAX)
        return false;
    return digest_of(token.bytes, token.length, ret_digest);
}

enum tokens_verdict tokens_find(struct tokens *tokens, struct text token, int64_t now_ms,
                                unsigned *ret_scopes)
{
    enum tokens_verdict verdict = TOKENS_UNKNOWN;
    struct digest digest;
    struct token_lines *lines;
    const struct token *line;

    *ret_scopes = 0;
    if (!digest_token(token, &digest))
        return TOKENS_UNKNOWN;
    lines = take_lines(tokens);
    line = find_line(lines, &digest);
    if (line != NULL) {
        verdict = now_ms < line->until_ms ? TOKENS_KNOWN : TOKENS_EXPIRED;
        *ret_scopes = verdict == TOKENS_KNOWN ? line->scopes : 0;
    }
    give_lines(tokens, lines);
    return verdict;
}

/* ---- asking again --------------------------------------------------------------------------- */

static void renew(struct tokens *tokens, struct tokens_pass *pass)
{
    struct token_lines *lines;
    const struct token *line;

    /* Read before the lines: they may be newer than the pass then says, and are looked at again. */
    pass->edition = atomic_load(&tokens->edition);
    lines = take_lines(tokens);
    line = find_line(lines, &pass->digest);
    pass->until_ms = line != NULL && (line->scopes & pass->scope) != 0 ? line->until_ms : INT64_MIN;
    give_lines(tokens, lines);
}

void tokens_pass_of(struct tokens *tokens, struct text token, unsigned scope,
                    struct tokens_pass *ret_pass)
{
    *ret_pass = (struct tokens_pass){.given = true, .scope = scope, .until_ms = INT64_MIN};
    if (digest_token(token, &ret_pass->digest))
        renew(tokens, ret_pass);
}

bool tokens_pass_holds(struct tokens *tokens, struct tokens_pass *pass, int64_t now_ms)
{
    if (!pass->given)
        return true;
    if (pass->edition != atomic_load(&tokens->edition))
        renew(tokens, pass);
    return now_ms < pass->until_ms;
}
