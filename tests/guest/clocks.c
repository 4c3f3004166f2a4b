/*
 * Clocks: they go forwards, sleeping takes at least its time, and the calls
 * refuse what is no time.
 */
#include "probe.h"

#include <sys/time.h>
#include <time.h>

#define SECOND 1000000000L

static long nanoseconds(clockid_t clock)
{
    struct timespec now;

    must(syscall(SYS_clock_gettime, clock, &now) == 0);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static void test_monotonic(void)
{
    long last = nanoseconds(CLOCK_MONOTONIC);
    int wrong = 0;

    ok(last >= 0, "CLOCK_MONOTONIC");
    for (int i = 0; i < 200; i++) {
        long now = nanoseconds(CLOCK_MONOTONIC);

        wrong += now < last;
        last = now;
    }
    is(wrong, 0, "never goes back");
    ok(nanoseconds(CLOCK_REALTIME) > 0, "CLOCK_REALTIME");
    ok(nanoseconds(CLOCK_MONOTONIC_COARSE) >= 0, "CLOCK_MONOTONIC_COARSE");
    ok(nanoseconds(CLOCK_BOOTTIME) >= 0, "CLOCK_BOOTTIME");
}

static void test_sleep(void)
{
    struct timespec nap = {.tv_nsec = 5000000};
    long before = nanoseconds(CLOCK_MONOTONIC);
    long after;

    works(nanosleep(&nap, NULL), "nanosleep of 5 ms");
    after = nanoseconds(CLOCK_MONOTONIC);
    ok(after - before >= 5000000, "takes 5 ms or more");
    ok(after - before < SECOND, "and not a second");
    nap.tv_nsec = 0;
    works(nanosleep(&nap, NULL), "nanosleep of nothing");
    nap.tv_sec = (before + 2 * 5000000) / SECOND;
    nap.tv_nsec = (before + 2 * 5000000) % SECOND;
    is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &nap, NULL), 0,
       "clock_nanosleep up to a time");
    ok(nanoseconds(CLOCK_MONOTONIC) >= before + 2 * 5000000,
       "does not return before it");
    is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &nap, NULL), 0,
       "a time that is over");
}

static void test_errors(void)
{
    struct timespec time = {.tv_nsec = SECOND};

    fails(nanosleep(&time, NULL), EINVAL, "a second of nanoseconds too many");
    time.tv_nsec = -1;
    fails(nanosleep(&time, NULL), EINVAL, "negative nanoseconds");
    time.tv_nsec = 0;
    time.tv_sec = -1;
    fails(nanosleep(&time, NULL), EINVAL, "negative seconds");
    fails(syscall(SYS_clock_gettime, 99, &time), EINVAL, "an unknown clock");
    fails(syscall(SYS_clock_getres, 99, &time), EINVAL, "has no resolution");
    fails(syscall(SYS_nanosleep, NULL, NULL), EFAULT, "no time at all");
}

static void test_others(void)
{
    struct timespec resolution;
    struct timeval day;
    time_t seconds = 0;

    works(syscall(SYS_clock_getres, CLOCK_MONOTONIC, &resolution),
          "clock_getres");
    ok(!resolution.tv_sec && resolution.tv_nsec > 0, "is below a second");
    works(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL),
          "clock_getres to nowhere");
    works(syscall(SYS_gettimeofday, &day, NULL), "gettimeofday");
    ok(day.tv_usec >= 0 && day.tv_usec < 1000000, "gives microseconds");
    /* Linux reads a coarser clock here, which may lag by a tick. */
    ok(syscall(SYS_time, &seconds) == seconds && seconds >= day.tv_sec - 1,
       "time agrees");
}

int main(void)
{
    test_monotonic();
    test_sleep();
    test_errors();
    test_others();
    return done_testing();
}
