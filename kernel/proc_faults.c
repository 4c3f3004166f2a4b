/*
 * Files of Faultline's own in /proc, for its shell: the fault ledger, the
 * walk of any address, the areas that pagers serve.
 */
#include <arch/uaccess.h>
#include <kernel/proc_maps.h>
#include <kernel/procfs.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <mm/userfaultfd.h>

#define ERROR_WRITE 2u /* of the CPU's error code, in words: arch/trap.h */

/* ---- /proc/ledger ---- */

static void show_record(struct seq *s, const struct fault_record *rec)
{
    seq_printf(s, "#%lu [%u/%u] ip %lx: %s of %lx, %lu ticks: %s", rec->id,
               rec->pid, rec->tid, rec->ip,
               rec->error_code & ERROR_WRITE ? "write" : "read or fetch",
               rec->address, rec->stage[STAGE_RESUMED] - rec->stage[STAGE_TRAP],
               trace_end_text(rec->end));
    for (int i = 0; rec->end == END_DEADLOCK && i < 4 && rec->cycle[i]; i++)
        seq_printf(s, " #%lu", rec->cycle[i]);
    seq_printf(s, "\n");
}

/* *cursor counts slots, oldest first for each CPU. */
int ledger_show(const struct proc_file *p __maybe_unused, struct seq *s,
                u64 *cursor)
{
    for (; *cursor < LEDGER_CPUS * LEDGER_SLOTS; (*cursor)++) {
        u32 cpu = (u32)(*cursor / LEDGER_SLOTS);
        const struct fault_record *ring = ledger_rings[cpu];
        size_t len = s->len;

        if (!ring)
            break;
        ring += (ledger_next[cpu] + *cursor) % LEDGER_SLOTS;
        if (!ring->id || record_is_open(ring))
            continue;
        show_record(s, ring);
        if (!seq_fits(s)) {
            s->len = len;
            break;
        }
    }
    return 0;
}

/* ---- /proc/meminfo ---- */

int meminfo_show(const struct proc_file *p __maybe_unused, struct seq *s,
                 u64 *cursor)
{
    u64 free = frames_free() << (PAGE_SHIFT - 10);

    if (!(*cursor)++)
        seq_printf(s,
                   "MemTotal:       %8lu kB\nMemFree:        %8lu kB\n"
                   "MemAvailable:   %8lu kB\n",
                   frames_total() << (PAGE_SHIFT - 10), free, free);
    return 0;
}

/* ---- /proc/PID/walk: for each page the entries that translate it ---- */

static ssize_t walk_read(struct file *f, void __user *buf, size_t n, u64 *pos)
{
    struct mm_struct *mm = proc_file_mm(f->data);
    u64 entries[PT_LEVELS], va = *pos / sizeof(entries) * PAGE_SIZE;
    int r;

    if (!mm)
        return 0;
    mmap_read_lock(mm);
    for (int level = 0; level < PT_LEVELS; level++) {
        pte_t *pte = pt_walk(mm->pgd, va, level);

        entries[PT_LEVELS - 1 - level] = pte ? pte_get(pte).v : 0;
    }
    mmap_read_unlock(mm);
    mm_put(mm);
    if (n < sizeof(entries) || va >= TASK_SIZE)
        return -EINVAL;
    r = copy_to_user(buf, entries, sizeof(entries));
    if (r)
        return r;
    *pos += sizeof(entries);
    return sizeof(entries);
}

const struct file_operations walk_ops = {
    .read = walk_read,
    .stat = proc_stat,
    .release = proc_release,
    .seekable = true,
};

/* ---- /proc/PID/uffd ---- */

static void show_served(const struct proc_file *p, struct seq *s,
                        struct vm_area_struct *vma)
{
    struct userfaultfd_ctx *ctx = vma->vm_uffd;
    unsigned pending, total;

    if (!ctx)
        return;
    userfaultfd_count(ctx, &pending, &total);
    seq_printf(s, "[%u] %lx-%lx%s%s%s: %u faults unread, %u being served\n",
               p->task->pid, vma->vm_start, vma->vm_end,
               vma->vm_flags & VM_UFFD_MISSING ? " missing" : "",
               vma->vm_flags & VM_UFFD_WP ? " write-protect" : "",
               vma->vm_flags & VM_UFFD_MINOR ? " minor" : "", pending,
               total - pending);
}

int uffd_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    return maps_walk(p, s, cursor, show_served);
}
