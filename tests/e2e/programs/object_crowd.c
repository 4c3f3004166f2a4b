/*
 * A crowd that waits for an object's pager: what a fill costs does not go with
 * how many wait for other pages, and one fill is enough for all who wait for
 * its own. Ticks are instructions under icount. And the request that fills and
 * waits for the next message in one.
 */
#include "object_util.h"

#define CROWD 1000

static char *pages;
static int values;

static void *read_page(void *index)
{
    __atomic_add_fetch(&values, pages[(long)index * PAGE], __ATOMIC_SEQ_CST);
    return NULL;
}

static pthread_t start(long page)
{
    pthread_attr_t small;
    pthread_t thread;

    must(!pthread_attr_init(&small) &&
         !pthread_attr_setstacksize(&small, 16384));
    must(!pthread_create(&thread, &small, read_page, (void *)page));
    return thread;
}

static uint64_t ticks(void)
{
    uint32_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* What it takes to fill the page, for which somebody waits. */
static uint64_t fill_ticks(long page)
{
    uint64_t begin = ticks();

    must(!request(UFFDIO_FL_FILL, 0, page, 1, source, NULL));
    return ticks() - begin;
}

static void test_crowd(void)
{
    pthread_t crowd[CROWD], one;
    uint64_t alone, among;
    int asked = 0;

    object_new(CROWD + 2, 0, 0);
    pages = object_map(MAP_SHARED, CROWD + 2);
    memset(source, 1, PAGE);

    one = start(CROWD);
    must(next_miss() == CROWD);
    alone = fill_ticks(CROWD);
    pthread_join(one, NULL);
    ok(values == 1, "one waits for a page, and gets it");

    for (long i = 0; i < CROWD; i++)
        crowd[i] = start(i);
    for (int i = 0; i < CROWD; i++)
        asked += next_miss() >= 0;
    ok(asked == CROWD && is_quiet(), "as many messages as pages missed");
    among = fill_ticks(CROWD / 2);
    ok(among < 2 * alone, "a fill among %d others that wait: %ld, alone %ld",
       CROWD - 1, (long)among, (long)alone);
    for (long i = 0; i < CROWD; i++)
        if (i != CROWD / 2)
            must(!request(UFFDIO_FL_FILL, 0, i, 1, source, NULL));
    for (long i = 0; i < CROWD; i++)
        pthread_join(crowd[i], NULL);
    ok(values == 1 + CROWD, "each has its page");

    for (long i = 0; i < CROWD; i++)
        crowd[i] = start(CROWD + 1);
    must(next_miss() == CROWD + 1);
    let_run();
    ok(is_quiet(), "all wait for the same page: one message");
    must(fill_ticks(CROWD + 1));
    for (long i = 0; i < CROWD; i++)
        pthread_join(crowd[i], NULL);
    ok(values == 1 + 2 * CROWD, "and one fill");
    object_end();
}

static int fill_next(struct uffdio_fl_fill_next *c, long page)
{
    c->fill = (struct uffdio_fl_object){object,       0, page * PAGE, PAGE,
                                        (long)source, 0};
    c->msg.event = 99;
    return uffd_ioctl(pager, UFFDIO_FL_FILL_NEXT, c);
}

static void test_next(void)
{
    struct uffdio_fl_fill_next c;
    pthread_t one, other;

    object_new(2, 0, 0);
    pages = object_map(MAP_SHARED, 2);
    values = 0;
    one = start(0);
    must(next_miss() == 0);
    other = start(1);
    while (is_quiet())
        sched_yield();
    is(fill_next(&c, 0), 0, "a fill that waits for the next message");
    is(c.fill.done, PAGE, "has done the page");
    ok(c.msg.event == UFFD_EVENT_FL_MISS && c.msg.offset == PAGE,
       "and has the message");
    is(fill_next(&c, 1), 0, "not blocking, nothing to read");
    is(c.msg.event, 0, "leaves no message");
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    is(values, 2, "but the pages");
    is(fill_next(&c, 1), -EEXIST, "a fill that fails");
    is(c.msg.event, 99, "waits for none");
    object_end();
}

int main(void)
{
    test_crowd();
    test_next();
    return done_testing();
}
