/*
 * prctl(2), PR_SET_MDWE: memory that can be executed is never writable and has
 * been executable from the beginning; the promise cannot be taken back, and a
 * child has it too unless it is not to be inherited.
 */
#include "mm_util.h"

#include <sys/prctl.h>

#define SET        65
#define GET        66
#define REFUSE     1
#define NO_INHERIT 2
#define RX         (PROT_READ | PROT_EXEC)

static char *map(int prot)
{
    return mmap(NULL, PAGE, prot, ANON, -1, 0);
}

static void test_arguments(void)
{
    fails(prctl(SET, REFUSE, 0, 0, 1), EINVAL, "a fifth argument");
    fails(prctl(SET, 4, 0, 0, 0), EINVAL, "an unknown bit");
    fails(prctl(SET, NO_INHERIT, 0, 0, 0), EINVAL, "only what is inherited");
    fails(prctl(GET, 1, 0, 0, 0), EINVAL, "PR_GET_MDWE has no argument");
    is(prctl(GET, 0, 0, 0, 0), 0, "nobody has it at first");
    works(prctl(SET, 0, 0, 0, 0), "and may say so");
}

static void test_rules(void)
{
    char *before = map(RX | PROT_WRITE);
    char *page = map(RW);

    ok(before != MAP_FAILED, "writable and executable, without the promise");
    works(prctl(SET, REFUSE, 0, 0, 0), "PR_SET_MDWE");
    is(prctl(GET, 0, 0, 0, 0), REFUSE, "PR_GET_MDWE");
    ok(map(RX | PROT_WRITE) == MAP_FAILED && errno == EACCES,
       "mmap, writable and executable: EACCES");
    ok(map(RX) != MAP_FAILED, "mmap, executable");
    fails(mprotect(page, PAGE, RX), EACCES, "data does not become code");
    works(mprotect(page, PAGE, PROT_READ), "other rights change as ever");
    fails(mprotect(page, PAGE, PROT_EXEC), EACCES, "nor code alone");
    fails(mprotect(before, PAGE, RX | PROT_WRITE), EACCES,
          "what was both cannot be told to be so again");
    works(mprotect(before, PAGE, RX), "but to be code");
    works(mprotect(before, PAGE, RX), "once more");
    page = mmap(page, PAGE, RX, ANON | MAP_FIXED, -1, 0);
    ok(page != MAP_FAILED, "a new mapping may be code where data was");
    works(mprotect(page, PAGE, PROT_READ), "code becomes data");
    fails(mprotect(page, PAGE, RX), EACCES, "and stays that");
    page = mmap(NULL, 3 * PAGE, RX, ANON, -1, 0);
    must(page != MAP_FAILED && !mprotect(page + 2 * PAGE, PAGE, PROT_READ));
    fails(mprotect(page, 3 * PAGE, PROT_EXEC), EACCES, "code and data");
    must(!munmap(page + PAGE, PAGE));
    fails(mprotect(page, 3 * PAGE, RX), ENOMEM, "a hole comes first");
}

static int child_has(void *unused)
{
    (void)unused;
    return prctl(GET, 0, 0, 0, 0);
}

static int seal_self(void *bits)
{
    int r = prctl(SET, (long)bits, 0, 0, 0) ? 100 : 0;

    return r + 10 * in_child(child_has, NULL) + child_has(NULL);
}

int main(void)
{
    test_arguments();
    is(in_child(seal_self, (void *)REFUSE), 11, "a child inherits it");
    is(in_child(seal_self, (void *)(REFUSE | NO_INHERIT)), 3, "or does not");
    test_rules();
    fails(prctl(SET, 0, 0, 0, 0), EPERM, "no way back");
    fails(prctl(SET, REFUSE | NO_INHERIT, 0, 0, 0), EPERM, "or elsewhere");
    works(prctl(SET, REFUSE, 0, 0, 0), "the same again");
    return done_testing();
}
