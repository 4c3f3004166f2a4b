/*
 * The userfaultfds of a sequence: descriptors of fixed numbers, and a thread
 * that serves those which do not answer with a signal.
 */
#pragma once

#define UFFD_SLOTS 2
#define UFFD_FD    60 /* the first one's number; UFFD_SLOTS for the children */

/* ---- uffd_server.c ---- */
/* Serves the slot's descriptor from now on / closes it; fd: the number. */
void server_add(long fd);
void server_close(long fd);
/* What the server has seen is in the log; it waits for something new. */
void server_sync(void);
