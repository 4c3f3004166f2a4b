/*
 * The kernel's page tables (docs/memory-map.md): the image with each section's
 * permissions, all RAM at the direct map, the frame descriptors, device
 * registers. Built from memblock memory while the boot tables still map the
 * first 4 GiB; then loaded, which ends the 1:1 mapping.
 */
#include <arch/pte.h>
#include <asm/msr.h>
#include <asm/setup.h>
#include <base/printk.h>
#include <base/string.h>
#include <mm/page.h>

#define BOOT_TABLES_LIMIT (4ul << 30) /* what we can reach while building */

pte_t *kernel_pgd;
static pte_t *mmio_table;
static unsigned mmio_used;

_Static_assert(sizeof(struct page) == PAGE_DESCRIPTOR_SIZE, "asm/page.h");

static phys_addr_t early_alloc(u64 size, u64 align, phys_addr_t limit)
{
    phys_addr_t pa = memblock_alloc(size, align, limit);

    if (!pa)
        panic("boot: not enough memory for the kernel's page tables");
    return pa;
}

static pte_t *new_table(void)
{
    pte_t *table =
        phys_to_virt(early_alloc(PAGE_SIZE, PAGE_SIZE, BOOT_TABLES_LIMIT));

    page_clear(table);
    return table;
}

/* The entry for va at level, its table made if there is none. */
static pte_t *walk_create(u64 va, int level)
{
    pte_t *table = kernel_pgd;
    int l;

    for (l = PT_LEVELS - 1; l > level; l--) {
        pte_t *e = &table[pt_index(va, l)];

        if (pte_none(*e))
            *e = pte_table(virt_to_phys(new_table()) >> PAGE_SHIFT);
        table = pte_table_of(*e);
    }
    return &table[pt_index(va, level)];
}

static void map_small(u64 va, phys_addr_t pa, pgprot_t prot)
{
    pte_set(walk_create(va, 0), pte_make(pa >> PAGE_SHIFT, prot));
}

static void map_large(u64 va, phys_addr_t pa, pgprot_t prot)
{
    prot.v |= PTE_PS;
    pte_set(walk_create(va, 1), pte_make(pa >> PAGE_SHIFT, prot));
}

/* Part of the image: linked KERNEL_IMAGE_START above where it lies. */
static void map_section(const char *start, const char *end, pgprot_t prot)
{
    u64 va;

    for (va = (u64)start; va < (u64)end; va += PAGE_SIZE)
        map_small(va, va - KERNEL_IMAGE_START, prot);
}

static void map_image(void)
{
    map_section(text_start, text_end, PROT_KERNEL_TEXT);
    map_section(rodata_start, rodata_end, PROT_KERNEL_RODATA);
    map_section(data_start, boot_stack_guard, PROT_KERNEL);
    map_section(boot_stack, data_end, PROT_KERNEL);
}

/* Does [pa, pa + size) hold text or rodata? Their alias must be read-only. */
static bool is_read_only(phys_addr_t pa, u64 size)
{
    return pa < (u64)rodata_end - KERNEL_IMAGE_START &&
           pa + size > (u64)text_start - KERNEL_IMAGE_START;
}

static void map_direct(phys_addr_t pa, phys_addr_t end)
{
    while (pa < end) {
        u64 va = (u64)phys_to_virt(pa);

        if (IS_ALIGNED(pa, LARGE_PAGE_SIZE) && end - pa >= LARGE_PAGE_SIZE &&
            !is_read_only(pa, LARGE_PAGE_SIZE)) {
            map_large(va, pa, PROT_KERNEL);
            pa += LARGE_PAGE_SIZE;
        } else {
            map_small(va, pa,
                      is_read_only(pa, PAGE_SIZE) ? PROT_KERNEL_RODATA
                                                  : PROT_KERNEL);
            pa += PAGE_SIZE;
        }
    }
}

/* Memory for descriptors in [va, end): one large page or a run of small ones.
 * Returns where it ends. */
static u64 map_descriptor_run(u64 va, u64 end)
{
    phys_addr_t pa;

    end = min(end, ALIGN_DOWN(va, LARGE_PAGE_SIZE) + LARGE_PAGE_SIZE);
    if (end - va == LARGE_PAGE_SIZE) {
        pa = memblock_alloc(LARGE_PAGE_SIZE, LARGE_PAGE_SIZE, 0);
        if (pa) {
            map_large(va, pa, PROT_KERNEL);
            return end;
        }
    }
    pa = early_alloc(end - va, PAGE_SIZE, 0);
    for (; va < end; va += PAGE_SIZE, pa += PAGE_SIZE)
        map_small(va, pa, PROT_KERNEL);
    return end;
}

/* Descriptors for RAM only: the hole below 4 GiB has none. */
static void map_descriptors(void)
{
    phys_addr_t start, end;
    u64 va, done = 0;
    unsigned i;

    for (i = 0; memblock_ram_range(i, &start, &end); i++) {
        va = ALIGN_DOWN((u64)pfn_to_page(start >> PAGE_SHIFT), PAGE_SIZE);
        done = max(done, va);
        va = ALIGN_UP((u64)pfn_to_page(end >> PAGE_SHIFT), PAGE_SIZE);
        while (done < va)
            done = map_descriptor_run(done, va);
    }
}

/* Only now, since their memory may lie above what the boot tables map. */
static void clear_descriptors(void)
{
    phys_addr_t start, end;
    unsigned i;

    for (i = 0; memblock_ram_range(i, &start, &end); i++)
        memset(pfn_to_page(start >> PAGE_SHIFT), 0,
               (end - start) / PAGE_SIZE * sizeof(struct page));
}

void paging_init(void)
{
    phys_addr_t start, end;
    unsigned i;

    kernel_pgd = new_table();
    map_image();
    for (i = 0; memblock_ram_range(i, &start, &end); i++)
        map_direct(start, end);
    map_descriptors();
    /* Kernel stacks lie behind the first root entry of the vmalloc area, so
     * that one exists from the start and every root has it: a stack that is not
     * there cannot take the fault that would bring it. The others come by
     * vmalloc_fault(). */
    walk_create(VMALLOC_START, PT_LEVELS - 2);
    mmio_table = walk_create(MMIO_START, 0);
    cr3_write(virt_to_phys(kernel_pgd));
    clear_descriptors();
}

volatile void *mmio_map(phys_addr_t pa)
{
    u64 va = MMIO_START + mmio_used * PAGE_SIZE;

    BUG_ON(mmio_used == PT_ENTRIES);
    pte_set(&mmio_table[mmio_used++],
            pte_make(pa >> PAGE_SHIFT, PROT_KERNEL_DEVICE));
    return (volatile char *)va + pa % PAGE_SIZE;
}
