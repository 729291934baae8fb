/* SPDX-License-Identifier: Apache-2.0
 *
 * The three doors of the settings, later ones winning: a file, the environment, the command line.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config.h"
#include "service/config_table.h"

enum { LINE_BYTES = 4096, NAME_BYTES = 160, WHERE_BYTES = 320 };
#define ENVIRONMENT_PREFIX "LIVECTR_"

static char *trim(char *text)
{
    size_t length = 0;

    text += strspn(text, " \t\r\n");
    length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
        length--;
    }
    text[length] = '\0';
    return text;
}

/* ---- file ---------------------------------------------------------------------------------- */

static enum ctr_status load_line(struct config *config, char *line, const char *where,
                                 struct ctr_error *reterr)
{
    char *text = trim(line);
    char *equals = strchr(text, '=');

    if (*text == '\0' || *text == '#') {
        return CTR_OK;
    }
    if (equals == NULL) {
        return ctr_fail(reterr, CTR_INVALID, "%s: \"%.60s\" is no setting; write key = value",
                        where, text);
    }
    *equals = '\0';
    return config_set(config, trim(text), trim(equals + 1), where, reterr);
}

static enum ctr_status load_file(struct config *config, const char *path, struct ctr_error *reterr)
{
    FILE *file = fopen(path, "re");
    char line[LINE_BYTES];
    char where[WHERE_BYTES];
    enum ctr_status status = CTR_OK;

    if (file == NULL) {
        return ctr_fail(reterr, CTR_IO, "--config %.200s: %s", path, strerror(errno));
    }
    for (int number = 1; status == CTR_OK && fgets(line, sizeof line, file) != NULL; number++) {
        (void)snprintf(where, sizeof where, "%.200s:%d", path, number);
        if (strlen(line) == sizeof line - 1) {
            status = ctr_fail(reterr, CTR_INVALID, "%s: the line is longer than %d bytes", where,
                              (int)LINE_BYTES - 2);
        } else {
            status = load_line(config, line, where, reterr);
        }
    }
    if (status == CTR_OK && ferror(file) != 0) {
        status = ctr_fail(reterr, CTR_IO, "--config %.200s: cannot be read", path);
    }
    (void)fclose(file);
    return status;
}

/* ---- environment --------------------------------------------------------------------------- */

/* LIVECTR_DATA_DIR is data_dir, LIVECTR_KAFKA_SASL_USERNAME is kafka.sasl.username. */
static enum ctr_status load_variable(struct config *config, const char *variable,
                                     struct ctr_error *reterr)
{
    char name[NAME_BYTES];
    char where[NAME_BYTES + 16];
    const char *equals = strchr(variable, '=');
    size_t prefix = strlen(ENVIRONMENT_PREFIX);
    size_t length = equals == NULL ? 0 : (size_t)(equals - variable);
    bool kafka = false;

    if (length <= prefix || length - prefix >= sizeof name) {
        return CTR_OK;
    }
    (void)snprintf(where, sizeof where, "%.*s", (int)length, variable);
    if (strcmp(where, ENVIRONMENT_PREFIX "CONFIG") == 0 ||
        strcmp(where, ENVIRONMENT_PREFIX "URL") == 0 ||
        strcmp(where, ENVIRONMENT_PREFIX "BEARER") == 0) {
        return CTR_OK; /* the file's own name was read before; the others are of get and top */
    }
    kafka = strncmp(variable + prefix, "KAFKA_", 6) == 0;
    for (size_t i = 0; i < length - prefix; i++) {
        char byte = variable[prefix + i];

        name[i] = kafka && byte == '_' ? '.' : (char)tolower((unsigned char)byte);
    }
    name[length - prefix] = '\0';
    return config_set(config, name, equals + 1, where, reterr);
}

static enum ctr_status load_environment(struct config *config, char **environment,
                                        struct ctr_error *reterr)
{
    for (char **at = environment; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) == 0) {
            enum ctr_status status = load_variable(config, *at, reterr);

            if (status != CTR_OK) {
                return status;
            }
        }
    }
    return CTR_OK;
}

/* ---- command line -------------------------------------------------------------------------- */

struct flag {
    char name[NAME_BYTES];
    const char *value;
    int used; /* arguments it took */
};

/* --key value or --key=value; dashes stand for underscores, but not in kafka.* names. */
static enum ctr_status read_flag(int argc, char **argv, struct flag *ret_flag,
                                 struct ctr_error *reterr)
{
    const char *text = argv[0];
    size_t length = strcspn(text, "=");

    if (strncmp(text, "--", 2) != 0 || length < 3 || length - 2 >= sizeof ret_flag->name) {
        return ctr_fail(reterr, CTR_INVALID,
                        "\"%.60s\" is no setting; write --key value (livectr serve --help lists "
                        "all)",
                        text);
    }
    memcpy(ret_flag->name, text + 2, length - 2);
    ret_flag->name[length - 2] = '\0';
    for (char *at = ret_flag->name; strncmp(ret_flag->name, "kafka.", 6) != 0 && *at != '\0';
         at++) {
        *at = *at == '-' ? '_' : *at;
    }
    ret_flag->value = text[length] == '=' ? text + length + 1 : argv[1];
    ret_flag->used = text[length] == '=' ? 1 : 2;
    if (argc < ret_flag->used) {
        return ctr_fail(reterr, CTR_INVALID, "--%.60s wants a value", text + 2);
    }
    return CTR_OK;
}

/* Every flag but --config, or only that one. */
static enum ctr_status load_flags(struct config *config, int argc, char **argv,
                                  const char **ret_file, struct ctr_error *reterr)
{
    for (int i = 0; i < argc;) {
        struct flag flag;
        enum ctr_status status = read_flag(argc - i, argv + i, &flag, reterr);
        bool is_file = status == CTR_OK && strcmp(flag.name, "config") == 0;

        if (status == CTR_OK && is_file && ret_file != NULL) {
            *ret_file = flag.value;
        } else if (status == CTR_OK && !is_file && ret_file == NULL) {
            char where[NAME_BYTES + 2];

            (void)snprintf(where, sizeof where, "--%s", flag.name);
            status = config_set(config, flag.name, flag.value, where, reterr);
        }
        if (status != CTR_OK) {
            return status;
        }
        i += flag.used;
    }
    return CTR_OK;
}

static const char *environment_file(char **environment)
{
    const char *name = ENVIRONMENT_PREFIX "CONFIG=";

    for (char **at = environment; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, name, strlen(name)) == 0) {
            return *at + strlen(name);
        }
    }
    return NULL;
}

enum ctr_status config_read(int argc, char **argv, char **environment, struct config *ret_config,
                            struct ctr_error *reterr)
{
    const char *file = environment_file(environment);
    enum ctr_status status = CTR_OK;

    config_defaults(ret_config);
    status = load_flags(ret_config, argc, argv, &file, reterr);
    if (status == CTR_OK && file != NULL) {
        status = load_file(ret_config, file, reterr);
    }
    if (status == CTR_OK) {
        status = load_environment(ret_config, environment, reterr);
    }
    if (status == CTR_OK) {
        status = load_flags(ret_config, argc, argv, NULL, reterr);
    }
    return status;
}

enum ctr_status config_load(int argc, char **argv, char **environment, struct config *ret_config,
                            struct ctr_error *reterr)
{
    enum ctr_status status = config_read(argc, argv, environment, ret_config, reterr);

    return status == CTR_OK ? config_check(ret_config, reterr) : status;
}
