/* SPDX-License-Identifier: Apache-2.0 */
#include "service/serve.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/counters.h"
#include "api/http.h"
#include "api/state.h"
#include "service/access_log.h"
#include "service/checkpointer.h"
#include "service/clock.h"
#include "service/descriptors.h"
#include "service/desk.h"
#include "service/ending.h"
#include "service/engine.h"
#include "service/facts.h"
#include "service/flows.h"
#include "service/gate.h"
#include "service/kafka/consumer.h"
#include "service/lock.h"
#include "service/log.h"
#include "service/process.h"
#include "service/rss.h"
#include "service/scout.h"
#include "service/state.h"
#include "storage/fault_point.h"
#include "storage/moment.h"

enum {
    STOP_MS = 24000, /* of CONTRACT 24's 25 s */
    ANSWERS_STOP_MS = 2000,
    ACCESS_LOG_STOP_MS = 500,
    SNAPSHOT_STOP_MS = 8000,
    SOURCE_STOP_MS = 3000
};

struct server {
    struct config config;
    struct api_context context;
    struct http_counters counters;
    struct access_log *access_log; /* NULL: off */
    struct engine *main;           /* the one that is saved */
    struct scout *_Atomic scout;   /* NULL: not yet, or there never is one */
    struct desk desk;
    struct checkpointer *checkpointer;
    struct gate *gate;
    struct http_server *http, *admin;
    struct ending *ending;
    int lock; /* of data_dir */
    uint32_t connections_max, admin_connections_max;
    bool restored;
    _Atomic bool ready;
    int64_t started_ms;
    _Atomic bool draining;
};

/* ---- facts for the API --------------------------------------------------------------------- */

/* Once ready it stays so. */
static bool is_ready(struct server *server)
{
    const struct pipeline *pipeline = engine_pipeline(server->main);

    if ((pipeline != NULL && pipeline_ready(pipeline)) ||
        scout_answers(atomic_load(&server->scout))) {
        atomic_store(&server->ready, true);
    }
    return atomic_load(&server->ready);
}

/* Thread: any. */
static void facts(void *owner, struct service_facts *ret_facts)
{
    struct server *server = owner;
    struct scout *scout = atomic_load(&server->scout);

    memset(ret_facts, 0, sizeof *ret_facts);
    ret_facts->draining = atomic_load(&server->draining);
    ret_facts->ready = !ret_facts->draining && is_ready(server);
    facts_read_beats(server->main, scout, clock_mono_ms(), ret_facts);
    scout_facts(scout, &ret_facts->backfill, &ret_facts->handovers);
    ret_facts->started_ms = server->started_ms;
    ret_facts->memory_max_bytes = server->config.memory_max_bytes;
    ret_facts->resident_bytes = rss_bytes();
    facts_read_snapshot(server->checkpointer, ret_facts);
    facts_read_source(server->main, ret_facts);
    gate_facts(server->gate, &ret_facts->doors);
}

/* Thread: any. */
static void details(void *owner, struct service_details *ret_details)
{
    process_read(&ret_details->process);
    engine_statistics(((struct server *)owner)->main, &ret_details->kafka);
}

/* Thread: any. */
static struct store *take_store(void *owner)
{
    return desk_take(&((struct server *)owner)->desk);
}

/* Thread: any. */
static void give_store(void *owner, struct store *store)
{
    desk_give(&((struct server *)owner)->desk, store);
}

/* Thread: any. */
static enum ctr_status read_history(void *owner, const struct api_history_question *question,
                                    struct api_history *ret_history)
{
    return facts_read_history(((struct server *)owner)->checkpointer, question, ret_history);
}

/* ---- start --------------------------------------------------------------------------------- */

static enum ctr_status start_state(struct server *server, struct ctr_error *reterr)
{
    struct state state;
    enum ctr_status status = state_open(&server->config, &state, reterr);

    server->checkpointer = state.checkpointer;
    server->restored = state.restored;
    server->lock = state.lock;
    if (status == CTR_OK) {
        status = engine_new(&state.store, &server->main, reterr);
    }
    if (status == CTR_OK) {
        desk_init(&server->desk, engine_store(server->main));
    }
    store_free(state.store);
    return status;
}

static enum ctr_status start_listener(struct server *server, bool admin,
                                      struct http_server **ret_http, struct ctr_error *reterr)
{
    const struct config *config = &server->config;
    const struct config_address *address = admin ? &config->admin_listen : &config->listen;
    struct http_options options = {.host = address->host,
                                   .port = address->port,
                                   .admin = admin,
                                   .threads = admin ? 1 : config->http_threads,
                                   .connections_max = admin ? server->admin_connections_max
                                                            : server->connections_max,
                                   .per_address_max = admin ? 0 : config->connections_per_address,
                                   .wait_max_ms = admin ? 0 : config->shed_after_ms,
                                   .context = &server->context,
                                   .tls = gate_tls(server->gate, admin),
                                   .wall_ms = clock_wall_ms,
                                   .mono_ms = clock_mono_ms,
                                   .mono_us = clock_mono_us,
                                   .log = server->access_log == NULL ? NULL : access_log_put,
                                   .log_owner = server->access_log};

    return http_server_start(&options, ret_http, reterr);
}

static enum ctr_status start_access_log(struct server *server, struct ctr_error *reterr)
{
    const struct access_log_options options = {.mode = server->config.access_log,
                                               .format = server->config.access_format,
                                               .query = server->config.access_query,
                                               .sample = server->config.access_sample,
                                               .wall_ms = clock_wall_ms,
                                               .counters = &server->counters};

    return access_log_start(&options, &server->access_log, reterr);
}

static enum ctr_status start_listeners(struct server *server, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    server->context = (struct api_context){.store = engine_store(server->main),
                                           .take = take_store,
                                           .give = give_store,
                                           .desk_owner = server,
                                           .facts = facts,
                                           .facts_owner = server,
                                           .details = details,
                                           .history = read_history,
                                           .history_owner = server,
                                           .keep_minutes_ms = server->config.keep_minutes_ms,
                                           .keep_hours_ms = server->config.keep_hours_ms,
                                           .version = LIVECTR_VERSION,
                                           .instance = (uint64_t)clock_wall_ms(),
                                           .http = &server->counters};
    gate_guard(server->gate, &server->context);
    status = start_access_log(server, reterr);
    if (status == CTR_OK) {
        status = flows_start(&server->context, &server->config, reterr);
    }
    if (status == CTR_OK) {
        status = start_listener(server, false, &server->http, reterr);
    }
    return status == CTR_OK ? start_listener(server, true, &server->admin, reterr) : status;
}

static enum ctr_status start_scout(struct server *server, struct ctr_error *reterr)
{
    const struct scout_options options = {.config = &server->config,
                                          .main = server->main,
                                          .desk = &server->desk,
                                          .open = kafka_source_open,
                                          .wall_ms = clock_wall_ms,
                                          .mono_ms = clock_mono_ms,
                                          .restored = server->restored};

    struct scout *scout = NULL;
    enum ctr_status status = scout_start(&options, &scout, reterr);

    atomic_store(&server->scout, scout);
    return status;
}

static enum ctr_status start_reading(struct server *server, struct ctr_error *reterr)
{
    const struct pipeline_options options = {.name = "main",
                                             .config = &server->config,
                                             .checkpointer = server->checkpointer,
                                             .wall_ms = clock_wall_ms,
                                             .mono_ms = clock_mono_ms,
                                             .restored = server->restored,
                                             .images = true,
                                             .yields = scout_wants_the_machine,
                                             .yields_owner = atomic_load(&server->scout)};

    return engine_start(server->main, kafka_source_open, &options, reterr);
}

/* The listeners before the source: they answer `starting` meanwhile, and a port in use is told
 * before anything was read. */
static enum ctr_status start_all(struct server *server, struct ctr_error *reterr)
{
    const struct gate_options gate = {.config = &server->config, .wall_ms = clock_wall_ms};
    enum ctr_status status = gate_start(&gate, &server->gate, reterr);

    if (status == CTR_OK) {
        status = start_state(server, reterr);
    }
    if (status == CTR_OK) {
        status = start_listeners(server, reterr);
    }
    if (status == CTR_OK) {
        status = start_scout(server, reterr);
    }
    return status == CTR_OK ? start_reading(server, reterr) : status;
}

/* What was read is in the file; the process may end whatever else hangs. */
static void await_save(struct server *server, bool handed_over)
{
    struct checkpointer_health health = {.persisting = true};
    bool saved = handed_over;

    if (server->checkpointer != NULL) {
        saved = checkpointer_wait(server->checkpointer,
                                  (int)ending_left_ms(server->ending, SNAPSHOT_STOP_MS)) &&
                handed_over;
        checkpointer_health(server->checkpointer, &health);
    }
    if (saved && health.persisting) {
        ending_saved(server->ending);
    }
}

/* In the reverse order of the start; parts that were never started are NULL. */
static int free_server(struct server *server)
{
    struct scout *scout = atomic_load(&server->scout);
    struct ending *ending = server->ending;
    int code = 0;

    http_server_stop(server->http);
    http_server_stop(server->admin);
    gate_stop(server->gate);
    access_log_stop(server->access_log, ACCESS_LOG_STOP_MS);
    flows_stop(&server->context);
    FAULT_POINT("stop_http_closed");
    scout_stop(scout);
    await_save(server, engine_stop(server->main));
    FAULT_POINT("stop_saved");
    checkpointer_stop(server->checkpointer, (int)ending_left_ms(ending, SNAPSHOT_STOP_MS));
    lock_release(server->lock);
    if (server->main != NULL) {
        desk_done(&server->desk);
    }
    engine_free(server->main, (int)ending_left_ms(ending, SOURCE_STOP_MS));
    scout_free(scout);
    FAULT_POINT("stop_source_closed");
    code = ending_code(ending);
    ending_free(ending);
    free(server);
    return code;
}

enum ctr_status server_start(const struct config *config, struct server **ret_server,
                             struct ctr_error *reterr)
{
    struct server *server = calloc(1, sizeof *server);
    enum ctr_status status = CTR_OK;

    if (server == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the service");
    }
    server->config = *config;
    server->started_ms = clock_wall_ms();
    server->lock = -1;
    log_set_level(config->log_level);
    descriptors_share(config->connections_max, &server->connections_max,
                      &server->admin_connections_max);
    status = ending_new(&server->ending, reterr);
    if (status != CTR_OK) {
        free(server);
        return status;
    }
    status = start_all(server, reterr);
    if (status != CTR_OK) {
        (void)free_server(server);
        return status;
    }
    *ret_server = server;
    return CTR_OK;
}

uint16_t server_port(const struct server *server)
{
    return http_server_port(server->http);
}

uint16_t server_admin_port(const struct server *server)
{
    return http_server_port(server->admin);
}

struct store *server_store(struct server *server)
{
    return engine_store(server->main);
}

void server_drain(struct server *server)
{
    ending_begin(server->ending, STOP_MS);
    atomic_store(&server->draining, true);
    http_server_drain(server->http);
    http_server_drain(server->admin);
}

int server_stop(struct server *server)
{
    server_drain(server);
    FAULT_POINT("stop_drained");
    http_server_quiesce(server->http);
    http_server_settle(server->http, (int)ending_left_ms(server->ending, ANSWERS_STOP_MS));
    return free_server(server);
}

/* ---- what main asks in between ------------------------------------------------------------- */

bool server_alive(const struct server *server)
{
    return engine_alive(server->main, clock_mono_ms(), BEATS_LIMIT_MS / 2);
}

void server_describe(struct server *server, char *ret_text, size_t text_bytes)
{
    struct store *store = desk_take(&server->desk);
    struct progress progress = store_progress(store);
    int64_t now_ms = clock_wall_ms();

    desk_give(&server->desk, store);
    if (atomic_load(&server->draining)) {
        (void)snprintf(ret_text, text_bytes, "stopping");
    } else if (progress.to_ms == MOMENT_NONE) {
        (void)snprintf(ret_text, text_bytes, "%s", state_name(state_of(&progress, now_ms)));
    } else {
        (void)snprintf(ret_text, text_bytes, "%s, lag %lld ms",
                       state_name(state_of(&progress, now_ms)),
                       (long long)state_lag_ms(&progress, now_ms));
    }
}

void server_reload_files(struct server *server)
{
    gate_reload(server->gate);
}

struct config *server_config(struct server *server)
{
    return &server->config;
}
