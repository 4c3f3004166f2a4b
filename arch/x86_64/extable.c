/*
 * The exception table and the list of SMAP brackets, both laid out by the
 * linker. Searched from the start: it is looked at only when a user access
 * has really failed.
 */
#include <asm/regs.h>
#include <base/string.h>

struct ex_entry {
    s32 from, to; /* distances from each member's own address */
};

extern const struct ex_entry ex_table_start[], ex_table_end[];
extern const s32 smap_sites_start[], smap_sites_end[];

static u64 target(const s32 *distance)
{
    return (u64)distance + (u64)(s64)*distance;
}

static const struct ex_entry *find(u64 ip)
{
    const struct ex_entry *e;

    for (e = ex_table_start; e < ex_table_end; e++)
        if (target(&e->from) == ip)
            return e;
    return NULL;
}

bool extable_has(u64 ip)
{
    return find(ip) != NULL;
}

bool extable_fixup(struct regs *regs)
{
    const struct ex_entry *e = find(regs->ip);

    if (e)
        regs->ip = target(&e->to);
    return e != NULL;
}

void smap_sites_disable(void)
{
    static const u8 nop3[3] = {0x0f, 0x1f, 0x00};
    const s32 *site;

    for (site = smap_sites_start; site < smap_sites_end; site++)
        memcpy((void *)target(site), nop3, sizeof(nop3));
}
