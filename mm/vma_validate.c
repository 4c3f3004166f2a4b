/*
 * Checks everything that must be true of an address space's areas. Slow on
 * purpose: it recomputes and compares. For tests and debug builds.
 */
#include <base/printk.h>
#include <mm/mm.h>

static int complain(const struct vm_area_struct *vma, const char *what)
{
    printk("validate_mm: area %lx-%lx: %s\n", vma ? vma->vm_start : 0,
           vma ? vma->vm_end : 0, what);
    return -EINVAL;
}

/* The object finds the area by the last page it maps. */
static bool object_knows(const struct vm_area_struct *vma)
{
    const struct interval_node *want = &vma->vm_object_node, *node;
    struct mem_object *object = vma->vm_object;

    if (want->first != vma->vm_pgoff ||
        want->last != vma->vm_pgoff + vma_pages(vma) - 1)
        return false;
    spin_lock(&object->lock);
    node = interval_first(&object->mappings, want->last, want->last);
    while (node && node != want)
        node =
            interval_next((struct interval_node *)node, want->last, want->last);
    spin_unlock(&object->lock);
    return node;
}

/* One area against its predecessor in the list, and in itself. */
static const char *area_fault(const struct mm_struct *mm,
                              const struct vm_area_struct *vma,
                              const struct vm_area_struct *prev)
{
    if (vma->vm_mm != mm)
        return "belongs to another mm";
    if (vma->vm_start >= vma->vm_end || vma->vm_end > TASK_SIZE ||
        !IS_ALIGNED(vma->vm_start | vma->vm_end, PAGE_SIZE))
        return "bad edges";
    if (vma->vm_prev != prev)
        return "wrong vm_prev";
    if (prev && prev->vm_end > vma->vm_start)
        return "overlaps the one before";
    if (vma != mm->vma_fresh && vma->vm_gap != vma_gap(vma, mm->vma_fresh))
        return "wrong vm_gap";
    if ((vma->vm_flags & VM_GUARD_MASK) && !vma->vm_uffd)
        return "a guard without a context";
    if (!vma->vm_uffd != !(vma->vm_flags & VM_UFFD_ANY))
        return "userfaultfd flags without a context, or the reverse";
    if (vma->vm_object && !object_knows(vma))
        return "not linked to its object where it should be";
    return NULL;
}

int validate_mm(struct mm_struct *mm)
{
    struct rb_node *node = rb_first(&mm->mm_rb);
    struct vm_area_struct *vma, *prev = NULL;
    u32 count = 0;

    for_each_vma (mm, vma) {
        const char *fault = area_fault(mm, vma, prev);

        if (fault)
            return complain(vma, fault);
        prev = vma;
        count++;
        if (vma == mm->vma_fresh)
            continue;
        if (node != &vma->vm_rb)
            return complain(vma, "tree and list disagree");
        node = rb_next(node);
    }
    if (node)
        return complain(prev, "the tree has more areas than the list");
    if (rb_validate(&mm->mm_rb) < 0)
        return complain(NULL, "red-black rules or gaps broken");
    if (count != mm->map_count)
        return complain(prev, "wrong map_count");
    if (mm->highest_vm_end != (prev ? prev->vm_end : 0))
        return complain(prev, "wrong highest_vm_end");
    return 0;
}

int validate_counts(const struct mm_struct *mm)
{
    const struct vm_area_struct *vma;
    struct mm_struct sum = {0};

    for_each_vma (mm, vma)
        vm_stat_account(&sum, vma->vm_flags, (s64)vma_pages(vma));
    if (sum.total_vm == mm->total_vm && sum.data_vm == mm->data_vm &&
        sum.stack_vm == mm->stack_vm && sum.exec_vm == mm->exec_vm &&
        sum.locked_vm == mm->locked_vm)
        return 0;
    printk("validate_counts: total %lu data %lu stack %lu exec %lu locked %lu, "
           "by area %lu %lu %lu %lu %lu\n",
           mm->total_vm, mm->data_vm, mm->stack_vm, mm->exec_vm, mm->locked_vm,
           sum.total_vm, sum.data_vm, sum.stack_vm, sum.exec_vm, sum.locked_vm);
    return -EINVAL;
}
