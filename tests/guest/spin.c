/*
 * Threads that wait for one another in user mode, without a system call: the
 * tick alone lets the others run, on one CPU and, where an emulator runs its
 * CPUs in turn, on several.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "probe.h"

#define THREADS 4
#define ROUNDS  3

static volatile int turn;

static void *wait_turns(void *arg)
{
    int me = (int)(long)arg;

    for (int i = 0; i < ROUNDS; i++) {
        while (turn != i * THREADS + me)
            ;
        turn++;
    }
    return arg;
}

int main(void)
{
    pthread_t t[THREADS];

    for (long i = 0; i < THREADS; i++)
        must(!pthread_create(&t[i], NULL, wait_turns, (void *)i));
    for (int i = 0; i < THREADS; i++)
        must(!pthread_join(t[i], NULL));
    is(turn, THREADS * ROUNDS, "everybody had every turn");
    return done_testing();
}
