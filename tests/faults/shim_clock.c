/* SPDX-License-Identifier: Apache-2.0
 *
 * For LD_PRELOAD: the time of day, moved by as many milliseconds as the file FAULT_CLOCK_FILE says
 * (decimal text; looked at every time). The monotonic clock is left alone, as it is by an operator
 * who sets the time.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long moved_ms(void)
{
    const char *path = getenv("FAULT_CLOCK_FILE");
    char text[32] = "";
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (file >= 0) {
        ssize_t length = read(file, text, sizeof text - 1);

        (void)close(file);
        text[length > 0 ? length : 0] = '\0';
    }
    return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, ret_time);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        long ms = moved_ms();

        ret_time->tv_sec += ms / 1000;
        ret_time->tv_nsec += ms % 1000 * 1000000;
        if (ret_time->tv_nsec >= 1000000000) {
            ret_time->tv_sec++;
            ret_time->tv_nsec -= 1000000000;
        } else if (ret_time->tv_nsec < 0) {
            ret_time->tv_sec--;
            ret_time->tv_nsec += 1000000000;
        }
    }
    return result;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    ret_time->tv_sec = now.tv_sec;
    ret_time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *ret_time)
{
    struct timespec now;
    time_t seconds = clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec : (time_t)-1;

    if (ret_time != NULL) {
        *ret_time = seconds;
    }
    return seconds;
}
