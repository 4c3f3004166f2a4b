/*
 * Between epoll.c and epoll_wait.c only: a set and what is in it. epoll_lock
 * (epoll.c) guards it, but for the ready list.
 */
#pragma once

#include <kernel/epoll.h>
#include <kernel/poll.h>

struct epoll_event_k {
    u32 events;
    u64 data;
} __attribute__((packed));

struct epoll {
    struct list_head items;
    spinlock_t lock; /* the ready list; interrupts off */
    struct list_head ready;
    struct wait_queue queue; /* epoll_wait(), and poll() of this file */
    struct file *file;       /* no reference */
    u32 walk;                /* see chain_below() */
    int chain;
};

struct epoll_item {
    struct list_head in_set;
    struct list_head of_file;
    struct list_head ready; /* empty: not on the list */
    struct epoll *ep;
    struct file *file;
    int fd;
    struct epoll_event_k event;
    struct wait_queue *queue; /* where waiter is; NULL: nowhere */
    struct waiter waiter;
    struct poll_table table; /* to get there */
};

extern const struct file_operations epoll_ops;

/* Takes up to max events, and off the list what has none. */
int epoll_collect(struct epoll *ep, struct epoll_event_k *out, int max);
