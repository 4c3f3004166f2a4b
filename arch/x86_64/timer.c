/*
 * Time: the time stamp counter and the APIC timer, both measured once against
 * the 8254 (PIT) channel 2, whose frequency is known. The measurement takes
 * pairs (PIT count, TSC, APIC count) and keeps those read fastest, so that
 * being held up in the middle of one - by a busy host - does no harm. Where
 * instructions are counted, it gives the same result in every run.
 */
#include <arch/cpu.h>
#include <arch/machine.h>
#include <asm/msr.h>
#include <asm/page.h>
#include <asm/setup.h>
#include <base/printk.h>

#include "vdso/data.h"

#define PIT_HZ        1193182ul
#define PIT_CHANNEL2  0x42
#define PIT_COMMAND   0x43
#define PIT_GATE      0x61 /* bit 0: channel 2 counts; bit 1: speaker */
#define CMD_CHANNEL2  0xb4 /* low then high byte, mode 2, binary */
#define CMD_LATCH2    0x80
#define SAMPLES       8
#define MEASURE_TICKS 600 /* PIT ticks between the samples: 0.5 ms */
#define MEASURE_TRIES 10
#define AGREE         500 /* two measurements agree within 1/500 */
#define SAMPLE_TRIES  100000

#define NS_PER_S 1000000000ul

struct sample {
    u16 pit; /* counts down */
    u32 apic;
    u64 tsc;
    u64 width; /* cycles in which pit changed to this value */
};

/* Fixed point with 32 bits of fraction. */
static u64 ns_per_cycle, cycles_per_ns, apic_per_ns;
static u64 first;

/* In the image, see vdso_image.S. */
extern struct vdso_data vdso_data_page;
extern const char vdso_start[], vdso_end[];

static u64 scale(u64 v, u64 factor)
{
    return (u64)((unsigned __int128)v * factor >> 32);
}

u64 cycles_to_ns(u64 c)
{
    return scale(c, ns_per_cycle);
}

u64 ns_to_cycles(u64 ns)
{
    return scale(ns, cycles_per_ns);
}

u64 time_ns(void)
{
    return scale(cycles() - first, ns_per_cycle);
}

static u16 pit_read(void)
{
    u8 low;

    outb(PIT_COMMAND, CMD_LATCH2);
    low = inb(PIT_CHANNEL2);
    return (u16)(low | inb(PIT_CHANNEL2) << 8);
}

static void pit_start(void)
{
    outb(PIT_GATE, (inb(PIT_GATE) & 0xfc) | 1);
    outb(PIT_COMMAND, CMD_CHANNEL2);
    outb(PIT_CHANNEL2, 0xff);
    outb(PIT_CHANNEL2, 0xff);
}

/* The moment at which the PIT goes to its next value: between two reads of
 * the TSC that are `width` apart. */
static bool edge(struct sample *s)
{
    u16 was = pit_read();
    u64 before;
    int tries;

    for (tries = 0; tries < SAMPLE_TRIES; tries++) {
        before = cycles();
        s->pit = pit_read();
        s->tsc = cycles();
        if (s->pit != was) {
            s->apic = apic_timer_left();
            s->width = cycles() - before;
            return true;
        }
    }
    return false;
}

/* The sharpest of a few edges. */
static struct sample sharpest_edge(void)
{
    struct sample best = {.width = ~0ul}, s;
    int i;

    for (i = 0; i < SAMPLES; i++) {
        if (!edge(&s))
            panic("boot: the timer (8254 channel 2) does not count");
        if (s.width < best.width)
            best = s;
    }
    return best;
}

static void wait_ticks(u16 from, u16 ticks)
{
    while ((u16)(from - pit_read()) < ticks)
        cpu_relax();
}

/* One measurement; the factors, and how many cycles a second has. */
static u64 measure(void)
{
    struct sample a, b;
    u64 ns, tsc;

    pit_start();
    apic_timer_set(~0u);
    a = sharpest_edge();
    wait_ticks(a.pit, MEASURE_TICKS);
    b = sharpest_edge();

    ns = (u16)(a.pit - b.pit) * NS_PER_S / PIT_HZ;
    tsc = b.tsc - a.tsc;
    ns_per_cycle = (ns << 32) / tsc;
    cycles_per_ns = (tsc << 32) / ns;
    apic_per_ns = ((u64)(a.apic - b.apic) << 32) / ns;
    apic_timer_set(0);
    return cycles_per_ns;
}

/* The PIT wraps every 55 ms; a host that holds us up for longer makes one
 * measurement wrong, but hardly two in the same way. */
void timer_init(u64 first_cycles)
{
    u64 last, now = measure();
    int tries = 0;

    do {
        last = now;
        now = measure();
    } while ((now > last ? now - last : last - now) > last / AGREE &&
             ++tries < MEASURE_TRIES);
    first = first_cycles;
}

struct vdso_pages arch_vdso_pages(void)
{
    vdso_data_page = (struct vdso_data){
        .first = first,
        .ns_per_cycle = ns_per_cycle,
        .epoch = rtc_seconds(),
        .has_rdtscp = cpu_has_rdtscp,
    };
    return (struct vdso_pages){
        .code = (u64)vdso_start - KERNEL_IMAGE_START,
        .size = (u64)(vdso_end - vdso_start),
        .data = (u64)&vdso_data_page - KERNEL_IMAGE_START,
    };
}

/* What is far away is waited for almost to its end, and then armed anew: a
 * measurement that is a little wrong does not make it late. Nothing comes in
 * between, but when the counter is too narrow for the time (one minute on
 * QEMU). */
void timer_arm(u64 deadline_ns)
{
    u64 now, left, count = 1;

    if (deadline_ns == ~0ul) {
        apic_timer_set(0);
        return;
    }
    now = time_ns();
    if (deadline_ns > now) {
        left = deadline_ns - now;
        if (left > NS_PER_S)
            left -= left / AGREE;
        count = scale(left, apic_per_ns) + 1;
    }
    apic_timer_set((u32)min(count, 0xfffffffful));
}
