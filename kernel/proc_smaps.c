/*
 * /proc/PID/smaps and smaps_rollup, see proc_pid_smaps(5): what each area, or
 * all of them, have resident, in Linux's rows.
 */
#include <arch/pkey.h>
#include <kernel/proc_maps.h>
#include <mm/view.h>

#define VALUE_COLUMN 16

enum row_kind {
    ROW_BYTES,
    ROW_PSS,    /* a fraction */
    ROW_ROLLUP, /* the same, only in smaps_rollup */
    ROW_ZERO,   /* what does not exist here */
};

#define AT(field) (__builtin_offsetof(struct vma_usage, field) / sizeof(u64))

/* In Linux's order; at: which word of the usage. */
static const struct {
    const char *name;
    u8 kind, at;
} rows[] = {
    {"Rss", ROW_BYTES, AT(rss)},
    {"Pss", ROW_PSS, AT(pss)},
    {"Pss_Dirty", ROW_PSS, AT(pss_dirty)},
    {"Pss_Anon", ROW_ROLLUP, AT(pss_anon)},
    {"Pss_File", ROW_ROLLUP, AT(pss_file)},
    {"Pss_Shmem", ROW_ROLLUP, AT(pss_shmem)},
    {"Shared_Clean", ROW_BYTES, AT(shared_clean)},
    {"Shared_Dirty", ROW_BYTES, AT(shared_dirty)},
    {"Private_Clean", ROW_BYTES, AT(private_clean)},
    {"Private_Dirty", ROW_BYTES, AT(private_dirty)},
    {"Referenced", ROW_BYTES, AT(referenced)},
    {"Anonymous", ROW_BYTES, AT(anonymous)},
    {"KSM", ROW_ZERO, 0},
    {"LazyFree", ROW_BYTES, AT(lazyfree)},
    {"AnonHugePages", ROW_ZERO, 0},
    {"ShmemPmdMapped", ROW_ZERO, 0},
    {"FilePmdMapped", ROW_ZERO, 0},
    {"Shared_Hugetlb", ROW_ZERO, 0},
    {"Private_Hugetlb", ROW_ZERO, 0},
    {"Swap", ROW_ZERO, 0},
    {"SwapPss", ROW_ZERO, 0},
    {"Locked", ROW_PSS, AT(pss_locked)},
};

static void show_row(struct seq *s, const char *name, u64 bytes)
{
    size_t from = s->len;

    seq_printf(s, "%s:", name);
    seq_pad(s, from, VALUE_COLUMN);
    seq_printf(s, "%8lu kB\n", bytes >> 10);
}

static void show_usage(struct seq *s, const struct vma_usage *u, bool rollup)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        u64 value = ((const u64 *)u)[rows[i].at];

        if (rows[i].kind == ROW_ROLLUP && !rollup)
            continue;
        if (rows[i].kind == ROW_ZERO)
            value = 0;
        else if (rows[i].kind != ROW_BYTES)
            value >>= PSS_SHIFT;
        show_row(s, rows[i].name, value);
    }
}

/* In Linux's order. */
static const struct {
    u64 flag;
    char name[3];
} flag_names[] = {
    {VM_READ, "rd"},      {VM_WRITE, "wr"},        {VM_EXEC, "ex"},
    {VM_SHARED, "sh"},    {VM_MAYREAD, "mr"},      {VM_MAYWRITE, "mw"},
    {VM_MAYEXEC, "me"},   {VM_MAYSHARE, "ms"},     {VM_GROWSDOWN, "gd"},
    {VM_LOCKED, "lo"},    {VM_SEQ_READ, "sr"},     {VM_RAND_READ, "rr"},
    {VM_DONTCOPY, "dc"},  {VM_DONTEXPAND, "de"},   {VM_LOCKONFAULT, "lf"},
    {VM_ACCOUNT, "ac"},   {VM_NORESERVE, "nr"},    {VM_WIPEONFORK, "wf"},
    {VM_SYNC, "sf"},      {VM_DONTDUMP, "dd"},     {VM_SOFTDIRTY, "sd"},
    {VM_HUGEPAGE, "hg"},  {VM_NOHUGEPAGE, "nh"},   {VM_MERGEABLE, "mg"},
    {VM_UFFD_WP, "uw"},   {VM_UFFD_MISSING, "um"}, {VM_UFFD_MINOR, "ui"},
    {VM_DROPPABLE, "dp"}, {VM_SEALED, "sl"},
};

static void show_flags(struct seq *s, u64 flags)
{
    seq_printf(s, "VmFlags: ");
    for (unsigned i = 0; i < ARRAY_SIZE(flag_names); i++)
        if (flags & flag_names[i].flag)
            seq_printf(s, "%s ", flag_names[i].name);
    seq_printf(s, "\n");
}

static void show_area(const struct proc_file *p __maybe_unused, struct seq *s,
                      struct vm_area_struct *vma)
{
    struct vma_usage u = {0};
    struct maps_line line;

    maps_line_of(vma, &line);
    vma_usage_add(vma, &u);
    maps_line(s, &line);
    show_row(s, "Size", vma->vm_end - vma->vm_start);
    show_row(s, "KernelPageSize", PAGE_SIZE);
    show_row(s, "MMUPageSize", PAGE_SIZE);
    show_usage(s, &u, false);
    seq_printf(s, "THPeligible:           0\n");
    if (arch_pkeys() > 1)
        seq_printf(s, "ProtectionKey:  %8u\n", vma_pkey(vma));
    show_flags(s, vma->vm_flags);
}

int smaps_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    return maps_walk(p, s, cursor, show_area);
}

/* The areas one by one: the mmap lock is let go between them. */
static void usage_of_all(struct mm_struct *mm, struct vma_usage *u,
                         struct maps_line *line)
{
    struct vm_area_struct *vma;

    do {
        mmap_read_lock(mm);
        vma = find_vma(mm, line->end);
        if (vma) {
            if (!line->end)
                line->start = vma->vm_start;
            line->end = vma->vm_end;
            vma_usage_add(vma, u);
        }
        mmap_read_unlock(mm);
    } while (vma);
}

int smaps_rollup_show(const struct proc_file *p, struct seq *s, u64 *cursor)
{
    struct maps_line line = {.name = "[rollup]"};
    struct vma_usage u = {0};
    struct mm_struct *mm;

    if ((*cursor)++)
        return 0;
    mm = proc_task_gone(p) ? NULL : proc_file_mm(p);
    if (!mm)
        return -ESRCH;
    usage_of_all(mm, &u, &line);
    mm_put(mm);
    maps_line(s, &line);
    show_usage(s, &u, true);
    return 0;
}
