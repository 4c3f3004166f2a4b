/*
 * Touching memory that may not be there, and looking at all of it. Relies on
 * handlers that run on the stack they find and leave by siglongjmp(3).
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "mmfuzz.h"

int touch_signal, touch_code;
unsigned touch_key;
uintptr_t touch_address;
static sigjmp_buf back;
static uintptr_t break_start;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    touch_signal = number;
    touch_code = info->si_code;
    touch_address = (uintptr_t)info->si_addr;
    touch_key = *(unsigned *)((char *)info + 32);
    siglongjmp(back, 1);
}

void touch_begin(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER};

    action.sa_sigaction = handler;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    /* With a page of heap below: how far the program is, which Linux draws,
     * would decide whether the area above may grow as far as that. */
    break_start = (SYS(brk) + 2 * PAGE - 1) & -PAGE;
    SYS(brk, break_start);
}

void *at(long address)
{
    if (address >= 0 && (uintptr_t)address < BREAK_SPACE)
        return (void *)(break_start + address);
    return (void *)address;
}

/* A handler's jump leaves the keys' rights as handlers have them. */
static int restored(unsigned rights)
{
    keys_set_rights(rights);
    return 0;
}

int touch_read(const void *p, long *value)
{
    unsigned rights = keys_rights();

    if (sigsetjmp(back, 0))
        return restored(rights);
    *value = *(const volatile long *)p;
    return 1;
}

int touch_write(void *p, long value)
{
    unsigned rights = keys_rights();

    if (sigsetjmp(back, 0))
        return restored(rights);
    *(volatile long *)p = value;
    return 1;
}

/* What is there is zeros ("add %al,(%rax)") or what draw_value() makes: with
 * these registers nothing but the walk through the pages has an effect. */
int touch_call(void *p)
{
    static long scratch[2];
    unsigned rights = keys_rights();

    if (sigsetjmp(back, 0))
        return restored(rights);
    asm volatile("push %%rbp\n"
                 "xor %%ebx, %%ebx\n"
                 "xor %%ebp, %%ebp\n"
                 "xor %%ecx, %%ecx\n"
                 "xor %%edx, %%edx\n"
                 "call *%%rsi\n"
                 "cld\n"
                 "pop %%rbp\n"
                 : "+S"(p)
                 : "a"((uintptr_t)scratch & ~0xfful)
                 : "rbx", "rcx", "rdx", "rdi", "r8", "r9", "r10", "r11",
                   "memory", "cc");
    return 1;
}

static uint64_t mix(uint64_t hash, long value)
{
    return (hash ^ (uint64_t)value) * 0x100000001b3 ^ hash >> 29;
}

/* A letter for what a fault says. */
static char fault_letter(void)
{
    if (touch_signal == SIGBUS)
        return touch_code == BUS_ADRERR ? 'b' : 'B';
    if (touch_signal != SIGSEGV)
        return '!';
    return touch_code == SEGV_MAPERR   ? '.'
           : touch_code == SEGV_ACCERR ? 'x'
                                       : 'k';
}

/* '0' (zeros), 'd' (data) or a fault's letter. */
static char look_page(const char *page, uint64_t *hash)
{
    static const int places[] = {0, 8, 2048, (int)PAGE - 8};
    char letter = '0';
    long value;

    for (int i = 0; i < 4; i++) {
        if (!touch_read(page + places[i], &value))
            return fault_letter();
        if (value)
            letter = 'd';
        *hash = mix(*hash, value);
    }
    return letter;
}

static char ask_mincore(const char *page)
{
    unsigned char resident = 0;
    long r = SYS(mincore, page, PAGE, &resident);

    return r ? '.' : resident & 1 ? '1' : '0';
}

/* First what is resident, then what is there: reading makes it so. */
static uint64_t look_pages(const char *start, size_t pages)
{
    static const struct op mincore = {.call = NULL};
    char map[ARENA_PAGES + 1] = "", resident[ARENA_PAGES + 1] = "";
    struct op asked = mincore;
    uint64_t hash = 0;

    asked.call = call_find("mincore", 7);
    for (size_t i = 0; i < pages && !op_masked(&asked); i++)
        resident[i] = ask_mincore(start + i * PAGE);
    for (size_t i = 0; i < pages; i++)
        map[i] = look_page(start + i * PAGE, &hash);
    log_text(" [%s] [%s]", resident, map);
    touch_signal = 0;
    return hash;
}

void look(void)
{
    uint64_t hash = look_pages((const char *)ARENA, ARENA_PAGES);

    hash = mix(hash, look_pages(at(0), BREAK_PAGES));
    log_text(" %016lx", (unsigned long)hash);
}

void look_at(const void *start, size_t size)
{
    size_t pages = size / PAGE < ARENA_PAGES ? size / PAGE : ARENA_PAGES;

    log_text(" %016lx", (unsigned long)look_pages(start, pages));
}
