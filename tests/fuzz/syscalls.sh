#!/bin/sh
# Runs the system-call fuzzer by hand: tests/fuzz/syscalls.sh SEED...
# Each seed is one boot. Environment: BUILD, CALLS (per seed, default one
# million), WAY (options of run-qemu.sh, default "--smp 2"). Stops at the
# first seed that goes wrong and says how to repeat it.
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$here/build}
calls=${CALLS:-1000000}
way=${WAY:---smp 2}
done=0

[ $# -gt 0 ] || set -- 1 2 3 4 5 6 7 8 9 10
for seed in "$@"; do
    echo "fuzz: seed $seed, $calls calls, $way"
    # shellcheck disable=SC2086 # several options
    BUILD=$build FAULTLINE_BUILT=1 "$here/run-qemu.sh" $way --quiet \
        --run "$build/guest/fuzz_syscalls" "$calls" "$seed" || {
        echo "fuzz: seed $seed failed; again: BUILD=$build CALLS=$calls" \
            "WAY='$way' $0 $seed" >&2
        exit 1
    }
    done=$((done + calls))
done
echo "fuzz: $done calls, all well"
