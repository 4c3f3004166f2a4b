/*
 * The vDSO of each program, see vdso(7): two areas over pages of the kernel's
 * image, [vvar] with what it reads and [vdso] with the code. Ordinary private
 * mappings, so fork copies them, and a program may move or unmap them.
 */
#include <arch/machine.h>
#include <base/errno.h>
#include <base/printk.h>
#include <kernel/exec.h>
#include <mm/mm.h>
#include <uapi/faultline/mman.h>

static struct mem_object *code, *data;

void vdso_init(void)
{
    const struct vdso_pages pages = arch_vdso_pages();

    code = object_create_module("[vdso]", pages.code, pages.size);
    data = object_create_module("[vvar]", pages.data, PAGE_SIZE);
    if (!code || !data)
        panic("no memory for the vDSO");
}

/* Nobody writes what all programs read, not even through mprotect(). */
static void make_special(struct mm_struct *mm, u64 addr)
{
    struct vm_area_struct *vma;

    mmap_write_lock(mm);
    vma = find_vma(mm, addr);
    vma->vm_flags &= ~(VM_MAYWRITE | VM_MAYEXEC);
    vma->vm_flags |= VM_DONTEXPAND;
    vma->vm_next->vm_flags |= VM_DONTEXPAND;
    mmap_write_unlock(mm);
}

int vdso_map(struct mm_struct *mm, u64 *at)
{
    long addr = do_mmap(mm, 0, PAGE_SIZE + ALIGN_UP(code->size, PAGE_SIZE),
                        PROT_READ, MAP_PRIVATE, data, 0, false);

    if (addr < 0)
        return (int)addr;
    *at = (u64)addr + PAGE_SIZE;
    addr = do_mmap(mm, *at, code->size, PROT_READ | PROT_EXEC,
                   MAP_PRIVATE | MAP_FIXED, code, 0, false);
    if (addr < 0)
        return (int)addr;
    make_special(mm, *at - PAGE_SIZE);
    return 0;
}
