/* SPDX-License-Identifier: Apache-2.0 */
#include "service/signals.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "service/clock.h"
#include "service/log.h"

enum { TEXT_BYTES = 256, STATUS_EVERY_MS = 5000, FOREVER_MS = 3600000 };

static void fill_set(sigset_t *ret_signals)
{
    (void)sigemptyset(ret_signals);
    (void)sigaddset(ret_signals, SIGTERM);
    (void)sigaddset(ret_signals, SIGINT);
    (void)sigaddset(ret_signals, SIGHUP);
}

void signals_block(void)
{
    sigset_t signals;

    fill_set(&signals);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file may grow no more: writing fails, and that is said */
}

/* The signal that came within timeout_ms, or 0. */
static int wait_signal(int64_t timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};
    sigset_t signals;
    int caught = 0;

    fill_set(&signals);
    caught = sigtimedwait(&signals, NULL, &timeout);
    return caught > 0 ? caught : 0; /* EAGAIN and EINTR alike: the caller looks at the clock */
}

/* How often the manager wants to hear. */
static int64_t beat_ms(const struct notify *notify)
{
    if (notify->fd < 0) {
        return FOREVER_MS;
    }
    return notify->watchdog_ms > 0 && notify->watchdog_ms / 2 < STATUS_EVERY_MS
               ? (notify->watchdog_ms + 1) / 2
               : STATUS_EVERY_MS;
}

/* The watchdog is told of ingest, not of this thread: one that waits for signals is always well. */
static void beat(const struct notify *notify, const struct signals_hooks *hooks)
{
    char text[TEXT_BYTES] = "";

    if (notify->fd < 0) {
        return;
    }
    hooks->describe(hooks->owner, text, sizeof text);
    notify_send(notify, "STATUS=%s%s", text,
                notify->watchdog_ms > 0 && hooks->alive(hooks->owner) ? "\nWATCHDOG=1" : "");
}

/* RELOADING wants the moment it began, READY its end. */
static void serve_reload(const struct notify *notify, const struct signals_hooks *hooks)
{
    notify_send(notify, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    hooks->reload(hooks->owner);
    notify_send(notify, "READY=1");
}

/* Until a signal that ends, or until_ms by the monotonic clock. */
static bool wait_end(const struct notify *notify, const struct signals_hooks *hooks,
                     int64_t until_ms, bool draining)
{
    for (;;) {
        int64_t left_ms = until_ms - clock_mono_ms();
        int64_t pause_ms = beat_ms(notify);
        int caught = 0;

        if (left_ms <= 0) {
            return false;
        }
        beat(notify, hooks);
        caught = wait_signal(left_ms < pause_ms ? left_ms : pause_ms);
        if (caught == SIGTERM || caught == SIGINT) {
            return true;
        }
        if (caught == SIGHUP && !draining) {
            serve_reload(notify, hooks);
        }
    }
}

void signals_serve(const struct notify *notify, const struct signals_hooks *hooks)
{
    (void)wait_end(notify, hooks, INT64_MAX, false);
}

bool signals_drain(const struct notify *notify, const struct signals_hooks *hooks, int64_t for_ms)
{
    return wait_end(notify, hooks, clock_mono_ms() + for_ms, true);
}
