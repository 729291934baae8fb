/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may ask: bearer tokens, known by their SHA-256 alone. A line each:
 *
 *   dashboard sha256:9f86d0...0f00a08 read,stream 2027-06-30T00:00:00Z
 *
 * name, hash, scopes, and where it ends some day, when. Empty lines and those that begin with # are
 * nothing. A slow hash (bcrypt, argon2) or a salt would protect passwords, which can be guessed;
 * a token is 256 random bits, which cannot be guessed from its hash however fast that is, and a
 * hash that takes 100 ms would let everybody stop us with requests.
 *
 * The set can be replaced while it is in use. Lock: one mutex for the moment in which a reader
 * takes hold of the lines. Thread: any.
 */
#ifndef LIVECTR_API_TOKENS_H
#define LIVECTR_API_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/digest.h"
#include "storage/event.h"
#include "storage/status.h"

enum {
    TOKENS_MAX = 1000,
    TOKEN_NAME_MAX = 64,  /* letters, digits and - _ . */
    TOKEN_BYTES_MIN = 32, /* of a token that is looked up */
    TOKEN_BYTES_MAX = 512
};

/* Bits of a set. Each stands for itself: admin does not mean read. */
enum token_scope { TOKEN_READ = 1, TOKEN_STREAM = 2, TOKEN_EXPORT = 4, TOKEN_ADMIN = 8 };
enum { TOKEN_SCOPES = 4 };

struct tokens;

/* An empty set, that lets nobody in. NULL on no memory; the other one may get NULL. */
struct tokens *tokens_new(void);
void tokens_free(struct tokens *tokens);

/* Replaces all by the lines of `text`; `name` of the file, for errors. Errors: CTR_INVALID with the
 * line and the way out, CTR_NO_MEMORY; the old ones stay then. *ret_count: how many lines. */
CTR_MUST_USE enum ctr_status tokens_replace(struct tokens *tokens, const char *name,
                                            struct text text, size_t *ret_count,
                                            struct ctr_error *reterr);

enum tokens_verdict { TOKENS_UNKNOWN, TOKENS_EXPIRED, TOKENS_KNOWN };

/* Whose token it is. Every line is compared, in a time that tells nothing of which it was.
 * *ret_scopes: what a known one may do. */
enum tokens_verdict tokens_find(struct tokens *tokens, struct text token, int64_t now_ms,
                                unsigned *ret_scopes);

/* What an answer that goes on was let in by, to be asked again. Never the token itself. */
struct tokens_pass {
    bool given; /* else nobody asks for it, and nothing below means anything */
    unsigned scope;
    struct digest digest;
    uint64_t edition; /* of the lines in which it was found last */
    int64_t until_ms; /* there; INT64_MIN: it was not among them */
};

/* The pass of a token that was good for `scope`. */
void tokens_pass_of(struct tokens *tokens, struct text token, unsigned scope,
                    struct tokens_pass *ret_pass);

/* Whether it is good still. Looks through the lines only where they were replaced since. */
bool tokens_pass_holds(struct tokens *tokens, struct tokens_pass *pass, int64_t now_ms);

/* The scopes of a list with commas, 0 where it is none: unknown words, empty, twice. */
unsigned tokens_parse_scopes(struct text list);

/* The word of a scope. */
const char *tokens_scope_name(enum token_scope scope);

#endif
