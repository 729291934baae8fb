/* SPDX-License-Identifier: Apache-2.0 */
#include "api/auth.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "api/answer.h"
#include "api/text.h"
#include "api/tokens.h"

#define REALM "Bearer realm=\"livectr\""

/* The first row that fits. A new path under /v1 is readable with read, everything else is open. */
static const struct rule {
    const char *begin;
    unsigned scope;
} rules[] = {
    {"/v1/stream", TOKEN_STREAM},
    {"/v1/export", TOKEN_EXPORT},
    {"/v1/", TOKEN_READ},
    {"/metrics", TOKEN_ADMIN},
};

unsigned auth_scope(const char *path)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(path, rules[i].begin, strlen(rules[i].begin)) == 0)
            return rules[i].scope;
    }
    return 0;
}

/* The token of "Bearer TOKEN"; length 0: there is none. */
static struct text read_bearer(const char *header)
{
    static const char scheme[] = "Bearer ";
    struct text token;

    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return (struct text){"", 0};
    header += sizeof scheme - 1;
    token = text_of(header + strspn(header, " "));
    while (token.length > 0 && token.bytes[token.length - 1] == ' ')
        token.length--;
    return token;
}

static enum ctr_status refuse_token(const char *path, enum token_scope scope, const char *why,
                                    const char *challenge, struct problem *ret_problem)
{
    (void)problem_set(ret_problem, PROBLEM_TOKEN,
                      "%s: %s is answered to bearer tokens with the scope %s (Authorization: "
                      "Bearer TOKEN).",
                      why, path, tokens_scope_name(scope));
    ret_problem->challenge = challenge;
    return CTR_INVALID;
}

static enum ctr_status refuse_scope(const char *path, enum token_scope scope,
                                    struct problem *ret_problem)
{
    static const char *const challenges[TOKEN_SCOPES] = {
        REALM ", error=\"insufficient_scope\", scope=\"read\"",
        REALM ", error=\"insufficient_scope\", scope=\"stream\"",
        REALM ", error=\"insufficient_scope\", scope=\"export\"",
        REALM ", error=\"insufficient_scope\", scope=\"admin\""};
    size_t index = 0;

    while (index + 1 < TOKEN_SCOPES && (1U << index) != (unsigned)scope)
        index++;
    (void)problem_set(ret_problem, PROBLEM_SCOPE, "The token is good, but %s wants the scope %s.",
                      path, tokens_scope_name(scope));
    ret_problem->challenge = challenges[index];
    return CTR_INVALID;
}

enum ctr_status auth_check(const struct api_context *context, bool admin,
                           const struct api_request *request, const char *path,
                           struct problem *ret_problem)
{
    enum token_scope scope = (enum token_scope)auth_scope(path);
    enum tokens_verdict verdict;
    struct text token;
    unsigned scopes;

    if (context->tokens == NULL || (unsigned)scope == 0 || (admin && context->admin_open))
        return CTR_OK;
    token = read_bearer(request->authorization);
    /* RFC 6750, 3.1: to whom shows no token, no error is named. */
    if (token.length == 0)
        return refuse_token(path, scope, "There is no bearer token", REALM, ret_problem);
    verdict = tokens_find(context->tokens, token, request->now_ms, &scopes);
    if (verdict != TOKENS_KNOWN)
        return refuse_token(path, scope,
                            verdict == TOKENS_EXPIRED ? "The token has expired"
                                                      : "The token is not known",
                            REALM ", error=\"invalid_token\"", ret_problem);
    return (scopes & (unsigned)scope) != 0 ? CTR_OK : refuse_scope(path, scope, ret_problem);
}

void auth_pass(const struct api_context *context, const struct api_request *request, unsigned scope,
               struct tokens_pass *ret_pass)
{
    *ret_pass = (struct tokens_pass){.given = false};
    if (context->tokens != NULL)
        tokens_pass_of(context->tokens, read_bearer(request->authorization), scope, ret_pass);
}

void auth_keep_private(const struct api_context *context, struct api_response *response)
{
    const char *cache = response->cache_control;

    if (context->tokens == NULL || cache == NULL || strncmp(cache, "public", 6) != 0)
        return;
    /* Some caches, nginx among them, do not look at Authorization: leaving public out is not
     * enough.
     */
    response->cache_control =
        strcmp(cache, ANSWER_CACHE_NUMBERS) == 0 ? ANSWER_CACHE_PRIVATE : "private";
}
