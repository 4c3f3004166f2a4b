/*
 * The fault ledger: a ring of records per CPU. A slot whose fault is still
 * going on is passed over, so a record lives as long as its fault. Lock-free:
 * only its own CPU hands out slots, with interrupts as they are (no interrupt
 * handler faults on user memory).
 */
#include <arch/cpu.h>
#include <base/string.h>
#include <mm/ledger.h>
#include <mm/page.h>

#define LEDGER_CPUS 64

void (*ledger_on_finish)(const struct fault_record *rec);

static struct fault_record ring0[LEDGER_SLOTS];
static struct fault_record *rings[LEDGER_CPUS] = {ring0};
static u32 next_slot[LEDGER_CPUS];
static u64 last_id;

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
    rings[cpu] = memset(page_address(pages), 0, sizeof(ring0));
    return true;
}

static bool record_is_open(const struct fault_record *rec)
{
    return rec->id && !rec->stage[STAGE_RESUMED];
}

/* The oldest slot that is not in use; with all in use, the oldest. */
static struct fault_record *slot_take(u32 cpu)
{
    struct fault_record *rec;
    u32 tries = LEDGER_SLOTS;

    do {
        rec = &rings[cpu][next_slot[cpu]++ % LEDGER_SLOTS];
    } while (unlikely(record_is_open(rec)) && --tries);
    return rec;
}

struct fault_record *ledger_begin(u64 address, u64 ip, u32 error_code)
{
    struct fault_record *rec = slot_take(cpu_id());

    rec->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    rec->address = address;
    rec->ip = ip;
    rec->error_code = error_code;
    rec->end = END_OPEN;
    rec->vma_start = 0;
    rec->vma_end = 0;
    rec->vma_flags = 0;
    rec->stage[STAGE_TRAP] = cycles();
    rec->stage[STAGE_QUEUED] = 0;
    rec->stage[STAGE_READ] = 0;
    rec->stage[STAGE_FILLED] = 0;
    rec->stage[STAGE_WOKEN] = 0;
    rec->stage[STAGE_RESUMED] = 0;
    return rec;
}

void ledger_finish(struct fault_record *rec, enum fault_end end)
{
    rec->end = end;
    rec->stage[STAGE_RESUMED] = cycles();
    if (unlikely(ledger_on_finish != NULL))
        ledger_on_finish(rec);
}

void ledger_each(void (*fn)(const struct fault_record *, void *), void *arg)
{
    for (u32 cpu = 0; cpu < LEDGER_CPUS; cpu++) {
        for (u32 i = 0; rings[cpu] && i < LEDGER_SLOTS; i++) {
            u32 slot = (next_slot[cpu] + i) % LEDGER_SLOTS;

            if (rings[cpu][slot].id)
                fn(&rings[cpu][slot], arg);
        }
    }
}
