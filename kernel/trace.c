/*
 * The console's story of a fault, printed from its ledger record when it is
 * over, and the line that names a task killed by one. Reads records only:
 * what it says is what GDB and the viewer see.
 */
#include <arch/trap.h>
#include <base/printk.h>
#include <kernel/boot_info.h>
#include <kernel/thread.h>
#include <kernel/trace.h>
#include <kernel/trace_stream.h>

static const char *const end_text[] = {
    [END_OPEN] = "still open",
    [END_SPURIOUS] = "the access was already allowed",
    [END_ZERO_PAGE] = "mapped the zero page, read-only",
    [END_NEW_PAGE] = "mapped a new page of zeros",
    [END_COW_COPY] = "copied the shared page (copy-on-write)",
    [END_COW_REUSE] = "made our own page writable again",
    [END_OBJECT_MAP] = "mapped the object's page",
    [END_OBJECT_COW] = "copied the object's page",
    [END_PAGER] = "the pager filled the page",
    [END_FIXUP] = "the system call gets EFAULT",
    [END_SIGSEGV] = "SIGSEGV",
    [END_SIGBUS] = "SIGBUS",
    [END_KILLED] = "left for a signal",
    [END_DEADLOCK] = "deadlock: its pager waits for it",
};

const char *trace_end_text(u32 end)
{
    return end < ARRAY_SIZE(end_text) ? end_text[end] : "?";
}

/* "rw-p" and what a pager has to do with it. */
static void print_area(const struct fault_record *rec)
{
    u64 f = rec->vma_flags;

    if (!rec->vma_end) {
        printk("  vma     none holds the address\n");
        return;
    }
    printk("  vma     %016llx-%016llx %c%c%c%c%s%s\n",
           (unsigned long long)rec->vma_start, (unsigned long long)rec->vma_end,
           f & VM_READ ? 'r' : '-', f & VM_WRITE ? 'w' : '-',
           f & VM_EXEC ? 'x' : '-', f & VM_SHARED ? 's' : 'p',
           f & VM_GROWSDOWN ? " stack" : "",
           f & VM_UFFD_MISSING ? " userfaultfd(missing)" : "");
}

/* One entry: its value and the bits that decide. */
static void print_entry(u64 value, unsigned index, int level)
{
    static const char *const names[PT_LEVELS] = {"pt", "pd", "pdpt", "pml4"};
    pte_t e = {value};

    if (pte_none(e)) {
        printk(" %s[%u]=none", names[level], index);
        return;
    }
    printk(" %s[%u]=%llx(%s%s%s%s%s%s)", names[level], index,
           (unsigned long long)value, pte_present(e) ? "P" : "-",
           pte_write(e) ? "W" : "", pte_user(e) ? "U" : "",
           pte_young(e) ? "A" : "", pte_dirty(e) ? "D" : "",
           pte_exec(e) ? "" : " NX");
}

static void print_walk(const char *when, const u64 *walk, u64 address)
{
    printk("  %s", when);
    for (int level = PT_LEVELS - 1; level >= 0; level--)
        print_entry(walk[PT_LEVELS - 1 - level], pt_index(address, level),
                    level);
    printk("\n");
}

/* Ticks from the trap to each stage reached. */
static void print_stages(const struct fault_record *rec)
{
    static const char *const names[STAGE_COUNT] = {
        "trap",
        "queued as a message",
        "read by the pager",
        "filled",
        "woken",
        "resumed",
    };

    printk("  ticks  ");
    for (int i = STAGE_QUEUED; i < STAGE_COUNT; i++)
        if (rec->stage[i])
            printk(" +%llu %s",
                   (unsigned long long)(rec->stage[i] - rec->stage[STAGE_TRAP]),
                   names[i]);
    printk("\n");
}

void trace_story(const struct fault_record *rec)
{
    char why[64];

    fault_error_text(rec->error_code, why, sizeof(why));
    printk("fault #%llu: %s[%u/%u] at %016llx, ip %llx\n",
           (unsigned long long)rec->id, current->name, rec->pid, rec->tid,
           (unsigned long long)rec->address, (unsigned long long)rec->ip);
    printk("  error   0x%x: %s\n", rec->error_code, why);
    print_area(rec);
    if (rec->vma_end) {
        print_walk("before ", rec->walk_before, rec->address);
        if (rec->end != END_DEADLOCK)
            print_walk("after  ", rec->walk_after, rec->address);
    }
    print_stages(rec);
    printk("  end     %s", end_text[rec->end]);
    for (int i = 0; rec->end == END_DEADLOCK && i < 4 && rec->cycle[i]; i++)
        printk(" #%lu", rec->cycle[i]);
    printk("\n");
}

static void trace_both(const struct fault_record *rec)
{
    trace_fault(rec);
    trace_story(rec);
}

void trace_init(void)
{
    bool story = boot_option("trace");

    trace_stream_init();
    if (trace_streams)
        ledger_on_finish = story ? trace_both : trace_fault;
    else if (story)
        ledger_on_finish = trace_story;
}

/* "SEGV_MAPERR" and the like, "" when the number says nothing more. */
static const char *code_name(int sig, int code)
{
    if (sig == SIGSEGV && code == SEGV_MAPERR)
        return " (SEGV_MAPERR)";
    if (sig == SIGSEGV && code == SEGV_ACCERR)
        return " (SEGV_ACCERR)";
    if (sig == SIGSEGV && code == SEGV_PKUERR)
        return " (SEGV_PKUERR)";
    if (sig == SIGBUS && code == BUS_ADRERR)
        return " (BUS_ADRERR)";
    return "";
}

/* The thread's last fault is the one this signal is about. */
static bool record_matches(const struct fault_record *rec, u64 addr)
{
    return rec && rec->tid == current->tid && rec->address == addr;
}

void trace_killed(int sig, int code, u64 addr)
{
    struct thread *t = current;
    const struct fault_record *rec = t->fault;
    char why[64];

    printk("task %s[%u/%u] killed: %s%s at %llx, ip %llx", t->name,
           thread_pid(t), t->tid, signal_name(sig), code_name(sig, code),
           (unsigned long long)addr,
           (unsigned long long)regs_ip(thread_regs(t)));
    if (record_matches(rec, addr)) {
        fault_error_text(rec->error_code, why, sizeof(why));
        printk(", %s, ", why);
        if (rec->vma_end)
            printk("VMA %llx-%llx", (unsigned long long)rec->vma_start,
                   (unsigned long long)rec->vma_end);
        else
            printk("no VMA");
    }
    printk("\n");
}
