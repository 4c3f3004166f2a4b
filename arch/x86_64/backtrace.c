/*
 * Backtraces along the frame pointers, with names from the table the build
 * adds to the image (tools/ksyms). Used when nothing can be trusted: a frame
 * is read only if its page is mapped.
 */
#include <arch/machine.h>
#include <arch/page.h>
#include <asm/setup.h>
#include <base/printk.h>

#define BACKTRACE_MAX 32

extern const u64 ksyms_count;
extern const struct {
    u64 address, name;
} ksyms_table[];
extern const char ksyms_names[];

const char *symbol_lookup(u64 addr, u64 *offset)
{
    u64 low = 0, high = ksyms_count, mid;

    if (addr < (u64)text_start || addr >= (u64)text_end)
        return NULL;
    while (high - low > 1) {
        mid = low + (high - low) / 2;
        if (ksyms_table[mid].address <= addr)
            low = mid;
        else
            high = mid;
    }
    if (!ksyms_count || ksyms_table[low].address > addr)
        return NULL;
    *offset = addr - ksyms_table[low].address;
    return ksyms_names + ksyms_table[low].name;
}

void address_print(u64 addr)
{
    u64 offset;
    const char *name = symbol_lookup(addr, &offset);

    if (name)
        printk(" <%016lx> %s+0x%lx\n", addr, name, offset);
    else
        printk(" <%016lx>\n", addr);
}

/* A frame is {caller's frame, return address}, both words in one mapped page
 * or two. */
static bool frame_readable(u64 bp)
{
    return bp >= KERNEL_SPACE_START && bp % 8 == 0 && va_mapped(bp) &&
           va_mapped(bp + 8);
}

void backtrace_print(u64 bp)
{
    int n;

    printk("backtrace:\n");
    for (n = 0; n < BACKTRACE_MAX && frame_readable(bp); n++) {
        const u64 *frame = (const u64 *)bp;

        if (frame[1] < (u64)text_start || frame[1] >= (u64)text_end)
            break;
        address_print(frame[1]);
        if (frame[0] <= bp) /* stacks grow down: callers lie above */
            break;
        bp = frame[0];
    }
}
