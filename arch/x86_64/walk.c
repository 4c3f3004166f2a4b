/*
 * Looking at the loaded page tables when something has gone wrong, without
 * trusting them: a table that is not in RAM is not followed.
 */
#include <arch/machine.h>
#include <arch/pte.h>
#include <asm/msr.h>
#include <asm/setup.h>
#include <base/printk.h>
#include <base/string.h>
#include <mm/page.h>

static const char *const level_names[PT_LEVELS] = {"PTE", "PDE", "PDPTE",
                                                   "PML4E"};

static bool is_ram(phys_addr_t pa)
{
    phys_addr_t start, end;
    unsigned i;

    for (i = 0; memblock_ram_range(i, &start, &end); i++)
        if (pa >= start && pa < end)
            return true;
    return false;
}

int walk_entries(u64 va, u64 walk[PT_LEVELS])
{
    phys_addr_t table = cr3_read() & PTE_FRAME;
    int level;

    memset(walk, 0, PT_LEVELS * sizeof(walk[0]));
    for (level = PT_LEVELS - 1; level >= 0; level--) {
        pte_t e;

        if (level < PT_LEVELS - 1 && !is_ram(table))
            return level + 1;
        e = pte_get((pte_t *)phys_to_virt(table) + pt_index(va, level));
        walk[PT_LEVELS - 1 - level] = e.v;
        if (!(e.v & PTE_P) || pte_leaf(e, level))
            return level;
        table = (phys_addr_t)pte_pfn(e) << PAGE_SHIFT;
    }
    return 0;
}

bool va_mapped(u64 va)
{
    u64 walk[PT_LEVELS];
    int level = walk_entries(va, walk);

    return pte_leaf((pte_t){walk[PT_LEVELS - 1 - level]}, level);
}

static void print_entry(int level, unsigned index, pte_t e)
{
    printk("  %s[%u] = 0x%016lx", level_names[level], index, e.v);
    if (!(e.v & PTE_P)) {
        printk(e.v & PTE_PROTNONE ? " PROT_NONE\n" : " not present\n");
        return;
    }
    printk(" frame 0x%lx%s%s%s%s%s%s%s\n", pte_pfn(e),
           e.v & PTE_W ? " write" : " read-only",
           e.v & PTE_U ? " user" : " kernel", e.v & PTE_NX ? " nx" : "",
           e.v & PTE_A ? " accessed" : "", e.v & PTE_D ? " dirty" : "",
           level && (e.v & PTE_PS) ? " large" : "",
           pte_uffd_wp(e) ? " uffd-wp" : "");
}

void walk_print(u64 va)
{
    u64 walk[PT_LEVELS];
    int last = walk_entries(va, walk), level;

    printk("walk of 0x%016lx (cr3 0x%lx):\n", va, cr3_read());
    for (level = PT_LEVELS - 1; level >= last && level >= 0; level--)
        print_entry(level, pt_index(va, level),
                    (pte_t){walk[PT_LEVELS - 1 - level]});
}
