/*
 * Faults in special places, served by a pager: on the stack, on code, for the
 * strings of execve(2), for the kernel's own accesses on behalf of calls, at a
 * thread's birth and end, and for the frame of a signal's handler.
 */
#define _GNU_SOURCE
#include "uffd_lend.h"

#include <elf.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

/* ---- the stack ---- */

static __attribute__((noinline)) int deep(int n)
{
    volatile char room[1024];

    room[0] = (char)n;
    return n ? deep(n - 1) + room[0] - (char)n + 1 : 0;
}

static __attribute__((noinline)) void test_stack(void)
{
    char here, *low;

    (void)deep(60); /* it has grown so far */
    low = (char *)(((unsigned long)&here - 12 * PAGE) & -PAGE);
    lend(low, 8 * PAGE);
    is(deep(40), 40, "a stack whose pages a pager brings");
    ok(lend_end() >= 5, "page by page");
}

static void *use_stack(void *unused)
{
    (void)unused;
    return (void *)(long)deep(40);
}

static void test_thread_stack(void)
{
    char *stack = map_pages(16);
    pthread_attr_t attr;
    pthread_t thread;

    must(!pthread_attr_init(&attr));
    must(!pthread_attr_setstack(&attr, stack, 16 * PAGE));
    lend(stack, 16 * PAGE);
    must(!pthread_create(&thread, &attr, use_stack, NULL));
    is(thread_join(thread), 40, "a thread's stack, from its first page on");
    ok(lend_end() >= 10, "page by page");
    munmap(stack, 16 * PAGE);
}

/* ---- code ---- */

static void test_code(void)
{
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    char *page = map_pages(2);

    memcpy(page + PAGE - 2, code, sizeof(code));
    must(!mprotect(page, 2 * PAGE, PROT_READ | PROT_EXEC));
    lend(page, 2 * PAGE);
    is(((int (*)(void))(uintptr_t)(page + PAGE - 2))(), 42,
       "an instruction across two pages of a pager's");
    is(lend_end(), 2, "both are brought");
    munmap(page, 2 * PAGE);
}

/* The message of a fetch says nothing but where. */
static void *call_code(void *page)
{
    return (void *)(long)((int (*)(void))(uintptr_t)page)();
}

static void test_code_message(void)
{
    static const unsigned char code[] = {0xb8, 43, 0, 0, 0, 0xc3};
    char *page = map_pages(1);
    struct uffd_msg message;
    pthread_t thread;
    int fd = uffd_new(0);

    must(!mprotect(page, PAGE, PROT_READ | PROT_EXEC));
    must(!uffd_register(fd, page, PAGE));
    thread = thread_start(call_code, page);
    message = uffd_next(fd);
    is(message.arg.pagefault.address, (long)page, "a fetch's message");
    is(message.arg.pagefault.flags, 0, "has no flag");
    memcpy(source, code, sizeof(code));
    must(!uffd_copy(fd, page, source, PAGE));
    is(thread_join(thread), 43, "and the code runs");
    close(fd);
    munmap(page, PAGE);
}

/* ---- execve ---- */

#define BASE 0x10000000UL

/* Exits with the first bytes of argv[1] and envp[0], added up. */
static const unsigned char program[] = {
    0x48, 0x8b, 0x44, 0x24, 0x10, /* mov 16(%rsp), %rax: argv[1] */
    0x0f, 0xb6, 0x38,             /* movzbl (%rax), %edi */
    0x48, 0x8b, 0x44, 0x24, 0x20, /* mov 32(%rsp), %rax: envp[0] */
    0x0f, 0xb6, 0x00,             /* movzbl (%rax), %eax */
    0x01, 0xc7,                   /* add %eax, %edi */
    0xb8, 231,  0,    0,    0,    /* mov $231, %eax: exit_group */
    0x0f, 0x05,                   /* syscall */
};

static int write_program(void)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        unsigned char code[sizeof(program)];
    } image = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
                               EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_entry = BASE + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
                   .e_phoff = sizeof(Elf64_Ehdr),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 1},
        .segment = {.p_type = PT_LOAD,
                    .p_flags = PF_R | PF_X,
                    .p_vaddr = BASE,
                    .p_paddr = BASE,
                    .p_filesz = sizeof(image),
                    .p_memsz = sizeof(image),
                    .p_align = PAGE},
    };
    int fd = syscall(SYS_memfd_create, "program", 0);

    memcpy(image.code, program, sizeof(program));
    must(fd >= 0);
    must(write(fd, &image, sizeof(image)) == sizeof(image));
    return fd;
}

/* The arguments' pointers and strings are lent, the file's name as well. */
static int run_lent(void *unused)
{
    char *pages = map_pages(4);
    char **vectors = (char **)pages;
    int fd = write_program();

    (void)unused;
    vectors[0] = pages + PAGE;
    vectors[1] = pages + 2 * PAGE - 1;
    vectors[4] = pages + 3 * PAGE;
    strcpy(vectors[0], "lent");
    strcpy(vectors[1], "\x11 over two pages");
    strcpy(vectors[4], "\x22=1");
    lend(pages, 4 * PAGE);
    syscall(SYS_execveat, fd, pages + 4 * PAGE - 1, vectors, vectors + 4,
            0x1000 /* AT_EMPTY_PATH */);
    return 1;
}

static void test_exec(void)
{
    is(in_child(run_lent, NULL), 0x33, "execve with a pager's strings");
}

/* ---- the kernel's own accesses ---- */

static void test_read_write(void)
{
    char *page = map_pages(4);
    uint64_t *count = (uint64_t *)page;
    int event = eventfd(0, 0), mem = syscall(SYS_memfd_create, "x", 0);

    *count = 77;
    memset(page + PAGE, 'm', 2 * PAGE);
    lend(page, 4 * PAGE);
    is(write(event, count, 8), 8, "write of an eventfd");
    is(write(mem, page + PAGE, 2 * PAGE), 2 * PAGE, "of two pages");
    is(lent.served, 3, "all by the pager");
    is(read(event, page + 3 * PAGE, 8), 8, "read");
    is(lent.served, 4, "likewise");
    is(*(uint64_t *)(page + 3 * PAGE), 77, "gives what was written");
    is(lseek(mem, 0, SEEK_SET), 0, "the two pages");
    lend_end();
    must(read(mem, lent.copy, 2 * PAGE) == (ssize_t)(2 * PAGE));
    ok(all_bytes(lent.copy, 'm', 2 * PAGE), "have come");
    close(event);
    close(mem);
    munmap(page, 4 * PAGE);
}

static void test_futex(void)
{
    char *page = map_pages(1);
    int *word = (int *)page;

    *word = 5;
    lend(page, PAGE);
    fails(syscall(SYS_futex, word, FUTEX_WAIT, 6, NULL, NULL, 0), EAGAIN,
          "FUTEX_WAIT on a word that has another value");
    is(lend_end(), 1, "which the pager brought");
    lend(page, PAGE);
    is(syscall(SYS_futex, word, FUTEX_WAKE_OP, 0, 0, word,
               FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)),
       0, "FUTEX_WAKE_OP");
    is(lend_end(), 1, "likewise");
    is(*word, 8, "adds to it");
    munmap(page, PAGE);
}

static long other_vm(long call, void *ours, void *theirs, size_t size)
{
    struct iovec local = {ours, size}, remote = {theirs, size};

    return syscall(call, getppid(), &local, 1, &remote, 1, 0);
}

static int reach_parent(void *pages)
{
    char *page = pages, here[16] = "";

    if (other_vm(SYS_process_vm_readv, here, page + PAGE - 4, 8) != 8)
        return 1;
    if (memcmp(here, "aaaabbbb", 8))
        return 2;
    return other_vm(SYS_process_vm_writev, "cccc", page + 2 * PAGE, 4) != 4;
}

static void test_process_vm(void)
{
    char *page = map_pages(3);

    memset(page, 'a', PAGE);
    memset(page + PAGE, 'b', PAGE);
    lend(page, 3 * PAGE);
    is(in_child(reach_parent, page), 0, "process_vm_* of a pager's pages");
    is(lent.served, 3, "all three");
    is(page[2 * PAGE + 1], 'c', "and they hold what was written");
    lend_end();
    munmap(page, 3 * PAGE);
}

/* ---- birth and end ---- */

static void test_clone(void)
{
    char *page = map_pages(1);
    int *tid = (int *)page;
    pid_t pid;

    *tid = 99;
    lend(page, PAGE);
    pid = syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, NULL, tid, NULL, 0);
    if (!pid)
        _exit(3);
    is(*tid, pid, "clone's thread id in a pager's page");
    is(wait_status(pid), 3, "the child ran");
    is(lend_end(), 1, "one page");
    munmap(page, PAGE);
}

static volatile int go;

static int wait_for_go(void *unused)
{
    (void)unused;
    while (!go)
        sched_yield();
    return 4;
}

static void test_clear_tid(void)
{
    char *page = map_pages(1), *stack = map_pages(4);
    int *tid = (int *)page;
    pid_t pid;

    *tid = 99;
    go = 0;
    pid =
        clone(wait_for_go, stack + 4 * PAGE,
              CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, tid);
    must(pid > 0);
    lend(page, PAGE);
    go = 1;
    is(wait_status(pid), 4, "a task whose id is to be cleared at its end");
    is(lent.served, 0, "asks no pager for the word");
    is(*tid, 99, "and leaves it");
    lend_end();
    munmap(page, PAGE);
    munmap(stack, 4 * PAGE);
}

struct lock {
    struct robust_list link;
    uint32_t word;
};

static char *list_page;

static volatile int listed;

/* Ends with a lock on its list, all of which is lent by then. */
static int end_with_lock(void *unused)
{
    struct robust_list_head *head = (struct robust_list_head *)list_page;
    struct lock *lock = (struct lock *)(list_page + PAGE);

    lock->word = syscall(SYS_gettid);
    lock->link.next = &head->list;
    head->list.next = &lock->link;
    head->futex_offset = offsetof(struct lock, word);
    must(!syscall(SYS_set_robust_list, head, sizeof(*head)));
    listed = 1;
    return wait_for_go(unused);
}

static void test_robust(void)
{
    struct lock *lock;
    char *stack = map_pages(8);
    pid_t pid;

    list_page = map_pages(2);
    lock = (struct lock *)(list_page + PAGE);
    go = 0;
    pid = clone(end_with_lock, stack + 8 * PAGE, CLONE_VM | SIGCHLD, NULL);
    must(pid > 0);
    while (!listed)
        sched_yield();
    lend(list_page, 2 * PAGE);
    go = 1;
    is(wait_status(pid), 4, "a task that ends with a lock on a pager's pages");
    is(lent.served, 0, "asks for no list");
    ok(!(lock->word & FUTEX_OWNER_DIED), "and tells its heirs nothing");
    lend_end();
    munmap(list_page, 2 * PAGE);
    munmap(stack, 8 * PAGE);
}

/* ---- signals ---- */

static volatile unsigned long handler_stack;

static void note_stack(int number)
{
    (void)number;
    handler_stack = (unsigned long)__builtin_frame_address(0);
}

static void test_signal_stack(void)
{
    stack_t stack = {.ss_sp = map_pages(8), .ss_size = 8 * PAGE},
            off = {.ss_flags = SS_DISABLE};
    struct sigaction action = {.sa_flags = SA_ONSTACK};
    char *low = stack.ss_sp;

    action.sa_handler = note_stack;
    must(!sigaction(SIGUSR1, &action, NULL));
    must(!sigaltstack(&stack, NULL));
    lend(low, 8 * PAGE);
    raise(SIGUSR1);
    ok(handler_stack - (unsigned long)low < 8 * PAGE,
       "a handler on a pager's stack");
    ok(lend_end() >= 1, "for whose frame the kernel asked");
    must(!sigaltstack(&off, NULL));
    signal(SIGUSR1, SIG_DFL);
    munmap(low, 8 * PAGE);
}

int main(void)
{
    test_stack();
    test_thread_stack();
    test_code();
    test_code_message();
    test_exec();
    test_read_write();
    test_futex();
    test_process_vm();
    test_clone();
    test_clear_tid();
    test_robust();
    test_signal_stack();
    return done_testing();
}
