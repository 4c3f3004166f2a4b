/* The ledger: slots of faults that go on are passed over, records come out
 * oldest first, another CPU has a ring of its own. */
#include "fake.h"

#include <base/string.h>

static u64 seen[2 * LEDGER_SLOTS];
static unsigned count, finished;

/* What the rings hold, oldest first per CPU. */
static void list(void)
{
    count = 0;
    for (u32 cpu = 0; cpu < LEDGER_CPUS; cpu++)
        for (u32 i = 0; ledger_rings[cpu] && i < LEDGER_SLOTS; i++) {
            u32 slot = (ledger_next[cpu] + i) % LEDGER_SLOTS;

            if (ledger_rings[cpu][slot].id)
                seen[count++] = ledger_rings[cpu][slot].id;
        }
}

static void note_end(const struct fault_record *rec)
{
    assert_int_equal(rec->end, END_NEW_PAGE);
    finished++;
}

static void fault(u64 n)
{
    ledger_finish(ledger_begin(n, 0, 0), END_NEW_PAGE);
}

/* A fault that takes longer than the ring is long keeps its record. */
static void open_records_stay(void **state __maybe_unused)
{
    struct fault_record *open = ledger_begin(0x1234, 0x5678, 6);
    u64 id = open->id;

    ledger_on_finish = note_end;
    for (u64 n = 0; n < 3 * LEDGER_SLOTS; n++)
        fault(n);
    ledger_on_finish = NULL;
    assert_int_equal(finished, 3 * LEDGER_SLOTS);
    assert_int_equal(open->id, id);
    assert_int_equal(open->address, 0x1234);
    list();
    assert_int_equal(count, LEDGER_SLOTS);
    for (unsigned i = 0, last = 0; i < count; i++) {
        if (seen[i] == id)
            continue;
        assert_true(seen[i] > last);
        last = (unsigned)seen[i];
    }
    ledger_finish(open, END_SIGSEGV);
}

/* All of them open: the oldest has to go. */
static void all_slots_open(void **state __maybe_unused)
{
    static struct fault_record *recs[LEDGER_SLOTS];
    u64 last;

    for (unsigned i = 0; i < LEDGER_SLOTS; i++)
        recs[i] = ledger_begin(i, 0, 0);
    last = ledger_begin(0, 0, 0)->id;
    list();
    assert_int_equal(count, LEDGER_SLOTS);
    assert_int_equal(ledger_last_id, last);
    for (unsigned i = 0; i < LEDGER_SLOTS; i++)
        ledger_finish(recs[i], END_KILLED);
}

static void another_cpu(void **state __maybe_unused)
{
    struct page *ring;

    assert_false(ledger_add_cpu(LEDGER_CPUS));
    page_alloc_fail_nth(1);
    assert_false(ledger_add_cpu(2));
    page_alloc_fail_nth(0);
    assert_true(ledger_add_cpu(2));
    list();
    assert_int_equal(count, LEDGER_SLOTS);
    fake_cpu = 2;
    fault(1);
    fake_cpu = 0;
    list();
    assert_int_equal(count, LEDGER_SLOTS + 1);
    assert_int_equal(seen[LEDGER_SLOTS], ledger_last_id);
    ring = virt_to_page(ledger_rings[2]); /* a ring is for ever */
    ledger_rings[2] = NULL;
    free_pages(ring, ring->order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_TEST(open_records_stay),
        LEAK_TEST(all_slots_open),
        LEAK_TEST(another_cpu),
    };

    return cmocka_run_group_tests_name("ledger", tests, fake_boot, NULL);
}
