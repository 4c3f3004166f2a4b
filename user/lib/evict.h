/*
 * A pager's side of a region that may have fewer pages in memory than it has:
 * what does not fit goes to a store, and comes back when it is touched.
 *
 * The region is a shared mapping of a memory object in the client; client
 * and pager are two tasks. A page is put in write-protected when it is only
 * read, so the pager knows which pages differ from what the store has. To
 * evict one, it is protected, read through the object, stored if it was
 * written, and punched out of the object: from all address spaces at once.
 */
#pragma once

#include "sys.h"

/* Where evicted pages are kept. */
struct store {
    /* Keeps PAGE's bytes, instead of those kept before; returns by how much
     * what is kept grew. */
    long (*put)(unsigned long page, const void *bytes);
    /* Brings them back; returns 0 if they were never put. */
    int (*get)(unsigned long page, void *bytes);
};

/* Written by the pager, in memory it shares with its client. */
struct evict_counts {
    unsigned long faults;  /* answered with a page */
    unsigned long first;   /* of these: never touched before */
    unsigned long stored;  /* pages evicted, written since they came */
    unsigned long dropped; /* pages evicted, unchanged */
    unsigned long bytes;   /* what the store needs for all it has */
};

struct evict_region {
    int uffd;   /* registered for missing pages and for writes */
    int object; /* what the client has mapped */
    pid_t client;
    unsigned long base;   /* in the client */
    unsigned long pages;  /* of the region */
    unsigned long frames; /* that it may use */
    const struct store *store;
    struct evict_counts *counts;
};

/* Serves the region until it is killed or its client is gone. */
_Noreturn void evict_serve(const struct evict_region *region);
