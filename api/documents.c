/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /openapi.yaml, the contract, and GET /docs, the same for people. A page that needs nothing
 * from anywhere, which its policy holds it to: one style, known by its hash, and no script.
 * GET / and /dashboard/{name}: the dashboard, and the overlay for other pages. The policy of these
 * pages lets them load their own files, ask this service, and nothing else.
 */
#include "api/documents.h"

#include <string.h>

#include "api/call.h"
#include "api/etag.h"
#include "api/query.h"
#include "api/text.h"

/* Of another version after an upgrade at the latest when it is this old. */
#define CACHE_DOCUMENTS "public, max-age=300"
/* The hash is that of the style in docs/api.html; tests/contract says when it is not. */
#define POLICY_DOCUMENTS                                                                           \
    "default-src 'none'; style-src 'sha256-+FHMBvdpkg6KqRlJhkdAXFTMiZxm6SdP2CTJ7XFUZCg='; "        \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

#define POLICY_DASHBOARD                                                                           \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "        \
    "'self'; "                                                                                     \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
/* Asked about each time, because the files of two versions must not meet in one page. */
#define CACHE_DASHBOARD "no-cache"

struct document {
    const unsigned char *bytes;
    size_t length;
    const char *content_type, *policy, *cache;
};

static enum ctr_status answer(const struct api_call *call, const struct document *document,
                              struct api_response *ret_response, struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    const char *bytes = (const char *)document->bytes;
    struct query query;
    struct etag etag;
    enum ctr_status status = query_parse(call->arguments, none, &query, ret_problem);

    if (status != CTR_OK)
        return status;
    etag_of_bytes(&etag, bytes, document->length);
    if (etag_holds(&etag, call, document->cache, ret_response))
        return CTR_OK;
    *ret_response = (struct api_response){
        .status = 200,
        .content_type = document->content_type,
        .cache_control = document->cache,
        .policy = document->policy,
        .body_static = bytes,
        .body_length = document->length,
    };
    etag_sign(&etag, call, ret_response);
    return CTR_OK;
}

enum ctr_status documents_get_openapi(const struct api_call *call,
                                      struct api_response *ret_response,
                                      struct problem *ret_problem)
{
    const struct document document = {documents_openapi, documents_openapi_length,
                                      "application/yaml", NULL, CACHE_DOCUMENTS};

    return answer(call, &document, ret_response, ret_problem);
}

enum ctr_status documents_get_page(const struct api_call *call, struct api_response *ret_response,
                                   struct problem *ret_problem)
{
    const struct document document = {documents_page, documents_page_length,
                                      "text/html; charset=utf-8", POLICY_DOCUMENTS,
                                      CACHE_DOCUMENTS};

    return answer(call, &document, ret_response, ret_problem);
}

static const char index_name[] = "index.html";

static bool is_page(const struct document_file *file)
{
    return strncmp(file->content_type, "text/html", 9) == 0;
}

static enum ctr_status answer_file(const struct api_call *call, struct text name,
                                   struct api_response *ret_response, struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    for (size_t i = 0; i < documents_dashboard_count; i++) {
        const struct document_file *file = &documents_dashboard[i];
        const struct document document = {file->bytes, file->length, file->content_type,
                                          is_page(file) ? POLICY_DASHBOARD : NULL, CACHE_DASHBOARD};

        if (text_equals(name, file->name))
            return answer(call, &document, ret_response, ret_problem);
    }
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_NOT_FOUND, "The dashboard has no file %s.", quoted);
}

enum ctr_status documents_get_dashboard(const struct api_call *call,
                                        struct api_response *ret_response,
                                        struct problem *ret_problem)
{
    return answer_file(call, text_of(index_name), ret_response, ret_problem);
}

/* The page itself is `/` alone. */
enum ctr_status documents_get_asset(const struct api_call *call, struct api_response *ret_response,
                                    struct problem *ret_problem)
{
    struct target target = target_split(call->request->target);
    char path[QUERY_PATH_BYTES_MAX];
    struct text name;
    enum ctr_status status = target_path(&target, path, ret_problem);

    if (status != CTR_OK)
        return status;
    name = text_of(strrchr(path, '/') + 1); /* the route has one */
    if (text_equals(name, index_name))
        name = text_of("");
    return answer_file(call, name, ret_response, ret_problem);
}
