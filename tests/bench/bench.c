/*
 * Runs every benchmark (or those whose names begin with an argument, or are
 * the argument behind its =) and
 * prints a table: `bench NAME MEDIAN MIN`, in ticks, of many single
 * operations. The ticks of an empty pair of rdtsc are subtracted. An
 * ordinary static program: it measures Linux as well.
 */
#include "bench.h"

#include <string.h>

static struct samples samples;
static uint64_t overhead;

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static uint64_t less_overhead(uint64_t value)
{
    return value > overhead ? value - overhead : 0;
}

static void sort_samples(void)
{
    qsort(samples.ticks, samples.count, sizeof(samples.ticks[0]), compare);
}

static void measure_overhead(void)
{
    for (int i = 0; i < 200; i++)
        add_sample(&samples, ticks());
    sort_samples();
    overhead = samples.ticks[samples.count / 2];
}

static void run(const struct benchmark *benchmark)
{
    samples.count = 0;
    benchmark->run(&samples);
    if (!samples.count)
        return; /* this kernel does not have it */
    sort_samples();
    printf("bench %-24s %10llu %10llu\n", benchmark->name,
           (unsigned long long)less_overhead(samples.ticks[samples.count / 2]),
           (unsigned long long)less_overhead(samples.ticks[0]));
    fflush(stdout);
}

static int wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strncmp(name, argv[i], strlen(argv[i])) ||
            (argv[i][0] == '=' && !strcmp(name, argv[i] + 1)))
            return 1;
    return argc == 1;
}

int main(int argc, char **argv)
{
    /* The crowd stays once it is there: it comes last. */
    const struct benchmark *groups[] = {memory_benchmarks, pager_benchmarks,
                                        object_benchmarks, task_benchmarks,
                                        crowd_benchmarks};

    measure_overhead();
    printf("# ticks of the TSC: instructions under -icount shift=0\n");
    printf("# %llu for the pair of rdtsc itself are subtracted\n",
           (unsigned long long)overhead);
    printf("# %-28s %10s %10s\n", "name", "median", "min");
    for (int group = 0; group < 5; group++)
        for (const struct benchmark *it = groups[group]; it->name; it++)
            if (wanted(it->name, argc, argv))
                run(it);
    return 0;
}
