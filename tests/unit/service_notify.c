/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/notify.h"

enum { PATIENCE_MS = 5000 };

/* A socket where a service manager would listen; `name` as NOTIFY_SOCKET gives it. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    } else {
        (void)unlink(name);
    }
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_hears(int fd, const char *wanted)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char text[2048] = "";
    ssize_t length = 0;

    assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
    length = recv(fd, text, sizeof text - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    assert_string_equal(text, wanted);
}

static void lines_reach_a_socket_by_path_and_by_abstract_name(void **state)
{
    char names[2][64];

    (void)state;
    (void)snprintf(names[0], sizeof names[0], "/tmp/livectr-notify-%d", (int)getpid());
    (void)snprintf(names[1], sizeof names[1], "@livectr-notify-%d", (int)getpid());
    for (int i = 0; i < 2; i++) {
        int manager = listen_at(names[i]);
        struct notify notify;

        notify_open(&notify);
        assert_true(notify.fd >= 0);
        notify_send(&notify, "READY=%d\nSTATUS=%s", 1, "live");
        assert_hears(manager, "READY=1\nSTATUS=live");
        notify_close(&notify);
        assert_int_equal(close(manager), 0);
    }
    (void)unlink(names[0]);
}

static void nobody_is_told_where_nobody_asked(void **state)
{
    static const char *const names[] = {"", "relative/path", "@", "/nowhere/at/all"};
    struct notify notify;

    (void)state;
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_open(&notify);
    assert_int_equal(notify.fd, -1);
    notify_send(&notify, "READY=1");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_open(&notify);
        notify_send(&notify, "READY=1"); /* no sender waits or fails */
        notify_close(&notify);
    }
}

static void a_manager_that_does_not_read_is_not_waited_for(void **state)
{
    char name[64];
    int manager = -1;
    struct notify notify;

    (void)state;
    (void)snprintf(name, sizeof name, "@livectr-full-%d", (int)getpid());
    manager = listen_at(name);
    notify_open(&notify);
    for (int i = 0; i < 5000; i++) { /* more than any queue of datagrams holds */
        notify_send(&notify, "STATUS=%d", i);
    }
    assert_hears(manager, "STATUS=0");
    notify_close(&notify);
    assert_int_equal(close(manager), 0);
}

static void the_watchdog_is_meant_for_this_process_alone(void **state)
{
    static const struct {
        const char *usec, *pid;
        int64_t wanted_ms;
    } cases[] = {{NULL, NULL, 0},     {"30000000", NULL, 30000}, {"30000000", "1", 0},
                 {"nonsense", "", 0}, {"-5", NULL, 0},           {"999", NULL, 0}};
    char name[64], own[16];
    int manager = -1;
    struct notify notify;

    (void)state;
    (void)snprintf(name, sizeof name, "@livectr-watch-%d", (int)getpid());
    (void)snprintf(own, sizeof own, "%d", (int)getpid());
    manager = listen_at(name);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(cases[i].usec == NULL ? unsetenv("WATCHDOG_USEC")
                                               : setenv("WATCHDOG_USEC", cases[i].usec, 1),
                         0);
        assert_int_equal(cases[i].pid == NULL ? unsetenv("WATCHDOG_PID")
                                              : setenv("WATCHDOG_PID", cases[i].pid, 1),
                         0);
        notify_open(&notify);
        assert_int_equal(notify.watchdog_ms, cases[i].wanted_ms);
        notify_close(&notify);
    }
    assert_int_equal(setenv("WATCHDOG_USEC", "2000000", 1), 0);
    assert_int_equal(setenv("WATCHDOG_PID", own, 1), 0);
    notify_open(&notify);
    assert_int_equal(notify.watchdog_ms, 2000);
    notify_close(&notify);
    assert_int_equal(close(manager), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_reach_a_socket_by_path_and_by_abstract_name),
        cmocka_unit_test(nobody_is_told_where_nobody_asked),
        cmocka_unit_test(a_manager_that_does_not_read_is_not_waited_for),
        cmocka_unit_test(the_watchdog_is_meant_for_this_process_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
