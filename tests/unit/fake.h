/*
 * The machine the unit tests run mm/ on: frames from a heap arena, a page
 * walker with a TLB that remembers, one thread. Includes cmocka.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <mm/mm.h>

/* ---- the machine (fake_machine.c) ---- */

/* RAM of the booted machine: [FAKE_RAM_START, FAKE_RAM_END), without the
 * "boot module" in its middle. */
#define FAKE_RAM_START    (1ul << 20)
#define FAKE_RAM_END      (65ul << 20)
#define FAKE_MODULE_START (8ul << 20)
#define FAKE_MODULE_SIZE  (3 * PAGE_SIZE + 100)

/* The arena exists, all frames poisoned as unknown; nothing is added. For the
 * tests of the boot-time allocators, which do the rest. */
void fake_machine_bare(void);

/* Makes the descriptors of what memblock calls RAM, and only those, usable
 * and zero: what arch does before page_alloc_init(). */
void fake_descriptors_init(void);

/* Boots once: frames, slabs, mm_init(). A cmocka group setup. */
int fake_boot(void **state);

/* Per-test setup and teardown: notes the frames in use / all must be back,
 * and every checker content. */
int fake_mark(void **state);
int fake_check_leaks(void **state);

#define LEAK_TEST(fn)                                                          \
    cmocka_unit_test_setup_teardown(fn, fake_mark, fake_check_leaks)

/* A memory object with a name of its own, as memfd_create makes it. */
struct mem_object *fake_object(void);

/* Every free block of the buddy allocator, and their sum: 0 or -EINVAL. */
int fake_frames_check(void);

/* Frames in use, caches emptied first. */
u64 fake_frames_used(void);

/* ---- chance ---- */

/* Seeds the generator (environment SEED, or a constant) and prints it. */
void fake_seed(void);
u64 fake_rand(u64 below);

/* Whether a random test goes on with its nth step of at most `steps`. */
bool fake_more(unsigned n, unsigned steps);

/* From now on these bytes are chance, then there is no more: a fuzzer's input,
 * or the environment's INPUT, in hexadecimal. */
void fake_input(const u8 *bytes, size_t count);

/* ---- panic() ---- */

extern jmp_buf fake_panic_jmp;
extern bool fake_panic_armed, fake_quiet;

/* stmt must end in panic(). */
#define EXPECT_PANIC(stmt)                                                     \
    do {                                                                       \
        fake_panic_armed = true;                                               \
        if (!setjmp(fake_panic_jmp)) {                                         \
            stmt;                                                              \
            fake_panic_armed = false;                                          \
            fail_msg("no panic: %s", #stmt);                                   \
        }                                                                      \
    } while (0)

/* ---- threads (fake_hooks.c) ---- */

extern struct mm_struct *fake_mm; /* mm_current() */
extern bool fake_signal;          /* a fatal signal is pending */

/* What the rest of the machine does while the thread is blocked; returns
 * thread_block()'s result. NULL: blocking is a panic. */
extern int (*fake_on_block)(void);
extern struct rlimit_k fake_limits[RLIMIT_COUNT];
extern unsigned fake_wakes;                /* thread_wake() calls */
extern u64 fake_time_ns, fake_deadline_ns; /* now; of the last timed wait */
extern enum wait_mode fake_wait_mode;      /* of the last wait */
bool fake_may_run(void);                   /* it has not prepared to block */

/* ---- user accesses (fake_access.c, fake_tlb.c) ---- */

enum fake_result {
    FAKE_OK,
    FAKE_SEGV_MAPERR,
    FAKE_SEGV_ACCERR,
    FAKE_SIGBUS,
    FAKE_POISON, /* SIGBUS, BUS_MCEERR_AR */
    FAKE_OOM,
};

/*
 * What the CPU and do_page_fault() do for one byte of user memory at va: TLB,
 * walk, fault, again. Leaves the byte's host address in *p.
 */
enum fake_result fake_access(struct mm_struct *mm, u64 va, bool write,
                             char **p);

/* One byte read (-1: fault) / written (false: fault). */
int fake_read(struct mm_struct *mm, u64 va);
bool fake_write(struct mm_struct *mm, u64 va, char byte);

struct fake_tlb_counts {
    unsigned page, range, mm, kernel;
};
extern struct fake_tlb_counts fake_tlb_counts;

/* TLB side of fake_access(). */
bool fake_tlb_lookup(struct mm_struct *mm, u64 va, pte_t *pte);
void fake_tlb_insert(struct mm_struct *mm, u64 va, pte_t pte);

/* Fails the test if the TLB still holds what the tables no longer grant. */
void fake_tlb_check(void);
void fake_tlb_check_page(struct mm_struct *mm, u64 va);

/* Provided by mm/memblock.c for us. */
void memblock_reset(void);
