/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /livez and /readyz, for load balancers and supervisors: the status is the message. `verbose`
 * adds what was looked at, for people: each check with its words.
 *
 * /livez asks whether threads move, and nothing else: a restart helps against a thread that hangs,
 * and against nothing that Kafka, the disk or a client does.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/call.h"
#include "api/counters.h"
#include "api/query.h"
#include "api/text.h"

enum { CHECKS_MAX = 8, HEALTH_BYTES_MAX = 16384 };

struct check {
    const char *name;
    bool ok;
    bool counts; /* else it is told for information and decides nothing */
    char words[416];
};

struct health {
    struct service_facts facts;
    bool verbose;
    size_t checks_count;
    struct check checks[CHECKS_MAX];
};

static void add_check(struct health *health, const char *name, bool ok, bool counts,
                      const char *format, ...) CTR_PRINTF(5, 6);

static void add_check(struct health *health, const char *name, bool ok, bool counts,
                      const char *format, ...)
{
    struct check *check = &health->checks[health->checks_count];
    va_list arguments;

    CTR_ASSERT(health->checks_count < CHECKS_MAX);
    *check = (struct check){.name = name, .ok = ok, .counts = counts};
    va_start(arguments, format);
    (void)vsnprintf(check->words, sizeof check->words, format, arguments);
    va_end(arguments);
    health->checks_count++;
}

/* ---- the request ---------------------------------------------------------------------------- */

/* "verbose" alone, as everybody writes it, means verbose=true. */
static enum ctr_status read_request(const struct api_call *call, struct health *ret_health,
                                    struct problem *ret_problem)
{
    static const char *const names[] = {"verbose", NULL};
    struct query query;
    bool bare = text_equals(call->arguments, "verbose");
    char quoted[TEXT_QUOTE_BYTES];
    enum ctr_status status =
        bare ? CTR_OK : query_parse(call->arguments, names, &query, ret_problem);

    memset(ret_health, 0, sizeof *ret_health);
    if (status != CTR_OK)
        return status;
    ret_health->verbose = bare || text_equals(query.values[0], "true");
    if (!ret_health->verbose && query.values[0].length > 0 &&
        !text_equals(query.values[0], "false")) {
        text_quote(query.values[0], quoted);
        return problem_set(ret_problem, PROBLEM_ARGUMENT,
                           "The argument verbose must be true or false, not %s.", quoted);
    }
    call->context->facts(call->context->facts_owner, &ret_health->facts);
    return CTR_OK;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void write_checks(struct writer *writer, const struct health *health)
{
    writer_key(writer, "checks");
    writer_open(writer, '[');
    for (size_t i = 0; i < health->checks_count; i++) {
        const struct check *check = &health->checks[i];

        writer_open(writer, '{');
        writer_key(writer, "name");
        writer_string(writer, check->name);
        writer_key(writer, "ok");
        writer_bool(writer, check->ok);
        writer_key(writer, "counts");
        writer_bool(writer, check->counts);
        writer_key(writer, "words");
        writer_repaired(writer, check->words);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
}

/* Static, because a probe must be answered even when there is no memory for it. */
static void respond_ok(struct api_response *ret_response)
{
    static const char body[] = "ok\n";

    *ret_response = (struct api_response){
        .status = 200,
        .content_type = "text/plain; charset=utf-8",
        .cache_control = ANSWER_CACHE_NEVER,
        .body_static = body,
        .body_length = sizeof body - 1,
    };
}

/* The first check that counts and fails is the answer. */
static enum ctr_status respond(const struct health *health, enum problem_kind kind,
                               struct api_response *ret_response, struct problem *ret_problem)
{
    const struct check *failed = NULL;
    struct writer writer;

    for (size_t i = 0; failed == NULL && i < health->checks_count; i++) {
        if (health->checks[i].counts && !health->checks[i].ok)
            failed = &health->checks[i];
    }
    if (failed != NULL)
        (void)problem_set(ret_problem, kind, "%s", failed->words);
    if (!health->verbose && failed != NULL)
        return CTR_INVALID;
    if (!health->verbose) {
        respond_ok(ret_response);
        return CTR_OK;
    }
    writer_init(&writer, HEALTH_BYTES_MAX);
    if (failed != NULL) {
        problem_open(&writer, ret_problem);
        write_checks(&writer, health);
        problem_close(&writer, ret_problem, ret_response);
        return CTR_OK;
    }
    writer_open(&writer, '{');
    writer_key(&writer, "ok");
    writer_bool(&writer, true);
    write_checks(&writer, health);
    writer_close(&writer, '}');
    answer_respond(&writer, ANSWER_CACHE_NEVER, ret_response);
    return CTR_OK;
}

/* ---- /livez --------------------------------------------------------------------------------- */

static void check_thread(struct health *health, const char *thread, int64_t silent_ms)
{
    if (silent_ms < BEATS_LIMIT_MS)
        add_check(health, thread, true, true, "moved %" PRId64 " ms ago", silent_ms);
    else
        add_check(health, thread, false, true,
                  "The thread %s has not moved for %" PRId64 " s; restart the process.", thread,
                  silent_ms / 1000);
}

/* An HTTP thread without a request has nothing to show: what is seen is one that does not come back
 * from answering. */
static void check_http(struct health *health, const struct api_call *call)
{
    int64_t busy_ms = call->context->http == NULL
                          ? 0
                          : http_counters_busy_ms(call->context->http, call->request->mono_ms);

    if (busy_ms < BEATS_LIMIT_MS)
        add_check(health, "http", true, true,
                  "no thread has been answering one request for a minute");
    else
        add_check(health, "http", false, true,
                  "A thread has been answering one request for %" PRId64 " s; restart the process.",
                  busy_ms / 1000);
}

enum ctr_status health_get_live(const struct api_call *call, struct api_response *ret_response,
                                struct problem *ret_problem)
{
    struct health health;
    enum ctr_status status = read_request(call, &health, ret_problem);

    if (status != CTR_OK)
        return status;
    for (size_t i = 0; i < health.facts.beats_count; i++)
        check_thread(&health, health.facts.beats[i].thread, health.facts.beats[i].silent_ms);
    check_http(&health, call);
    if (!health.facts.alive)
        add_check(&health, "threads", false, true,
                  "A thread has not moved for too long; restart the process.");
    return respond(&health, PROBLEM_NOT_ALIVE, ret_response, ret_problem);
}

/* ---- /readyz -------------------------------------------------------------------------------- */

enum ctr_status health_get_ready(const struct api_call *call, struct api_response *ret_response,
                                 struct problem *ret_problem)
{
    struct health health;
    const struct service_facts *facts = &health.facts;
    enum ctr_status status = read_request(call, &health, ret_problem);
    bool drains;
    bool caught_up;

    if (status != CTR_OK)
        return status;
    drains = facts->draining;
    caught_up = facts->ready || drains; /* whoever drains is not asked */
    add_check(&health, "serving", !drains, true, "%s",
              drains ? "The process is shutting down." : "not shutting down");
    add_check(&health, "caught_up", caught_up, true, "%s",
              caught_up ? "it was close enough to now once, or ready_timeout has passed"
                        : "The process has not caught up with its topics yet.");
    add_check(&health, "source",
              facts->source_error[0] == '\0' || strcmp(facts->source_state, "reading") == 0, false,
              "%s%s%s", facts->source_state, facts->source_error[0] == '\0' ? "" : ": ",
              facts->source_error);
    add_check(&health, "snapshot", facts->persisting, false, "%s",
              facts->persisting ? "the last attempt went well" : facts->snapshot_error);
    return respond(&health, PROBLEM_NOT_READY, ret_response, ret_problem);
}
