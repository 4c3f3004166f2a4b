/*
 * System calls, traced: the ring of the last ones for GDB and, when the trace
 * streams, a record of each, with the tree of areas after those that change
 * it. Nothing here runs unless the command line asks (trace_stream.h).
 */
#include <kernel/syscall.h>
#include <kernel/thread.h>
#include <kernel/trace_stream.h>
#include <uapi/faultline/userfaultfd.h>

struct trace_slot trace_calls[TRACE_CALLS];
u64 trace_call_count;

static bool is_exec(u64 number)
{
    return number == NR_execve || number == NR_execveat;
}

static bool changes_areas(u64 number, const u64 arg[6])
{
    if (number == NR_ioctl)
        return (u32)arg[1] == UFFDIO_REGISTER ||
               (u32)arg[1] == UFFDIO_UNREGISTER;
    return (number >= NR_mmap && number <= NR_brk) ||
           (number >= NR_mlock && number <= NR_munlockall) ||
           number == NR_mremap || number == NR_madvise || number == NR_mlock2 ||
           number == NR_pkey_mprotect || number == NR_process_madvise ||
           is_exec(number);
}

/* The next node in preorder. */
static struct rb_node *preorder_next(struct rb_node *node)
{
    struct rb_node *from = node;

    if (node->left)
        return node->left;
    if (node->right)
        return node->right;
    for (node = node->parent; node; from = node, node = node->parent)
        if (node->left == from && node->right)
            return node->right;
    return NULL;
}

/* Three words of an area; see the header. */
static void tree_node(u64 *out, struct rb_node *node)
{
    struct vm_area_struct *vma =
        container_of(node, struct vm_area_struct, vm_rb);

    out[0] =
        vma->vm_start | !!node->red | !!node->left << 1 | !!node->right << 2;
    out[1] = vma->vm_end;
    out[2] = vma->vm_flags;
}

static void write_tree(struct thread *t, u64 now)
{
    struct mm_struct *mm = t->mm;
    u64 *nodes = kmalloc(TRACE_TREE_MAX * 3 * sizeof(*nodes));
    struct rb_node *node;
    unsigned n = 0;

    if (!nodes)
        return;
    mmap_read_lock(mm);
    if (mm->map_count <= TRACE_TREE_MAX)
        for (node = mm->mm_rb.node; node; node = preorder_next(node))
            tree_node(&nodes[3 * n++], node);
    if (mm->vma_fresh && n && n < TRACE_TREE_MAX) {
        tree_node(&nodes[3 * n], &mm->vma_fresh->vm_rb);
        nodes[3 * n] = mm->vma_fresh->vm_start | TRACE_NODE_ALONE;
        n++;
    }
    mmap_read_unlock(mm);
    trace_write(TRACE_TREE, t->tid, now, nodes, 3 * n * sizeof(*nodes));
    kfree(nodes);
}

static void stream_call(struct thread *t, u64 begin,
                        const struct trace_call *call)
{
    if ((call->number != NR_read && call->number != NR_ioctl) ||
        !trace_uffd(t->tid, begin, call))
        trace_write(TRACE_CALL, t->tid, begin, call, sizeof(*call));
    if (is_exec(call->number) || call->number == NR_prctl)
        trace_write(TRACE_NAME, t->tid, call->end, t->name, sizeof(t->name));
    if (changes_areas(call->number, call->arg) && t->mm)
        write_tree(t, call->end);
}

long trace_syscall(u64 number, const u64 arg[6])
{
    u64 n = __atomic_fetch_add(&trace_call_count, 1, __ATOMIC_RELAXED);
    struct trace_slot *slot = &trace_calls[n % TRACE_CALLS];
    struct thread *t = current;
    struct trace_call call = {
        .number = number,
        .arg = {arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]},
    };
    u64 begin = cycles();
    long result;

    *slot = (struct trace_slot){begin, t->tid, call};
    result =
        syscall_table[number](arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    call.result = (u64)result;
    call.end = cycles();
    if (slot->begin == begin) {
        slot->call.result = call.result;
        slot->call.end = call.end;
    }
    if (trace_streams)
        stream_call(t, begin, &call);
    return result;
}
