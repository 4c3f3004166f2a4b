/* Out of memory: who has to go. */
#pragma once

#include <base/types.h>

struct proc_file;
struct seq;

#define OOM_ADJ_NEVER (-1000) /* oom_score_adj(5): never chosen */
#define OOM_ADJ_MAX   1000

/* /proc/PID/oom_score_adj and oom_score. */
int oom_adj_show(const struct proc_file *p, struct seq *s, u64 *cursor);
int oom_adj_store(const struct proc_file *p, s64 value);
int oom_score_show(const struct proc_file *p, struct seq *s, u64 *cursor);
