/*
 * mprotect(2): arguments, what a failure in the middle leaves behind, and
 * the rights themselves, including no-execute. The raw system call is used:
 * the C library rounds the range itself.
 */
#include "probe.h"

#define RW  (PROT_READ | PROT_WRITE)
#define RET 0xc3 /* x86: return to the caller */

static long protect(void *address, size_t size, int rights)
{
    return syscall(SYS_mprotect, address, size, rights);
}

static void test_arguments(void)
{
    char *pages = map_pages(1);

    fails(protect(pages + 1, PAGE, PROT_READ), EINVAL,
          "mprotect within a page");
    works(protect(pages, 0, PROT_NONE), "mprotect of no bytes does nothing");
    is(probe_write(pages, 1), 0, "the page is still writable");
    fails(protect(pages, PAGE, 0x100), EINVAL,
          "mprotect with an unknown right");
    fails(protect(pages, PAGE, PROT_GROWSDOWN | PROT_GROWSUP), EINVAL,
          "mprotect that grows both ways");
    fails(protect(pages, PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL,
          "PROT_GROWSDOWN where nothing grows");
    fails(protect(pages, -PAGE, PROT_READ), ENOMEM,
          "mprotect that wraps around");
    fails(protect((void *)(1UL << 63), PAGE, PROT_READ), ENOMEM,
          "mprotect at a non-canonical address");
    munmap(pages, PAGE);
    fails(protect(pages, PAGE, PROT_READ), ENOMEM, "mprotect of a hole");
}

/* Linux changes what lies before the hole. */
static void test_hole(void)
{
    char *pages = map_pages(3);

    munmap(pages + PAGE, PAGE);
    fails(protect(pages, 3 * PAGE, PROT_READ), ENOMEM, "mprotect over a hole");
    is(probe_write(pages, 1), SEGV_ACCERR, "changes what is before the hole");
    is(probe_write(pages + 2 * PAGE, 1), 0, "and not what is after it");
    munmap(pages, 3 * PAGE);
}

static void test_rights(void)
{
    char *pages = map_pages(2);

    memset(pages, 7, 2 * PAGE);
    works(protect(pages, PAGE, PROT_READ), "read-only");
    is(probe_read(pages), 0, "can be read");
    is(probe_write(pages, 1), SEGV_ACCERR, "cannot be written");
    ok(probe_address == pages, "the address is told");
    is(probe_write(pages + PAGE, 7), 0, "the next page can");
    works(protect(pages, PAGE, PROT_NONE), "no access");
    is(probe_read(pages + 5), SEGV_ACCERR, "cannot be read");
    ok(probe_address == pages + 5, "the address is told to the byte");
    is(probe_write(pages, 1), SEGV_ACCERR, "cannot be written");
    works(protect(pages, PAGE, PROT_WRITE), "write-only");
    is(probe_read(pages), 0, "can be read: x86 has no write-only pages");
    works(protect(pages, 2 * PAGE, RW), "read-write");
    ok(all_bytes(pages, 7, 2 * PAGE), "the bytes have not changed");
    munmap(pages, 2 * PAGE);
}

/* Rights are those of the mapping also where no page is there yet. */
static void test_untouched(void)
{
    char *pages = map_pages(2);

    protect(pages, 2 * PAGE, PROT_NONE);
    is(probe_read(pages), SEGV_ACCERR, "no access to a page not yet there");
    protect(pages, 2 * PAGE, PROT_READ);
    is(probe_read(pages), 0, "a read gives the zero page");
    is(probe_write(pages, 1), SEGV_ACCERR, "which is not written");
    protect(pages, 2 * PAGE, RW);
    is(probe_write(pages, 5), 0, "until mprotect allows it");
    is(probe_write(pages + PAGE, 6), 0, "here without a read before");
    ok(pages[0] == 5 && pages[1] == 0 && pages[PAGE] == 6, "bytes are right");
    munmap(pages, 2 * PAGE);
}

static void test_execute(void)
{
    char *code = map_pages(1);

    code[0] = (char)RET;
    is(probe_call(code), SEGV_ACCERR, "data is not executed");
    ok(probe_address == code, "the address is the jump's target");
    works(protect(code, PAGE, PROT_READ | PROT_EXEC), "read and execute");
    is(probe_call(code), 0, "code is executed");
    is(probe_write(code, 0), SEGV_ACCERR, "and not written");
    works(protect(code, PAGE, PROT_READ), "execution is taken away");
    is(probe_call(code), SEGV_ACCERR, "at once");
    munmap(code, PAGE);
    is(probe_call(code), SEGV_MAPERR, "nothing is executed in a hole");
}

/* Losing and regaining write access must not lose a private copy. */
static void test_flip(void)
{
    volatile unsigned *word = (void *)map_pages(1);
    int wrong = 0;

    for (unsigned i = 0; i < 100; i++) {
        *word = i;
        wrong += protect((void *)word, PAGE, PROT_READ) != 0;
        wrong += *word != i;
        wrong += protect((void *)word, PAGE, RW) != 0;
        wrong += *word != i;
    }
    is(wrong, 0, "100 flips of the rights keep the value");
    munmap((void *)word, PAGE);
}

int main(void)
{
    test_arguments();
    test_hole();
    test_rights();
    test_untouched();
    test_execute();
    test_flip();
    return done_testing();
}
