/*
 * A benchmark is a function that adds samples: time-stamp counter ticks for
 * one operation, measured between two rdtsc. Under QEMU's -icount shift=0 a
 * tick is an instruction; elsewhere it is what the machine makes of it.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE        4096UL
#define SAMPLES_MAX 1024

struct samples {
    uint64_t ticks[SAMPLES_MAX];
    int count;
};

/* One benchmark: its name in the table and the function that runs it. */
struct benchmark {
    const char *name;
    void (*run)(struct samples *samples);
};

extern const struct benchmark memory_benchmarks[];
extern const struct benchmark pager_benchmarks[];
extern const struct benchmark object_benchmarks[];
extern const struct benchmark task_benchmarks[];
extern const struct benchmark crowd_benchmarks[];

/* memory.c: a read of, a write to each of 200 pages. */
void sample_reads(struct samples *samples, char *pages);
void sample_writes(struct samples *samples, char *pages);

/* memory.c: what crowd.c measures again. */
void bench_read_fault(struct samples *samples);
void bench_write_fault(struct samples *samples);
void bench_cow(struct samples *samples);
void bench_map(struct samples *samples);
void bench_map_touch(struct samples *samples);
void bench_mprotect(struct samples *samples);

static inline uint64_t ticks(void)
{
    uint32_t low;
    uint32_t high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Adds what has passed since START; once there are enough, nothing. */
static inline void add_sample(struct samples *samples, uint64_t start)
{
    uint64_t now = ticks();

    if (samples->count < SAMPLES_MAX)
        samples->ticks[samples->count++] = now - start;
}

/* Ends the program: a benchmark that does not work has no number. */
static inline void must(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

static inline char *map_pages(size_t count)
{
    char *pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(pages != MAP_FAILED, "mmap");
    return pages;
}

static inline void touch_read(const void *address)
{
    (void)*(const volatile char *)address;
}

static inline void touch_write(void *address)
{
    *(volatile char *)address = 1;
}

/* getppid(2), without the C library around it. */
static inline long null_syscall(void)
{
    long result;

    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(SYS_getppid)
                 : "rcx", "r11", "memory");
    return result;
}
