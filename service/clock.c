/* SPDX-License-Identifier: Apache-2.0 */
#include "service/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "service/log.h"

/* A step of the host's clock that is larger is not followed until it has lasted. A time server that
 * slews moves it by less between two readings, and `settle` covers more. */
enum { STEP_US = 100000, PATIENCE_US = 60000000 };

/* The wall clock as it is given out: the host's, carried over its steps by the boot clock, which
 * goes on while the machine sleeps and which nobody can set. */
struct steady {
    pthread_mutex_t lock;
    bool begun, apart;
    int64_t ahead_us; /* of the boot clock */
    int64_t apart_since_us;
};

static struct steady steady = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t read_us(clockid_t id)
{
    struct timespec now = {0};

    (void)clock_gettime(id, &now); /* cannot fail for these ids */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t distance(int64_t left, int64_t right)
{
    return left > right ? left - right : right - left;
}

int64_t clock_steady_us(int64_t wall_us, int64_t boot_us, int64_t *ret_step_us)
{
    int64_t ahead_us = wall_us - boot_us;
    int64_t result_us = 0;

    *ret_step_us = 0;
    (void)pthread_mutex_lock(&steady.lock);
    if (!steady.begun || distance(ahead_us, steady.ahead_us) <= STEP_US) {
        steady.begun = true;
        steady.apart = false;
        steady.ahead_us = ahead_us;
    } else if (!steady.apart) {
        steady.apart = true;
        steady.apart_since_us = boot_us;
        *ret_step_us = ahead_us - steady.ahead_us;
    } else if (boot_us - steady.apart_since_us > PATIENCE_US) {
        steady.apart = false;
        steady.ahead_us = ahead_us;
    }
    result_us = boot_us + steady.ahead_us;
    (void)pthread_mutex_unlock(&steady.lock);
    return result_us;
}

int64_t clock_wall_ms(void)
{
    int64_t boot_us = read_us(CLOCK_BOOTTIME);
    int64_t step_us = 0;
    int64_t now_us = clock_steady_us(read_us(CLOCK_REALTIME), boot_us, &step_us);

    if (step_us != 0) { /* a log line asks for the time again, and finds no news */
        log_line(LOG_WARN, "clock_stepped", "by_ms=%lld followed_after_ms=%d",
                 (long long)(step_us / 1000), (int)(PATIENCE_US / 1000));
    }
    return now_us / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

struct timespec clock_after_ms(int64_t span_ms)
{
    int64_t until_us = read_us(CLOCK_MONOTONIC) + span_ms * 1000;

    return (struct timespec){.tv_sec = until_us / 1000000,
                             .tv_nsec = (long)(until_us % 1000000) * 1000};
}
