/* Sleeps, or with a second argument spins, for as many milliseconds as the
 * first says. */
#include <stdlib.h>
#include <time.h>

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    long ms = atol(argv[1]);
    struct timespec length = {ms / 1000, ms % 1000 * 1000000};
    long end = now_ms() + ms;

    if (argc < 3)
        return nanosleep(&length, NULL);
    while (now_ms() < end)
        ;
    return 0;
}
