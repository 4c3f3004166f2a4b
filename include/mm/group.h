/*
 * Memory groups: a limit on the pages of several tasks together, whoever of
 * them touched them first. A group is a matter of address spaces: fork(2) and
 * execve(2) hand it on, and a group made inside another counts against both.
 * Without one nothing costs more than a look at mm->group.
 */
#pragma once

#include <base/compiler.h>
#include <base/types.h>

struct mm_struct;
struct page;

struct mm_group {
    u32 refs; /* atomic: address spaces, charged pages, groups inside */
    u64 used; /* atomic: pages */
    u64 limit;
    struct mm_group *parent; /* holds a reference; or NULL */
};

/* A group within parent (may be NULL); one reference. NULL: no memory. */
struct mm_group *mm_group_create(struct mm_group *parent,
                                 u64 limit) __must_check;
void mm_group_get(struct mm_group *group); /* NULL: nothing */
void mm_group_put(struct mm_group *group); /* NULL: nothing */

/* The page, new and nobody's yet, counts against group (not NULL) until it is
 * freed. False: some limit is reached, nothing has changed. mm_group_take()
 * then frees it and returns NULL. */
bool mm_group_charge(struct mm_group *group, struct page *page) __must_check;
struct page *mm_group_take(struct mm_group *group, struct page *page);
void mm_group_uncharge(struct page *page);

/* The first group on mm's way up that has no page left, or NULL. */
struct mm_group *mm_group_full(const struct mm_struct *mm);

/* group, which may be NULL, is outer or lies within it. */
bool mm_group_within(const struct mm_group *group,
                     const struct mm_group *outer);
