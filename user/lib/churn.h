/*
 * The demo of a pager that evicts: a client that writes and reads a region
 * larger than the frames it may use, knows what every page must hold, and
 * checks it, while the pager, a task of its own, serves it.
 */
#pragma once

#include "evict.h"

/*
 * Runs the demo of PAGES pages in FRAMES frames with STORE, prints what
 * happened under NAME. Ends the program with status 1 if a page holds anything
 * but what was written to it, or more frames are in use than that.
 */
void churn(const char *name, unsigned long pages, unsigned long frames,
           const struct store *store);
