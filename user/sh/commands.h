/* What the shell can be told to do; each takes the words of its line. */
#pragma once

/* look.c: out of /proc. */
void do_tasks(int argc, char **argv);
void do_vmas(int argc, char **argv);
void do_walk(int argc, char **argv);
void do_uffd(int argc, char **argv);
void do_ledger(int argc, char **argv);
void do_mem(int argc, char **argv);

/* run.c: boot modules. */
void do_demo(int argc, char **argv);
void do_run(int argc, char **argv);
