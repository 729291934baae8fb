/* SPDX-License-Identifier: Apache-2.0
 *
 * What keeps a process in order: settings that are read again, the end within a deadline, one
 * process per folder, log lines that nobody reads.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/config_table.h"
#include "service/ending.h"
#include "service/lock.h"
#include "service/log.h"
#include "service/reload.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/livectr-life-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"livectr.conf", "livectr.lock"};
    char path[96];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* ---- reload -------------------------------------------------------------------------------- */

static char file[96];

static void write_settings(const char *text)
{
    FILE *stream = NULL;

    (void)snprintf(file, sizeof file, "%s/livectr.conf", folder);
    stream = fopen(file, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

#define BASE "brokers = a:1\ntopics = t\n"

static void what_can_change_does_and_the_rest_is_named(void **state)
{
    char *environment[] = {(char[]){"LIVECTR_READY_LAG=7s"}, NULL};
    char *arguments[] = {(char[]){"--config"}, file, (char[]){"--drain"}, (char[]){"9s"}};
    const struct reload_doors doors = {.argc = 4, .argv = arguments, .environment = environment};
    static struct config config;
    struct reload_result result;
    struct ctr_error error;

    (void)state;
    write_settings(BASE "ready_timeout = 5s\n");
    assert_int_equal(config_load(4, arguments, environment, &config, &error), CTR_OK);
    assert_int_equal(reload_config(&doors, &config, &result, &error), CTR_OK);
    assert_string_equal(result.changed, "");
    assert_string_equal(result.waiting, "");
    write_settings(BASE "ready_timeout = 6s\nready_lag = 1s\ndrain = 1s\nsnapshot_interval = 3s\n"
                        "log_level = debug\nwindows = 1m\nlisten = 127.0.0.1:1\nmax_keys = 5\n"
                        "kafka.client.id = x\nfilter = bot=true\nstart = latest\nsettle = 1s\n"
                        "field_ts = time\n");
    assert_int_equal(reload_config(&doors, &config, &result, &error), CTR_OK);
    assert_string_equal(result.changed, "ready_timeout,snapshot_interval,log_level");
    assert_string_equal(result.waiting,
                        "start,field_ts,windows,settle,filter,max_keys,listen,kafka.*");
    assert_int_equal(config.ready_timeout_ms, 6000);
    assert_int_equal(config_live_ms(&config.snapshot_interval_ms), 3000);
    assert_int_equal(config.ready_lag_ms, 7000); /* the environment wins, as at the start */
    assert_int_equal(config.drain_ms, 9000);     /* and so does the command line */
    assert_int_equal(config.keys_max, 1000000);
    assert_int_equal(config.log_level, LOG_DEBUG);
    log_set_level(LOG_INFO);
}

static void what_is_wrong_changes_nothing(void **state)
{
    static const char *const wrong[] = {BASE "drain = 1s\nready_lag = soon\n",
                                        BASE "drain = 1s\nno_such = 1\n", "drain = 1s\n"};
    char *arguments[] = {(char[]){"--config"}, file};
    const struct reload_doors doors = {.argc = 2, .argv = arguments};
    static struct config config;
    struct reload_result result;
    struct ctr_error error;

    (void)state;
    write_settings(BASE "drain = 2s\n");
    assert_int_equal(config_load(2, arguments, NULL, &config, &error), CTR_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        write_settings(wrong[i]);
        assert_int_equal(reload_config(&doors, &config, &result, &error), CTR_INVALID);
        assert_true(error.text[0] != '\0');
        assert_int_equal(config.drain_ms, 2000);
    }
    assert_int_equal(unlink(file), 0);
    assert_int_equal(reload_config(&doors, &config, &result, &error), CTR_IO);
    assert_int_equal(config.drain_ms, 2000);
}

static void help_marks_what_a_signal_can_change(void **state)
{
    char *help = config_help();
    size_t marked = 0;

    (void)state;
    assert_non_null(help);
    for (size_t i = 0; i < config_options_count; i++) {
        char line[64];
        const char *at = NULL;

        (void)snprintf(line, sizeof line, "\n  %s ", config_options[i].name);
        at = strstr(help, line);
        assert_non_null(at);
        at = strchr(at + 1, '\n') - strlen(" (SIGHUP)");
        assert_int_equal(strncmp(at, " (SIGHUP)", strlen(" (SIGHUP)")) == 0,
                         config_option_live(&config_options[i]));
        marked += config_option_live(&config_options[i]);
    }
    assert_true(marked >= 5);
    free(help);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* The exit code of a process that hangs after it began to end, with budget_ms. */
static int code_of_one_that_hangs(int64_t budget_ms, bool saved)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct ending *ending = NULL;

        log_set_level(LOG_ERROR);
        if (ending_new(&ending, NULL) != CTR_OK) {
            _exit(99);
        }
        ending_begin(ending, budget_ms);
        ending_begin(ending, 600000); /* only the first counts */
        if (saved) {
            ending_saved(ending);
        }
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void what_hangs_is_left_at_the_deadline(void **state)
{
    int64_t begun_ms = clock_mono_ms();

    (void)state;
    assert_int_equal(code_of_one_that_hangs(300, true), 0);
    assert_true(clock_mono_ms() - begun_ms >= 300);
    assert_int_equal(code_of_one_that_hangs(10, false), ENDING_NOT_SAVED);
}

static void the_budget_runs_only_once_the_end_has_begun(void **state)
{
    struct ending *ending = NULL;

    (void)state;
    assert_int_equal(ending_new(&ending, NULL), CTR_OK);
    assert_int_equal(ending_left_ms(ending, 8000), 8000);
    assert_int_equal(ending_code(ending), ENDING_NOT_SAVED);
    ending_begin(ending, 5000);
    assert_in_range(ending_left_ms(ending, 8000), 1, 5000);
    assert_int_equal(ending_left_ms(ending, 3), 3);
    ending_saved(ending);
    assert_int_equal(ending_code(ending), 0);
    ending_free(ending);
    ending_free(NULL);
}

/* ---- one process per folder ---------------------------------------------------------------- */

static void a_folder_is_locked_by_one_process_until_it_ends(void **state)
{
    struct ctr_error error;
    int pipes[2];
    int lock = -1;
    char byte = 0;
    pid_t child = 0;

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        byte = lock_take(folder, &lock, NULL) == CTR_OK ? 'y' : 'n';
        if (write(pipes[1], &byte, 1) != 1) {
            _exit(1);
        }
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(lock_take(folder, &lock, &error), CTR_RETRY);
    assert_non_null(strstr(error.text, folder));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(lock_take(folder, &lock, &error), CTR_OK);
    lock_release(lock);
    assert_int_equal(lock_take(folder, &lock, &error), CTR_OK);
    lock_release(lock);
    lock_release(-1);
    assert_int_equal(lock_take("/nowhere/at/all", &lock, &error), CTR_IO);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

/* ---- log lines that nobody reads ----------------------------------------------------------- */

static void a_full_pipe_costs_lines_and_not_time(void **state)
{
    static char text[1 << 17];
    int saved = dup(STDERR_FILENO);
    int64_t begun_ms = clock_mono_ms();
    size_t length = 0;
    ssize_t more = 0;
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    for (int i = 0; i < 3000; i++) { /* more than a pipe holds */
        log_line(LOG_INFO, "many", "number=%d", i);
    }
    assert_true(clock_mono_ms() - begun_ms < 3000);
    assert_int_equal(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
    while ((more = read(pipes[0], text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)more;
    }
    assert_null(strstr(text, "number=2999"));
    log_line(LOG_INFO, "again", "%s", "");
    more = read(pipes[0], text, sizeof text - 1);
    assert_true(more > 0);
    text[more] = '\0';
    assert_non_null(strstr(text, "event=log_lines_dropped count="));
    assert_non_null(strstr(text, "event=again"));
    assert_int_equal(close(pipes[0]), 0);
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    log_line(LOG_INFO, "to_nobody", "%s", "");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(pipes[1]);
    (void)close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_change_does_and_the_rest_is_named),
        cmocka_unit_test(what_is_wrong_changes_nothing),
        cmocka_unit_test(help_marks_what_a_signal_can_change),
        cmocka_unit_test(what_hangs_is_left_at_the_deadline),
        cmocka_unit_test(the_budget_runs_only_once_the_end_has_begun),
        cmocka_unit_test(a_folder_is_locked_by_one_process_until_it_ends),
        cmocka_unit_test(a_full_pipe_costs_lines_and_not_time),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
