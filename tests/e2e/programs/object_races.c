/*
 * Objects with pagers when things happen at once: pagers killed at each stage,
 * waiters that go, mappings that change under evictions, several objects. No
 * write is lost, nobody is stuck; that no frame is lost the kernel says at the
 * end. Prints TAP.
 */
#include "object_util.h"

#include <elf.h>

enum {
    COUNT = 32,
    FRAMES = 8,
    WORKERS = 3,
    STEPS = 120
};

static char *pages;
static volatile int *reached;

/* ---- pagers that die ---- */

enum {
    BEFORE_READ,
    BEFORE_FILL,
    BEFORE_WAKE,
    AFTER_ALL,
    STAGES
};

/* A pager that comes as far as STAGE, and waits there to be killed. */
static void serve_until(int stage)
{
    long page;

    if (stage > BEFORE_READ)
        page = next_miss();
    if (stage > BEFORE_FILL)
        must(!request(UFFDIO_FL_FILL, UFFD_FL_MODE_DONTWAKE, page, 1, source,
                      NULL));
    if (stage > BEFORE_WAKE)
        must(!request(UFFDIO_FL_WAKE, 0, page, 1, NULL, NULL));
    *reached = 1;
    for (;;)
        pause();
}

static void *probe_it(void *address)
{
    return (void *)(long)probe_read(address);
}

static void test_killed(void)
{
    for (int stage = 0; stage < STAGES; stage++) {
        long expected = stage < BEFORE_WAKE ? BUS_ADRERR : 0;
        pthread_t thread;
        pid_t pid;

        *reached = 0;
        object_new(COUNT, 0, 0);
        pages = object_map(MAP_SHARED, COUNT);
        pid = fork();
        if (!pid)
            serve_until(stage);
        close(pager);
        thread = thread_start(probe_it, pages + PAGE);
        while (!*reached)
            sched_yield();
        let_run();
        must(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
        is(thread_join(thread), expected, "killed at stage %d", stage);
        munmap(pages, COUNT * PAGE);
        close(object);
    }
}

/* ---- waiters that go ---- */

/* The so-manieth that waits. */
static pid_t toucher(int number)
{
    pid_t pid = fork();

    if (!pid)
        _exit(pages[PAGE]);
    await_faults(pager, number);
    return pid;
}

static pid_t waiters[3];

static void three_touch(void)
{
    for (int i = 0; i < 3; i++)
        waiters[i] = toucher(i + 1);
}

static void goes(pid_t pid)
{
    must(!kill(pid, SIGKILL) && wait_status(pid) == 1000 + SIGKILL);
}

static void test_waiters_go(void)
{
    pthread_t thread;

    object_new(COUNT, 0, 0);
    pages = object_map(MAP_SHARED, COUNT);
    three_touch();
    goes(waiters[0]);
    goes(waiters[1]);
    is(next_miss(), 1, "who waits still asks for those who have died");
    must(is_quiet() && !fill_with(1, 'b'));
    is(wait_status(waiters[2]), 'b', "and gets the page");
    must(!evict(1, 1));
    three_touch();
    must(next_miss() == 1);
    goes(waiters[1]);
    ok(is_quiet(), "what is known is not asked again when one goes");
    goes(waiters[0]);
    ok(is_quiet(), "nor when it is who asked");
    must(!fill_with(1, 'c'));
    is(wait_status(waiters[2]), 'c', "who is left gets the page");
    thread = thread_start(probe_it, pages);
    must(next_miss() == 0);
    must(!munmap(pages, COUNT * PAGE));
    close(object);
    close(pager);
    is(thread_join(thread), SEGV_MAPERR, "an object with only a waiter left");
}

/* ---- writes against evictions ---- */

static char disk[COUNT][PAGE];
static int ring[FRAMES], oldest, resident;

static void save(int page)
{
    while (clean(page, 1))
        must(errno == EAGAIN);
    must(pread(object, disk[page], PAGE, (long)page * PAGE) == PAGE);
}

static void put_out(int page)
{
    while (evict(page, 1)) {
        must(errno == EBUSY);
        save(page);
    }
}

static void bring_in(int page)
{
    if (resident == FRAMES) {
        put_out(ring[oldest]);
        oldest = (oldest + 1) % FRAMES;
        resident--;
    }
    must(!request(UFFDIO_FL_FILL, 0, page, 1, disk[page], NULL));
    ring[(oldest + resident++) % FRAMES] = page;
}

/* Also saves what nobody asked it to, to be in the way. */
static void serve_evicting(void)
{
    struct pollfd ready = {.fd = pager, .events = POLLIN};

    for (unsigned n = 0;; n++) {
        struct uffd_fl_object_msg m = message(0);

        if (m.event)
            must(m.event == UFFD_EVENT_FL_MISS);
        if (m.event)
            bring_in(m.offset / PAGE);
        else if (resident)
            save(ring[(oldest + n % resident) % FRAMES]);
        if (!m.event)
            poll(&ready, 1, 1);
    }
}

/* A write by another way than this mapping. */
static void write_otherwise(int way, unsigned *word, unsigned value, long at)
{
    struct iovec local = {&value, 4}, remote = {word, 4};

    if (way)
        must(pwrite(object, &value, 4, at) == 4);
    else
        must(syscall(SYS_process_vm_writev, getpid(), &local, 1, &remote, 1,
                     0) == 4);
}

/* Now and then the mapping is another, or has been protected, or forked. */
static char *disturb(char *map, int i)
{
    pid_t pid;

    switch (i % 50) {
    case 10:
        must(!munmap(map, COUNT * PAGE));
        return object_map(MAP_SHARED, COUNT);
    case 20:
        must(!mprotect(map, COUNT * PAGE, PROT_READ));
        must(!mprotect(map, COUNT * PAGE, PROT_READ | PROT_WRITE));
        break;
    case 30:
        must(!madvise(map, COUNT * PAGE, MADV_DONTNEED));
        break;
    case 40:
        pid = fork();
        if (!pid)
            _exit(map[i % COUNT * PAGE] == 99);
        must(wait_status(pid) == 0);
        break;
    case 49:
        return mremap(map, COUNT * PAGE, COUNT * PAGE, MREMAP_MAYMOVE);
    }
    return map;
}

/* Each worker has a word in every page, and knows what must be in it. */
static int work(int who)
{
    unsigned count[COUNT] = {0}, seed = who + 1;
    char *map = object_map(MAP_SHARED, COUNT);

    close(pager);
    for (int i = 0; i < STEPS; i++) {
        unsigned page = (seed = seed * 1664525 + 1013904223) >> 27;
        unsigned *word = (unsigned *)(map + page * PAGE) + who + 1;

        if (*(volatile unsigned *)word != count[page])
            return 1;
        count[page]++;
        if (seed >> 16 & 3)
            *(volatile unsigned *)word = count[page];
        else
            write_otherwise(seed >> 18 & 1, word, count[page],
                            page * PAGE + (who + 1) * 4);
        map = disturb(map, i);
    }
    for (int page = 0; page < COUNT; page++)
        if (((unsigned *)(map + page * PAGE))[who + 1] != count[page])
            return 2;
    return 0;
}

static void test_evictions(void)
{
    pid_t worker[WORKERS], server;
    int wrong = 0;

    object_new(COUNT, 0, FRAMES);
    server = fork();
    if (!server)
        serve_evicting();
    for (int i = 0; i < WORKERS; i++) {
        worker[i] = fork();
        if (!worker[i])
            _exit(work(i));
    }
    close(pager);
    for (int i = 0; i < WORKERS; i++)
        wrong += wait_status(worker[i]) != 0;
    is(wrong, 0, "no write is lost, whatever is cleaned and evicted");
    kill(server, SIGKILL);
    is(wait_status(server), 1000 + SIGKILL, "and the pager had no complaints");
    close(object);
}

/* ---- several objects ---- */

static void test_several(void)
{
    enum {
        OBJECTS = 4
    };
    int fd[OBJECTS], seen = 0;
    pthread_t thread[OBJECTS];

    pager = uffd_new(O_NONBLOCK);
    for (int i = 0; i < OBJECTS; i++) {
        object = fd[i] = memfd("one of several", 0);
        must(!ftruncate(object, PAGE) && !object_bind(0, i, 0));
        thread[i] = thread_start(read_byte, object_map(MAP_SHARED, 1));
    }
    for (int i = 0; i < OBJECTS; i++) {
        struct uffd_fl_object_msg m = message(1);

        seen |= 1 << m.cookie;
        object = fd[m.cookie];
        must(!fill_with(0, 'A' + m.cookie));
    }
    is(seen, (1 << OBJECTS) - 1, "several objects, one pager");
    for (int i = 0; i < OBJECTS; i++) {
        seen -= thread_join(thread[i]) == (void *)(long)('A' + i);
        close(fd[i]);
    }
    is(seen, (1 << OBJECTS) - 1 - OBJECTS, "each with its own bytes");
    close(pager);
}

/* ---- pagers that wait for one another ---- */

static struct {
    int pager, object;
} circle[2];

static volatile int serving;

/* Reads what the other one serves; if nobody would ever bring it, brings what
 * the other one waits for. */
static void *read_other(void *which)
{
    long me = (long)which;
    struct uffdio_fl_object c = {
        .fd = circle[me].object, .len = PAGE, .src = (unsigned long)source};
    char byte;

    (void)uffd_poll(circle[me].pager);
    __atomic_fetch_add(&serving, 1, __ATOMIC_SEQ_CST);
    while (serving < 2)
        sched_yield();
    if (pread(circle[!me].object, &byte, 1, 0) == 1)
        return (void *)(long)byte;
    must(errno == EDEADLK);
    must(!uffd_ioctl(circle[me].pager, UFFDIO_FL_FILL, &c));
    return NULL;
}

static void test_circle(void)
{
    pthread_t thread[2];
    long sum = 0;

    source[0] = 'c';
    for (int i = 0; i < 2; i++) {
        object_new(1, 0, 0);
        circle[i].pager = pager;
        circle[i].object = object;
    }
    for (long i = 0; i < 2; i++)
        thread[i] = thread_start(read_other, (void *)i);
    for (int i = 0; i < 2; i++)
        sum += (long)thread_join(thread[i]);
    is(sum, 'c', "of two pagers in a circle one is told, and helps the other");
    for (int i = 0; i < 2; i++) {
        close(circle[i].pager);
        close(circle[i].object);
    }
}

/* ---- programs ---- */

/* A program that exits with 42, in the middle of three pages. */
static void compose_program(char *file)
{
    static const unsigned char code[] = {0xbf, 42, 0, 0, 0,    0xb8,
                                         60,   0,  0, 0, 0x0f, 0x05};
    const Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = 0x402000,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    const Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_X,
        .p_vaddr = 0x400000,
        .p_filesz = 3 * PAGE,
        .p_memsz = 3 * PAGE,
        .p_align = PAGE,
    };

    memcpy(file, &header, sizeof(header));
    memcpy(file + sizeof(header), &segment, sizeof(segment));
    memcpy(file + 2 * PAGE, code, sizeof(code));
}

static void test_program(void)
{
    char *none[] = {"paged", NULL};
    pid_t pid;

    memset(disk, 0, sizeof(disk));
    compose_program(disk[0]);
    object_new(3, 0, 0);
    pid = fork();
    if (!pid) {
        syscall(SYS_execveat, object, "", none, none + 1, AT_EMPTY_PATH);
        _exit(1);
    }
    is(next_miss(), 0, "execve(2) misses the first page");
    bring_in(0);
    is(next_miss(), 2, "the program that of its code");
    bring_in(2);
    is(wait_status(pid), 42, "and runs");
    object_end();
}

int main(void)
{
    alarm(60);
    reached = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_killed();
    test_waiters_go();
    test_several();
    test_circle();
    test_program();
    resident = 0;
    memset(disk, 0, sizeof(disk));
    test_evictions();
    return done_testing();
}
