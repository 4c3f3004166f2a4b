/*
 * What every pager of ours does with a userfaultfd: open, register, wait,
 * fill, protect. Only Linux's calls, see userfaultfd(2) and
 * ioctl_userfaultfd(2); each function ends the program with a message when
 * the kernel refuses what a pager has a right to.
 */
#pragma once

#include <linux/userfaultfd.h>
#include <sys/types.h>

/* Newer than the headers of some systems. */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

/* Whom uffd_wait_any() can wait for. */
#define UFFD_WAIT_MAX 4

/* Messages taken by one read. */
#define UFFD_MESSAGES 16

/* Returns a new userfaultfd of the caller's address space with FEATURES. */
int uffd_open(unsigned long features);

/* From now on the pages of the range are MODE's business. */
void uffd_register(int uffd, const void *start, size_t length,
                   unsigned long mode);

/*
 * Waits until one of COUNT userfaultfds has a message; returns its index. Ends
 * this program when CLIENT, its parent, is gone: a userfaultfd does not tell.
 */
int uffd_wait_any(const int *uffd, int count, pid_t client);

/*
 * Waits until there are messages and takes up to UFFD_MESSAGES of them;
 * returns how many. Minds CLIENT as uffd_wait_any() does.
 */
int uffd_wait(int uffd, pid_t client, struct uffd_msg *messages);

/*
 * Gives the page at ADDRESS the bytes at SOURCE and wakes who waits for it;
 * MODE as UFFDIO_COPY's. A page that is there already, or whose place was
 * unmapped meanwhile, is left alone. Returns 1 if the page is now SOURCE's.
 */
int uffd_fill(int uffd, unsigned long address, const void *source,
              unsigned long mode);

/* Writes to the range stop (or, with !PROTECT, go on, and wake). Nothing is
 * done in an address space that is gone. */
void uffd_protect(int uffd, unsigned long start, size_t length, int protect);

/* Those who wait for the page at ADDRESS look again. */
void uffd_wake(int uffd, unsigned long address);
