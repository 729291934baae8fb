/* SPDX-License-Identifier: Apache-2.0 */
#include "service/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/tokens.h"
#include "service/clock.h"
#include "service/log.h"
#include "storage/cond.h"
#include "storage/moment.h"

enum { LOOK_MS = 1000, FILE_BYTES_MAX = 1048576 };

/* By which a changed file is known. All zero: it is not there. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* A file or two that are read together. */
struct watched {
    const char *paths[2]; /* the second may be NULL; borrowed from the settings */
    enum ctr_status (*load)(struct gate *gate, struct ctr_error *reterr);
    const char *name;     /* in the log */
    struct stamp seen[2]; /* at the last look */
    struct stamp used[2]; /* when it was last read */
    uint64_t failures;
    bool current; /* the last time it was read, all was well */
};

struct gate {
    struct gate_options options;
    bool unguarded;
    struct tokens *tokens; /* NULL: everybody may */
    struct tls *tls;       /* NULL: in the clear */
    pthread_mutex_t mutex; /* guards all below, and reading */
    pthread_cond_t wake;
    size_t tokens_count;
    size_t watched_count;
    struct watched watched[2];
    bool stopping, running;
    pthread_t thread;
};

bool gate_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* ---- files --------------------------------------------------------------------------------- */

/* The whole of a file, malloc'ed. */
static enum ctr_status read_file(const char *setting, const char *path, struct text *ret_text,
                                 struct ctr_error *reterr)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = NULL;
    size_t length = 0;
    ssize_t got = 1;

    if (file < 0) {
        return ctr_fail(reterr, CTR_IO, "%s %.200s: %s", setting, path, strerror(errno));
    }
    bytes = malloc(FILE_BYTES_MAX + 1);
    while (bytes != NULL && got > 0 && length <= FILE_BYTES_MAX) {
        got = read(file, bytes + length, FILE_BYTES_MAX + 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    (void)close(file);
    if (bytes != NULL && got >= 0 && length <= FILE_BYTES_MAX) {
        *ret_text = (struct text){bytes, length};
        return CTR_OK;
    }
    free(bytes);
    if (bytes == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "%s %.200s: no memory", setting, path);
    }
    return ctr_fail(reterr, CTR_IO, "%s %.200s: %s", setting, path,
                    got < 0 ? strerror(errno) : "is longer than a megabyte");
}

static void free_text(struct text text)
{
    free((char *)(uintptr_t)text.bytes);
}

static enum ctr_status load_tokens(struct gate *gate, struct ctr_error *reterr)
{
    const char *path = gate->options.config->tokens;
    struct text text = {NULL, 0};
    enum ctr_status status = read_file("tokens", path, &text, reterr);

    if (status == CTR_OK) {
        status = tokens_replace(gate->tokens, path, text, &gate->tokens_count, reterr);
    }
    free_text(text);
    return status;
}

static enum ctr_status load_tls(struct gate *gate, struct ctr_error *reterr)
{
    const struct tls_names names = {gate->options.config->tls_cert, gate->options.config->tls_key};
    struct text certificate = {NULL, 0};
    struct text key = {NULL, 0};
    enum ctr_status status = read_file("tls_cert", names.certificate, &certificate, reterr);

    if (status == CTR_OK) {
        status = read_file("tls_key", names.key, &key, reterr);
    }
    if (status == CTR_OK) {
        status = tls_replace(gate->tls, &names, certificate, key, gate->options.wall_ms(), reterr);
    }
    free_text(certificate);
    free_text(key);
    return status;
}

/* ---- looking ------------------------------------------------------------------------------- */

static void look(const struct watched *watched, struct stamp ret_stamps[2])
{
    memset(ret_stamps, 0, 2 * sizeof *ret_stamps);
    for (size_t i = 0; i < 2 && watched->paths[i] != NULL; i++) {
        struct stat facts;

        if (stat(watched->paths[i], &facts) == 0) {
            ret_stamps[i].device = facts.st_dev;
            ret_stamps[i].inode = facts.st_ino;
            ret_stamps[i].size = facts.st_size;
            ret_stamps[i].modified = facts.st_mtim;
            ret_stamps[i].changed = facts.st_ctim;
        }
    }
}

static bool same_time(const struct timespec *left, const struct timespec *right)
{
    return left->tv_sec == right->tv_sec && left->tv_nsec == right->tv_nsec;
}

static bool same(const struct stamp left[2], const struct stamp right[2])
{
    bool equal = true;

    for (size_t i = 0; i < 2; i++) {
        equal = equal && left[i].device == right[i].device && left[i].inode == right[i].inode &&
                left[i].size == right[i].size && same_time(&left[i].modified, &right[i].modified) &&
                same_time(&left[i].changed, &right[i].changed);
    }
    return equal;
}

/* With the mutex. The stamps are from before the reading: what changes meanwhile is seen next. */
static enum ctr_status read_again(struct gate *gate, struct watched *watched,
                                  struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    look(watched, watched->seen);
    memcpy(watched->used, watched->seen, sizeof watched->used);
    status = watched->load(gate, reterr);
    watched->current = status == CTR_OK;
    watched->failures += status == CTR_OK ? 0 : 1;
    return status;
}

static void read_and_log(struct gate *gate, struct watched *watched)
{
    struct ctr_error error = {.text = ""};

    if (read_again(gate, watched, &error) == CTR_OK) {
        log_line(LOG_INFO, "file_reloaded", "setting=%s", watched->name);
    } else {
        log_line(LOG_ERROR, "file_refused", "setting=%s error=\"%s\" kept=old", watched->name,
                 error.text);
    }
}

static void look_once(struct gate *gate, struct watched *watched)
{
    struct stamp now[2];
    bool settled = false;

    look(watched, now);
    settled = same(now, watched->seen);
    memcpy(watched->seen, now, sizeof now);
    if (settled && !same(now, watched->used)) {
        read_and_log(gate, watched);
    }
}

static void *run(void *owner)
{
    struct gate *gate = owner;
    int64_t pause_ms = gate->options.look_ms == 0 ? LOOK_MS : gate->options.look_ms;

    (void)pthread_mutex_lock(&gate->mutex);
    while (!gate->stopping) {
        struct timespec until = clock_after_ms(pause_ms);

        while (!gate->stopping &&
               pthread_cond_timedwait(&gate->wake, &gate->mutex, &until) != ETIMEDOUT) {
        }
        for (size_t i = 0; !gate->stopping && i < gate->watched_count; i++) {
            look_once(gate, &gate->watched[i]);
        }
    }
    (void)pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

void gate_reload(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->mutex);
    for (size_t i = 0; i < gate->watched_count; i++) {
        read_and_log(gate, &gate->watched[i]);
    }
    (void)pthread_mutex_unlock(&gate->mutex);
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum ctr_status make_watched(struct gate *gate, struct ctr_error *reterr)
{
    const struct config *config = gate->options.config;

    if (config->tokens[0] != '\0') {
        gate->tokens = tokens_new();
        gate->watched[gate->watched_count++] = (struct watched){
            .paths = {config->tokens, NULL}, .load = load_tokens, .name = "tokens"};
    }
    if (config->tls_cert[0] != '\0') {
        gate->tls = tls_new();
        gate->watched[gate->watched_count++] = (struct watched){
            .paths = {config->tls_cert, config->tls_key}, .load = load_tls, .name = "tls_cert"};
    }
    if ((config->tokens[0] != '\0' && gate->tokens == NULL) ||
        (config->tls_cert[0] != '\0' && gate->tls == NULL)) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for tokens and certificates");
    }
    return CTR_OK;
}

/* Who may come in is said where it may not be what was meant. */
static void say_who(struct gate *gate)
{
    const struct config *config = gate->options.config;

    gate->unguarded = config->tokens[0] == '\0' && !gate_is_loopback(config->listen.host) &&
                      config->open != OPEN_YES;
    if (gate->unguarded) {
        log_line(LOG_WARN, "unguarded",
                 "listen=%s:%u advice=\"everybody who reaches this address may ask everything: set "
                 "tokens, listen on 127.0.0.1, or say open = yes\"",
                 config->listen.host, (unsigned)config->listen.port);
    }
    if (gate->tokens != NULL && gate->tokens_count == 0) {
        log_line(LOG_WARN, "no_tokens", "file=%s advice=\"it holds no token, so nobody may ask\"",
                 config->tokens);
    }
}

enum ctr_status gate_start(const struct gate_options *options, struct gate **ret_gate,
                           struct ctr_error *reterr)
{
    struct gate *gate = calloc(1, sizeof *gate);
    enum ctr_status status = CTR_OK;

    if (gate == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for tokens and certificates");
    }
    gate->options = *options;
    (void)pthread_mutex_init(&gate->mutex, NULL);
    cond_init_monotonic(&gate->wake);
    status = make_watched(gate, reterr);
    for (size_t i = 0; status == CTR_OK && i < gate->watched_count; i++) {
        status = read_again(gate, &gate->watched[i], reterr);
    }
    if (status == CTR_OK && gate->watched_count > 0) {
        gate->running = pthread_create(&gate->thread, NULL, run, gate) == 0;
        if (!gate->running) {
            status = ctr_fail(reterr, CTR_IO, "the thread that looks at files cannot be started");
        }
    }
    if (status != CTR_OK) {
        gate_stop(gate);
        return status;
    }
    say_who(gate);
    *ret_gate = gate;
    return CTR_OK;
}

void gate_stop(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    if (gate->running) {
        (void)pthread_mutex_lock(&gate->mutex);
        gate->stopping = true;
        (void)pthread_cond_signal(&gate->wake);
        (void)pthread_mutex_unlock(&gate->mutex);
        (void)pthread_join(gate->thread, NULL);
    }
    (void)pthread_cond_destroy(&gate->wake);
    (void)pthread_mutex_destroy(&gate->mutex);
    tokens_free(gate->tokens);
    tls_free(gate->tls);
    free(gate);
}

void gate_guard(const struct gate *gate, struct api_context *context)
{
    const struct config *config = gate->options.config;

    context->tokens = gate->tokens;
    context->admin_open = gate_is_loopback(config->admin_listen.host);
    context->cors = &config->cors;
}

struct tls *gate_tls(const struct gate *gate, bool admin)
{
    return admin && gate->options.config->admin_tls != ADMIN_TLS_YES ? NULL : gate->tls;
}

static void add_facts(const struct watched *watched, struct door_facts *facts)
{
    if (watched->load == load_tokens) {
        facts->tokens_failures = watched->failures;
        facts->tokens_current = watched->current;
    } else {
        facts->tls_failures = watched->failures;
        facts->tls_current = watched->current;
    }
}

void gate_facts(struct gate *gate, struct door_facts *ret_facts)
{
    memset(ret_facts, 0, sizeof *ret_facts);
    if (gate == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&gate->mutex);
    ret_facts->unguarded = gate->unguarded;
    ret_facts->tokens_used = gate->tokens != NULL;
    ret_facts->tokens = gate->tokens_count;
    ret_facts->tls_used = gate->tls != NULL;
    ret_facts->tls_expires_ms = gate->tls == NULL ? MOMENT_NONE : tls_expires_ms(gate->tls);
    for (size_t i = 0; i < gate->watched_count; i++) {
        add_facts(&gate->watched[i], ret_facts);
    }
    (void)pthread_mutex_unlock(&gate->mutex);
}
