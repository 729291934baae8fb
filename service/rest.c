/* SPDX-License-Identifier: Apache-2.0 */
#include "service/rest.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_BYTES = 512, URL_BYTES = 1024, FILES_MAX = 4 };
#define URL_PRESET "http://127.0.0.1:8080"

struct rest {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    bool added; /* easy is in multi: a request is under way */
    char url[URL_BYTES];
    char target[URL_BYTES + REST_TARGET_BYTES];
    char error[CURL_ERROR_SIZE];
    char *body;
    size_t length;
    bool too_long;
    struct rest_answer answer;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *owner)
{
    struct rest *rest = owner;
    size_t added = size * count;
    char *body = NULL;

    if (added > REST_ANSWER_BYTES_MAX - rest->length) {
        rest->too_long = true;
        return 0; /* libcurl gives it up */
    }
    body = realloc(rest->body, rest->length + added + 1);
    if (body == NULL) {
        return 0;
    }
    rest->body = body;
    memcpy(body + rest->length, bytes, added);
    rest->length += added;
    body[rest->length] = '\0';
    return added;
}

/* The first line of a file. */
static enum ctr_status read_token(const char *path, char *ret_token, struct ctr_error *reterr)
{
    FILE *file = fopen(path, "re");
    enum ctr_status status = CTR_OK;

    if (file == NULL) {
        return ctr_fail(reterr, CTR_IO, "--token-file %.200s: %s", path, strerror(errno));
    }
    if (fgets(ret_token, TOKEN_BYTES, file) == NULL) {
        status = ctr_fail(reterr, CTR_INVALID, "--token-file %.200s: it is empty", path);
    }
    (void)fclose(file);
    return status;
}

static enum ctr_status set_token(struct rest *rest, const char *path, struct ctr_error *reterr)
{
    const char *given = getenv("LIVECTR_BEARER");
    char token[TOKEN_BYTES] = "";
    char header[TOKEN_BYTES + 32];

    if (path != NULL) {
        enum ctr_status status = read_token(path, token, reterr);

        if (status != CTR_OK) {
            return status;
        }
    } else if (given != NULL) {
        (void)snprintf(token, sizeof token, "%s", given);
    }
    token[strcspn(token, " \t\r\n")] = '\0';
    if (token[0] == '\0') {
        return path == NULL ? CTR_OK
                            : ctr_fail(reterr, CTR_INVALID,
                                       "--token-file %.200s: no token in its "
                                       "first line",
                                       path);
    }
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s", token);
    rest->headers = curl_slist_append(NULL, header);
    return rest->headers == NULL ? ctr_fail(reterr, CTR_NO_MEMORY, "out of memory") : CTR_OK;
}

static enum ctr_status set_url(struct rest *rest, const char *url, struct ctr_error *reterr)
{
    const char *given = getenv("LIVECTR_URL");
    size_t length = 0;

    if (url == NULL) {
        url = given == NULL || *given == '\0' ? URL_PRESET : given;
    }
    length = strlen(url);
    while (length > 0 && url[length - 1] == '/') {
        length--;
    }
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || length < 8 ||
        length >= sizeof rest->url || strpbrk(url, "?# ") != NULL) {
        return ctr_fail(reterr, CTR_INVALID,
                        "the URL \"%.200s\" must be like http://127.0.0.1:8080 or "
                        "https://ctr.example",
                        url);
    }
    memcpy(rest->url, url, length);
    rest->url[length] = '\0';
    return CTR_OK;
}

static bool set_options(struct rest *rest, const struct rest_options *options)
{
    CURL *easy = rest->easy;
    const char *ca_file = options->ca_file;

    return curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "livectr/" LIVECTR_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, rest->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, rest->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, rest) == CURLE_OK &&
           (ca_file == NULL || curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK);
}

enum ctr_status rest_open(const struct rest_options *options, struct rest **ret_rest,
                          struct ctr_error *reterr)
{
    struct rest *rest = calloc(1, sizeof *rest);
    enum ctr_status status = CTR_OK;

    *ret_rest = NULL;
    if (rest == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(rest);
        return ctr_fail(reterr, CTR_NO_MEMORY, "libcurl cannot begin");
    }
    status = set_url(rest, options->url, reterr);
    if (status == CTR_OK) {
        status = set_token(rest, options->token_file, reterr);
    }
    if (status == CTR_OK) {
        rest->multi = curl_multi_init();
        rest->easy = curl_easy_init();
        if (rest->multi == NULL || rest->easy == NULL || !set_options(rest, options)) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "libcurl cannot begin");
        }
    }
    if (status != CTR_OK) {
        rest_close(rest);
        return status;
    }
    *ret_rest = rest;
    return CTR_OK;
}

static void give_up(struct rest *rest)
{
    if (rest->added) {
        (void)curl_multi_remove_handle(rest->multi, rest->easy);
        rest->added = false;
    }
}

void rest_close(struct rest *rest)
{
    if (rest == NULL) {
        return;
    }
    give_up(rest);
    curl_easy_cleanup(rest->easy);
    (void)curl_multi_cleanup(rest->multi);
    curl_slist_free_all(rest->headers);
    free(rest->body);
    free(rest);
}

const char *rest_url(const struct rest *rest)
{
    return rest->url;
}

/* ---- targets -----------------------------------------------------------------------------------
 */

static void add_text(struct rest_target *target, const char *text)
{
    size_t length = strlen(text);

    if (length >= sizeof target->text - target->length) {
        target->failed = true;
        return;
    }
    memcpy(target->text + target->length, text, length + 1);
    target->length += length;
}

void rest_target_begin(struct rest_target *target, const char *path)
{
    target->length = 0;
    target->failed = false;
    add_text(target, path);
}

void rest_target_add(struct rest *rest, struct rest_target *target, const char *name,
                     const char *value)
{
    char *escaped = NULL;

    if (value == NULL) {
        return;
    }
    /* libcurl takes a length of 0 for "until its end". */
    escaped = curl_easy_escape(rest->easy, value, 0);
    add_text(target, strchr(target->text, '?') == NULL ? "?" : "&");
    add_text(target, name);
    add_text(target, "=");
    if (escaped == NULL) {
        target->failed = true;
    } else {
        add_text(target, escaped);
    }
    curl_free(escaped);
}

/* ---- one request -------------------------------------------------------------------------------
 */

enum ctr_status rest_begin(struct rest *rest, const struct rest_target *target,
                           struct ctr_error *reterr)
{
    size_t length = 0;

    give_up(rest);
    rest->length = 0;
    rest->too_long = false;
    rest->error[0] = '\0';
    rest->answer = (struct rest_answer){.body = "", .trouble = ""};
    if (target->failed) {
        return ctr_fail(reterr, CTR_INVALID, "the ids are too long to be asked for");
    }
    length = strlen(rest->url);
    memcpy(rest->target, rest->url, length);
    memcpy(rest->target + length, target->text, target->length + 1);
    if (curl_easy_setopt(rest->easy, CURLOPT_URL, rest->target) != CURLE_OK ||
        curl_multi_add_handle(rest->multi, rest->easy) != CURLM_OK) {
        return ctr_fail(reterr, CTR_IO, "libcurl does not take the request");
    }
    rest->added = true;
    return CTR_OK;
}

static void take_answer(struct rest *rest, CURLcode code)
{
    long status = 0;

    (void)curl_easy_getinfo(rest->easy, CURLINFO_RESPONSE_CODE, &status);
    give_up(rest);
    rest->answer = (struct rest_answer){.body = "", .trouble = ""};
    if (code == CURLE_OK) {
        rest->answer.reached = true;
        rest->answer.status = (int)status;
        rest->answer.body = rest->length == 0 ? "" : rest->body;
        rest->answer.length = rest->length;
    } else if (rest->too_long) {
        rest->answer.trouble = "the answer is longer than 16 MB";
    } else {
        rest->answer.trouble = rest->error[0] == '\0' ? curl_easy_strerror(code) : rest->error;
    }
}

/* Whether the request has come to an end. */
static bool look(struct rest *rest)
{
    int running = 0, left = 0;
    const CURLMsg *message = NULL;

    (void)curl_multi_perform(rest->multi, &running);
    while ((message = curl_multi_info_read(rest->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            take_answer(rest, message->data.result);
            return true;
        }
    }
    return false;
}

bool rest_wait(struct rest *rest, const int *files, size_t files_count, int64_t wait_ms)
{
    struct curl_waitfd waited[FILES_MAX] = {{.fd = -1}};

    CTR_ASSERT(files_count <= FILES_MAX);
    if (look(rest)) {
        return true;
    }
    for (size_t i = 0; i < files_count; i++) {
        waited[i] = (struct curl_waitfd){.fd = files[i], .events = CURL_WAIT_POLLIN};
    }
    (void)curl_multi_poll(rest->multi, waited, (unsigned)files_count, (int)wait_ms, NULL);
    return look(rest);
}

struct rest_answer rest_answer(const struct rest *rest)
{
    return rest->answer;
}
