/*
 * The fault ledger: a ring of records per CPU. A slot whose fault is still
 * going on is passed over, so a record lives as long as its fault. Lock-free:
 * only its own CPU hands out slots, with interrupts as they are (no interrupt
 * handler faults on user memory).
 */
#include <base/string.h>
#include <mm/ledger.h>
#include <mm/page.h>

void (*ledger_on_finish)(const struct fault_record *rec);

static struct fault_record ring0[LEDGER_SLOTS];
struct fault_record *ledger_rings[LEDGER_CPUS] = {ring0};
u32 ledger_next[LEDGER_CPUS];
u64 ledger_last_id;

bool ledger_add_cpu(u32 cpu)
{
    unsigned order = 0;
    struct page *pages;

    if (cpu >= LEDGER_CPUS)
        return false;
    while ((PAGE_SIZE << order) < sizeof(ring0))
        order++;
    pages = alloc_pages(order);
    if (!pages)
        return false;
    ledger_rings[cpu] = memset(page_address(pages), 0, sizeof(ring0));
    return true;
}

void ledger_own(struct fault_record *rec)
{
    *rec = (struct fault_record){
        .id = __atomic_add_fetch(&ledger_last_id, 1, __ATOMIC_RELAXED)};
    rec->stage[STAGE_TRAP] = cycles();
}

struct fault_record *ledger_slot_free(u32 cpu)
{
    struct fault_record *rec;
    u32 tries = LEDGER_SLOTS;

    do {
        rec = &ledger_rings[cpu][ledger_next[cpu]++ % LEDGER_SLOTS];
    } while (record_is_open(rec) && --tries);
    return rec;
}
