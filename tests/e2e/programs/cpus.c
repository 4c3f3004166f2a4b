/* Exits with the number of processors it may run on, after having run on each
 * of them. */
#define _GNU_SOURCE
#include <sched.h>

int main(void)
{
    cpu_set_t all, one;
    int count = 0;

    if (sched_getaffinity(0, sizeof(all), &all))
        return 100;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof(one), &one) || sched_getcpu() != cpu)
            return 101;
        count++;
    }
    return count;
}
