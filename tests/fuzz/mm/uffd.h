/*
 * The userfaultfds of a sequence: descriptors of fixed numbers, and a thread
 * that serves those which do not answer with a signal.
 */
#pragma once

#define UFFD_SLOTS 2
#define UFFD_FD    60 /* the first one's number; UFFD_SLOTS for the children */

/* How the server fills, bits: missing pages by MOVE; two pages at a time;
 * waking only when all is done; what CONTINUE maps protected. */
#define STYLE_MOVE    1
#define STYLE_TWO     2
#define STYLE_LATE    4
#define STYLE_CONT_WP 8
#define SERVER_STYLES 16

/* ---- uffd_server.c ---- */
extern long server_style; /* 0 in the beginning */
/* Serves the slot's descriptor from now on / closes it; fd: the number. */
void server_add(long fd);
void server_close(long fd);
/* What the server has seen is in the log; it waits for something new. */
void server_sync(void);
