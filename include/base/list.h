/*
 * Intrusive circular doubly linked list. The head is a node of its own; an
 * entry removed with list_del_init() can be asked list_empty() about itself.
 */
#pragma once

#include <base/types.h>

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)                                                   \
    {                                                                          \
        &(name), &(name)                                                       \
    }

static inline void list_init(struct list_head *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
    return l->next == l;
}

static inline void list_link_(struct list_head *n, struct list_head *prev,
                              struct list_head *next)
{
    next->prev = n;
    n->next = next;
    n->prev = prev;
    prev->next = n;
}

/* Adds n right after the head: first. */
static inline void list_add(struct list_head *n, struct list_head *head)
{
    list_link_(n, head, head->next);
}

/* Adds n right before the head: last. */
static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
    list_link_(n, head->prev, head);
}

static inline void list_del(struct list_head *n)
{
    n->next->prev = n->prev;
    n->prev->next = n->next;
}

static inline void list_del_init(struct list_head *n)
{
    list_del(n);
    list_init(n);
}

static inline void list_move_tail(struct list_head *n, struct list_head *head)
{
    list_del(n);
    list_add_tail(n, head);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member)                                   \
    list_entry((head)->next, type, member)
#define list_for_each_entry(pos, head, member)                                 \
    for (pos = list_entry((head)->next, __typeof__(*pos), member);             \
         &pos->member != (head);                                               \
         pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_entry_safe(pos, tmp, head, member)                       \
    for (pos = list_entry((head)->next, __typeof__(*pos), member),             \
        tmp = list_entry(pos->member.next, __typeof__(*pos), member);          \
         &pos->member != (head); pos = tmp,                                    \
        tmp = list_entry(tmp->member.next, __typeof__(*pos), member))
