/*
 * Memory groups: counting. A page remembers in which group it was counted, for
 * its mappings may outlive the task that touched it first. Relies on the page
 * allocator to say when such a page is freed.
 */
#include <mm/group.h>
#include <mm/mm.h>

struct mm_group *mm_group_create(struct mm_group *parent, u64 limit)
{
    struct mm_group *group = kzalloc(sizeof(*group));

    if (!group)
        return NULL;
    mm_group_get(parent);
    *group = (struct mm_group){.refs = 1, .limit = limit, .parent = parent};
    return group;
}

void mm_group_get(struct mm_group *group)
{
    if (group)
        __atomic_fetch_add(&group->refs, 1, __ATOMIC_RELAXED);
}

void mm_group_put(struct mm_group *group)
{
    while (group &&
           __atomic_fetch_sub(&group->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        struct mm_group *parent = group->parent;

        kfree(group);
        group = parent;
    }
}

/* Takes back what groups from `from` up to but not with `to` have counted. */
static void uncount(struct mm_group *from, const struct mm_group *to)
{
    for (; from != to; from = from->parent)
        __atomic_fetch_sub(&from->used, 1, __ATOMIC_RELAXED);
}

bool mm_group_charge(struct mm_group *group, struct page *page)
{
    for (struct mm_group *g = group; g; g = g->parent) {
        if (__atomic_add_fetch(&g->used, 1, __ATOMIC_RELAXED) <= g->limit)
            continue;
        uncount(group, g->parent);
        return false;
    }
    mm_group_get(group);
    page->group = group;
    page_set_flag(page, PG_CHARGED);
    return true;
}

struct page *mm_group_take(struct mm_group *group, struct page *page)
{
    if (mm_group_charge(group, page))
        return page;
    put_page(page);
    return NULL;
}

struct page *current_charge_page(struct page *page)
{
    struct mm_struct *mm = mm_current();

    return mm ? mm_charge_page(mm, page) : page;
}

void mm_group_uncharge(struct page *page)
{
    uncount(page->group, NULL);
    mm_group_put(page->group);
    page_clear_flag(page, PG_CHARGED);
}

struct mm_group *mm_group_full(const struct mm_struct *mm)
{
    struct mm_group *group = mm->group;

    while (group && READ_ONCE(group->used) < group->limit)
        group = group->parent;
    return group;
}

bool mm_group_within(const struct mm_group *group, const struct mm_group *outer)
{
    while (group && group != outer)
        group = group->parent;
    return group;
}
