/* SPDX-License-Identifier: Apache-2.0 */
#include "service/token_verb.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "api/digest.h"
#include "api/text.h"
#include "api/tokens.h"
#include "service/manual.h"
#include "service/verb.h"

/* 256 random bits, six to a character. */
enum { RANDOM_BYTES = 32, TOKEN_CHARACTERS = 43, LINE_BYTES = 320 };
#define TOKEN_PREFIX "lctr_" /* so that scanners of sources find one that was checked in */

struct wanted {
    const char *name, *scope, *expires;
};

static int complain(const char *words)
{
    (void)fprintf(stderr, "livectr token: %s\n", words);
    return 2;
}

/* -1: go on; else the exit code. */
static int read_flags(int argc, char **argv, struct wanted *ret_wanted)
{
    struct ctr_error error = {.text = ""};
    struct verb_flag flag;

    *ret_wanted = (struct wanted){.name = NULL, .scope = "read", .expires = ""};
    for (int i = 0; i < argc;) {
        if (verb_next_flag(&verb_token, argc, argv, &i, &flag, &error) != CTR_OK) {
            (void)complain(error.text);
            manual_write_help(&verb_token, stderr);
            return 2;
        }
        if (flag.row == NULL) {
            manual_write_help(&verb_token, stderr);
            return 2;
        }
        if (strcmp(flag.row->name, "--help") == 0) {
            manual_write_help(&verb_token, stdout);
            return 0;
        }
        *(strcmp(flag.row->name, "--name") == 0    ? &ret_wanted->name
          : strcmp(flag.row->name, "--scope") == 0 ? &ret_wanted->scope
                                                   : &ret_wanted->expires) = flag.value;
    }
    return ret_wanted->name == NULL ? complain("--name is missing; who will use it?") : -1;
}

static void write_token(const uint8_t *random, char *ret_token)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned held = 0;
    size_t used = strlen(TOKEN_PREFIX);

    memcpy(ret_token, TOKEN_PREFIX, used);
    for (size_t i = 0; i < RANDOM_BYTES; i++) {
        bits = bits << 8 | random[i];
        for (held += 8; held >= 6; held -= 6) {
            ret_token[used++] = digits[bits >> (held - 6) & 63];
        }
    }
    ret_token[used++] = digits[bits << (6 - held) & 63];
    ret_token[used] = '\0';
}

/* The line must be one that the service takes. */
static int check_line(const char *line)
{
    struct tokens *tokens = tokens_new();
    struct ctr_error error = {.text = ""};
    size_t count = 0;
    enum ctr_status status = CTR_NO_MEMORY;

    if (tokens != NULL) {
        status = tokens_replace(tokens, "the line", text_of(line), &count, &error);
    }
    tokens_free(tokens);
    if (status == CTR_OK && count != 1) {
        return complain("the name must be 1 to 64 letters, digits and - _ .");
    }
    return status == CTR_OK ? 0 : complain(error.text);
}

int token_main(int argc, char **argv)
{
    struct wanted wanted;
    struct digest digest;
    uint8_t random[RANDOM_BYTES];
    char token[sizeof TOKEN_PREFIX + TOKEN_CHARACTERS];
    char digits[DIGEST_HEX + 1];
    char line[LINE_BYTES];
    int code = 0;

    code = read_flags(argc, argv, &wanted);
    if (code >= 0) {
        return code;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        (void)complain("no random bytes from the system");
        return 1;
    }
    write_token(random, token);
    if (!digest_of(token, strlen(token), &digest)) {
        (void)complain("SHA-256 is refused by GnuTLS");
        return 1;
    }
    digest_format(&digest, digits);
    if (snprintf(line, sizeof line, "%s sha256:%s %s%s%s", wanted.name, digits, wanted.scope,
                 *wanted.expires == '\0' ? "" : " ", wanted.expires) >= (int)sizeof line) {
        return complain("the line would be too long");
    }
    code = check_line(line);
    if (code == 0) {
        (void)printf("%s\n", token);
        (void)fflush(stdout);
        (void)fprintf(stderr, "%s\n", line);
    }
    return code;
}
