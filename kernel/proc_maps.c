/*
 * /proc/PID/maps, see proc_pid_maps(5): a line per area, by address. The areas
 * may change between two pages of the text; each page is of one moment.
 */
#include <kernel/proc_maps.h>
#include <mm/object.h>

#define NAME_COLUMN 72
#define NO_DEVICE   0u
#define OUR_DEVICE  1u /* minor number: objects have no file system */

/* The program break's area, and the first stack. */
static bool is_heap(const struct vm_area_struct *vma)
{
    const struct mm_struct *mm = vma->vm_mm;

    return vma->vm_start < mm->brk && vma->vm_end > mm->start_brk;
}

static bool is_stack(const struct vm_area_struct *vma)
{
    u64 at = vma->vm_mm->start_stack;

    return vma->vm_start <= at && vma->vm_end >= at;
}

/* [vdso] and [vvar] are no files. */
static bool kernels(const struct mem_object *object)
{
    return object && *object->name == '[';
}

void vma_name(const struct vm_area_struct *vma, char *name, size_t size)
{
    const char *what = "";

    if (vma->vm_object)
        snprintk(name, size, "%s%s", kernels(vma->vm_object) ? "" : "/",
                 vma->vm_object->name);
    else
        snprintk(name, size, "%s",
                 is_heap(vma)    ? "[heap]"
                 : is_stack(vma) ? "[stack]"
                                 : what);
}

void maps_line(struct seq *s, const struct maps_line *line)
{
    size_t from = s->len;
    u64 flags = line->flags;

    seq_printf(s, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", line->start,
               line->end, flags & VM_READ ? 'r' : '-',
               flags & VM_WRITE ? 'w' : '-', flags & VM_EXEC ? 'x' : '-',
               flags & VM_MAYSHARE ? 's' : 'p', line->offset, 0, line->device,
               line->inode);
    if (*line->name) {
        seq_pad(s, from, NAME_COLUMN);
        seq_printf(s, " %s", line->name);
    }
    seq_printf(s, "\n");
}

void maps_line_of(const struct vm_area_struct *vma, struct maps_line *line)
{
    const struct mem_object *object = vma->vm_object;

    line->start = vma->vm_start;
    line->end = vma->vm_end;
    line->flags = vma->vm_flags;
    line->offset = object ? vma->vm_pgoff << PAGE_SHIFT : 0;
    line->device = object && !kernels(object) ? OUR_DEVICE : NO_DEVICE;
    line->inode = object && !kernels(object) ? object->ino : 0;
    vma_name(vma, line->name, sizeof(line->name));
}

int maps_walk(const struct proc_file *p, struct seq *s, u64 *cursor,
              void (*show)(const struct proc_file *p, struct seq *s,
                           struct vm_area_struct *vma))
{
    struct mm_struct *mm = proc_file_mm(p);
    struct vm_area_struct *vma;
    size_t len;

    if (proc_task_gone(p)) {
        if (mm)
            mm_put(mm);
        return -ESRCH;
    }
    if (!mm)
        return 0;
    mmap_read_lock(mm);
    for (vma = find_vma(mm, *cursor); vma; vma = vma->vm_next) {
        len = s->len;
        show(p, s, vma);
        if (!seq_fits(s)) {
            s->len = len;
            break;
        }
        *cursor = vma->vm_end;
    }
    mmap_read_unlock(mm);
    mm_put(mm);
    return 0;
}

static void show_line(const struct proc_file *p __maybe_unused, struct seq *s,
                      struct vm_area_struct *vma)
{
    struct maps_line line;

    maps_line_of(vma, &line);
    maps_line(s, &line);
}

int maps_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    return maps_walk(p, s, cursor, show_line);
}
