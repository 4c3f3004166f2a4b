/* getrlimit(2): which limits there are. */
#pragma once

#define RLIMIT_CPU        0
#define RLIMIT_FSIZE      1
#define RLIMIT_DATA       2
#define RLIMIT_STACK      3
#define RLIMIT_CORE       4
#define RLIMIT_NOFILE     7
#define RLIMIT_MEMLOCK    8
#define RLIMIT_AS         9
#define RLIMIT_SIGPENDING 11
#define RLIMIT_COUNT      16

#define RLIM_INFINITY (~0ull)
