/*
 * How the run ends: one status byte on the debug console port, the kind on
 * QEMU's exit port (docs/booting.md). And randomness.
 */
#include <arch/machine.h>
#include <asm/cpu.h>
#include <asm/msr.h>
#include <base/string.h>

#define STATUS_PORT 0x5e9
#define EXIT_PORT   0xf4

#define CPUID_RDRAND (1u << 30)

void machine_end(int status, enum end_kind kind)
{
    irq_disable();
    if (status >= 0) {
        outb(STATUS_PORT, 'S');
        outb(STATUS_PORT, (u8)status);
    }
    outb(EXIT_PORT, kind);
    /* QEMU ends a little later; a second write would replace the code. */
    for (;;)
        __asm__ volatile("cli; hlt");
}

static bool rdrand(u64 *v)
{
    bool ok = false;
    int tries;

    for (tries = 0; tries < 10 && !ok; tries++)
        __asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
    return ok;
}

/* splitmix64 over the time stamp counter: unpredictable enough for a hash
 * seed, and for nothing else. */
static u64 mixed(void)
{
    static u64 state;
    u64 z = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ul ^ cycles() << 1,
                               __ATOMIC_RELAXED);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ul;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebul;
    return z ^ (z >> 31);
}

void hw_random(void *buf, size_t n)
{
    bool has_rdrand = cpuid(1, 0).c & CPUID_RDRAND;
    size_t part;
    u64 v;

    for (; n; n -= part, buf = (char *)buf + part) {
        part = min(n, sizeof(v));
        if (!has_rdrand || !rdrand(&v))
            v = mixed();
        memcpy(buf, &v, part);
    }
}
