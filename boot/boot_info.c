/*
 * From the loader's tags to boot_info and memblock. Bad boot information ends
 * the machine with a sentence about what is wrong with it.
 */
#include <arch/machine.h>
#include <base/printk.h>
#include <kernel/console.h>
#include <mm/page.h>
#include "multiboot2.h"

#define BOOT_TABLES_LIMIT (4ul << 30)
#define LOW_MEMORY        (1ul << 20) /* firmware's; never used */

extern char kernel_phys_start[], kernel_phys_end[];

void boot_info_read(phys_addr_t pa)
{
    boot_info.kernel_start = (phys_addr_t)kernel_phys_start;
    boot_info.kernel_end = (phys_addr_t)kernel_phys_end;
    if (!multiboot2_parse(phys_to_virt(pa), BOOT_TABLES_LIMIT - pa, &boot_info))
        return;
    console_panic_mode();
    printk("PANIC: boot: bad boot information: %s\n", multiboot2_reason());
    machine_end(-1, END_BOOT_ERROR);
}

void boot_memory_init(void)
{
    unsigned i;

    for (i = 0; i < boot_info.region_count; i++)
        if (boot_info.regions[i].type == BOOT_REGION_USABLE)
            memblock_add(boot_info.regions[i].base,
                         boot_info.regions[i].length);
    /* Firmware's maps overlap at times: what is not usable wins. */
    for (i = 0; i < boot_info.region_count; i++)
        if (boot_info.regions[i].type != BOOT_REGION_USABLE)
            memblock_reserve(boot_info.regions[i].base,
                             boot_info.regions[i].length);
    memblock_reserve(0, LOW_MEMORY);
    memblock_reserve(boot_info.kernel_start,
                     boot_info.kernel_end - boot_info.kernel_start);
    for (i = 0; i < boot_info.module_count; i++)
        memblock_reserve(boot_info.modules[i].start,
                         boot_info.modules[i].end - boot_info.modules[i].start);
}
