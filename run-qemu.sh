#!/bin/bash
# The front door: installs what is missing, builds, makes an ISO of the kernel
# and the wanted ring-3 programs, boots it in QEMU and exits with the guest's
# exit status. `./run-qemu.sh --help` lists options and exit statuses.
#
# QEMU never sees the caller's descriptors: two cats stand between, so that it
# neither changes the terminal's mode nor marks a shared pipe non-blocking.
# QEMU dies with this script, whichever way the script ends.
set -eu

usage() {
    cat <<'END'
usage: ./run-qemu.sh [OPTIONS] [--run FILE [ARGS...]]

With neither --run nor --demo: the demo "file", in which a ring-3 pager fills
the pages another task faults on; the host then checks the client's CRC. On a
terminal a shell follows, to look at the machine from inside.

  --run FILE [ARGS...]  run a static x86-64 Linux program; must come last:
                        all that follows FILE is the program's
  --demo NAME           run a demo (sources in user/demos)
  --shell               the shell even if the input is not a terminal
  --module FILE         load FILE too: in the shell, `run NAME` runs it
  --data FILE           the real file a demo pages (default: the kernel image)
  --smp N               processors (default 1)
  --mem SIZE            memory, as QEMU writes it (default 256M)
  --uefi                boot through UEFI (OVMF) instead of BIOS
  --icount              count instructions: every run is exactly the same
  --gdb                 stop before the first instruction, wait for GDB; prints
                        the line to paste in another terminal
  --gdb=here            the same, with GDB in this terminal
  --gdb=tmux            the same, with GDB in a pane of tmux beside this one
  --record FILE         record the run (implies --icount)
  --replay FILE         run a recorded run again, under GDB it can go backwards
  --trace FILE          write what happens to FILE, for tools/faultscope
  --report              record, trace and make a page of the run: says where
  --append "OPTIONS"    kernel options: trace, limit=SECONDS, panic, ...
  --quiet               print the program's output and nothing else
  --kvm                 use the host's processor (default: emulate one)
  --force               run FILE even if it does not look like a program
  --iso FILE            boot this ISO; build nothing
  --cdrom               boot the ISO as a CD-ROM instead of as a disk
  --help                this text

The exit status is the program's (128+N: killed by signal N), or 2 for a
mistake in the call or a missing tool, or, with a line naming it on stderr:
  35 kernel panic           41 frames leaked       45 QEMU was killed or failed
  37 guest time limit hit   43 machine rebooted    46 demo's CRC is wrong
  39 boot error
END
}

die() {
    echo "run-qemu: $*" >&2
    exit 2
}

run='' demo='' data='' smp=1 mem=256M uefi='' icount='' gdb='' append=''
quiet='' kvm='' force='' iso='' cdrom='' argv=()
record='' replay='' trace='' report='' shell=''
given=("$@")

parse_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --demo | --data | --smp | --mem | --append | --iso | --run | \
            --module | --record | --replay | --trace)
            [ $# -ge 2 ] || die "$1 needs a value (see --help)"
            ;;
        esac
        case $1 in
        --demo) demo=$2 && shift ;;
        --data) data=$2 && shift ;;
        --module) check_program "$2" && extra+=("${2##*/}=$2") && shift ;;
        --smp) smp=$2 && shift ;;
        --mem) mem=$2 && shift ;;
        --append) append="$append $2" && shift ;;
        --iso) iso=$2 && shift ;;
        --uefi) uefi=1 ;;
        --icount) icount=1 ;;
        --gdb) gdb=print ;;
        --gdb=here | --gdb=tmux) gdb=${1#--gdb=} ;;
        --record) record=$2 icount=1 && shift ;;
        --shell) shell=1 ;;
        --report) report=1 icount=1 ;;
        --trace) trace=$2 && shift ;;
        --replay) replay=$2 icount=1 && shift ;;
        --quiet) quiet=1 ;;
        --kvm) kvm=1 ;;
        --force) force=1 ;;
        --cdrom) cdrom=1 ;;
        --help | -h) usage && exit 0 ;;
        --run)
            shift
            run=$1 argv=("$@")
            break
            ;;
        *) die "unknown option '$1' (see --help)" ;;
        esac
        shift
    done
    [ -z "$run" ] || [ -z "$demo" ] || die "--run and --demo exclude each other"
    [ -z "$kvm" ] || [ -z "$icount" ] ||
        die "--icount counts emulated instructions: it cannot go with --kvm"
    [ -z "$report" ] || report_options
    [ -z "$record$replay" ] || check_recording
    case $smp in
    '' | *[!0-9]* | 0) die "--smp $smp: not a number of processors" ;;
    esac
    [[ $mem =~ ^[1-9][0-9]*[MmGg]?$ ]] || die "--mem $mem: not a size"
}

# Bytes $2..$2+$3 of file $1, in hexadecimal.
bytes() {
    od -An -v -tx1 -j"$2" -N"$3" "$1" 2>/dev/null | tr -d ' \n'
}

check_program() {
    local run=$1
    [ -f "$run" ] || die "$run: no such file"
    [ -r "$run" ] || die "$run: cannot read it"
    [ -z "$force" ] || return 0
    [ "$(bytes "$run" 0 4)" = 7f454c46 ] ||
        die "$run: not an ELF program (build one: musl-gcc -static)"
    [ "$(bytes "$run" 4 1)$(bytes "$run" 18 2)" = 023e00 ] ||
        die "$run: not an x86-64 program"
    case $(bytes "$run" 16 2) in
    0200 | 0300) ;;
    *) die "$run: not an executable (an object file, a core dump?)" ;;
    esac
    # Into a variable: grep -q on a pipe would make readelf fail with EPIPE.
    local headers
    headers=$(LC_ALL=C readelf -lW "$run" 2>/dev/null || :)
    case $headers in
    *INTERP*) die "$run: dynamically linked; link it with -static" ;;
    esac
}

# ---- build -----------------------------------------------------------------

build() {
    "$here/tools/install-deps" run || exit 2
    local flags=(--no-print-directory -C "$here" "-j$(nproc)")
    [ -z "$quiet" ] || flags+=(-s)
    BUILD=$build flock_if_any make "${flags[@]}" all >&2 ||
        die "the build failed"
}

# Two runs started together must not build over each other.
flock_if_any() {
    mkdir -p "$build"
    if command -v flock >/dev/null; then
        flock "$build/.lock" "$@"
    else
        "$@"
    fi
}

make_iso() {
    local words=$append module
    modules=("init=$build/user/init")
    [ -z "$quiet" ] || words="$words quiet"
    [ -z "$uefi" ] || words="$words console=ttyS2"
    [ -z "$no_input" ] || words="$words noinput"
    [ -z "$record" ] || words="$words calls"
    [ -z "$trace" ] || words="$words stream"
    if [ -n "$run" ]; then
        printf '%s\0' "${argv[@]}" >"$tmp/argv"
        words="$words -- run"
        modules+=("program=$run" "argv=$tmp/argv")
    elif [ -n "$shell" ]; then
        words="$words -- shell"
        modules+=("data=$data" "sh=$build/user/sh")
        for module in "$build"/user/demo-* "$build"/user/pager-*; do
            modules+=("${module##*/}=$module")
        done
    else
        words="$words -- demo $demo"
        modules+=("data=$data")
        for module in "demo-$demo" "pager-$demo"; do
            [ ! -f "$build/user/$module" ] ||
                modules+=("$module=$build/user/$module")
        done
        [ ${#modules[@]} -gt 2 ] || no_demo
    fi
    modules+=(${extra[@]+"${extra[@]}"})
    iso=$tmp/faultline.iso
    "$here/tools/mkiso" "$iso" "$kernel" "$words" "${modules[@]}" || exit 2
}

no_demo() {
    local names
    names=$(cd "$build/user" && printf '%s\n' demo-* pager-* |
        sed -E '/\./d; s/^(demo|pager)-//' | sort -u | tr '\n' ' ')
    die "no demo '$demo'; there are: ${names% }"
}

# ---- boot ------------------------------------------------------------------

check_qemu() {
    local version major minor
    command -v qemu-system-x86_64 >/dev/null ||
        die "qemu-system-x86_64 is missing (run tools/install-deps)"
    version=$(qemu-system-x86_64 --version | sed -n '1s/.*version //p')
    IFS=. read -r major minor _ <<<"$version"
    [ $((major * 100 + ${minor%%[!0-9]*})) -ge 602 ] ||
        die "QEMU $version is too old: 6.2 or newer is needed"
}

# shellcheck disable=SC2054 # QEMU's commas, inside words
machine_options() {
    # The image boots from a CD as from a disk; firmware reads CDs slowly.
    local drive=if=virtio
    [ -z "$cdrom" ] || drive=if=ide,media=cdrom
    [ -z "$record$replay" ] || drive=if=none,id=image
    qemu=(qemu-system-x86_64 -nodefaults -no-reboot -display none -vga none
        -m "$mem" -smp "$smp"
        -drive "file=${iso//,/,,},$drive,format=raw,readonly=on"
        -chardev "file,id=status,path=${tmp//,/,,}/status"
        -device isa-debugcon,iobase=0x5e9,chardev=status
        -device isa-debug-exit,iobase=0xf4,iosize=4
        -chardev stdio,id=console,signal=off)
    if [ -n "$kvm" ]; then
        [ -w /dev/kvm ] || die "--kvm: /dev/kvm is missing or not yours"
        qemu+=(-accel kvm -cpu host)
    elif [ -n "$icount" ]; then
        # All that varies from run to run is fixed: the clock, the random
        # numbers. Without ERMS and FSRM a program copies the same way on
        # every QEMU.
        qemu+=(-accel tcg -cpu "max,-erms,-fsrm" -seed 1
            -icount "$(icount_options)" -rtc "base=2026-01-01,clock=vm")
        [ -z "$record$replay" ] || recording_options
    else
        qemu+=(-accel tcg -cpu max)
    fi
    # UEFI firmware chats on COM1 and COM2; there the console is COM3.
    if [ -n "$uefi" ]; then
        uefi_options
        qemu+=(-device isa-serial,index=2,chardev=console)
    else
        qemu+=(-device isa-serial,index=0,chardev=console)
    fi
    [ -z "$trace" ] || qemu+=(-chardev "file,id=trace,path=${trace//,/,,}"
        -device isa-debugcon,iobase=0xe9,chardev=trace)
    [ -z "$gdb" ] || gdb_options
}

uefi_options() {
    local code vars
    for code in /usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_CODE_4M.fd \
        /usr/share/edk2/ovmf/OVMF_CODE.fd \
        /usr/share/edk2/x64/OVMF_CODE.4m.fd; do
        [ ! -f "$code" ] || break
    done
    [ -f "$code" ] || die "--uefi: no OVMF firmware (run tools/install-deps)"
    vars=${code/CODE/VARS}
    qemu+=(-drive "if=pflash,unit=0,format=raw,readonly=on,file=$code")
    if [ -f "$vars" ]; then
        cp "$vars" "$tmp/vars.fd"
        qemu+=(-drive "if=pflash,unit=1,format=raw,file=${tmp//,/,,}/vars.fd")
    fi
}

# Standard input to the guest, once its receiver is ready (it writes an R).
# Without input nothing is sent: bytes that come at the host's pace would make
# counted runs differ.
feed() {
    exec 3<&-
    [ -z "$no_input" ] || exec "${bound[@]}" sleep infinity
    until [ -s "$tmp/status" ]; do
        kill -0 $$ 2>/dev/null || exit 0
        sleep 0.05
    done
    exec "${bound[@]}" cat - "$tmp/eof"
}

# Runs QEMU with the console on our descriptors; its exit status in $qemu_rc.
boot() {
    local printer=0 feeder=0
    # The kernel of the host ends the children should this script be killed.
    ! setpriv --pdeathsig KILL true 2>/dev/null ||
        bound=(setpriv --pdeathsig KILL)
    mkfifo "$tmp/in" "$tmp/out"
    # The guest's terminal, like any, takes ^D for the end of its input.
    printf '\004\004' >"$tmp/eof"
    # GDB's ^C must not reach them: they get process groups of their own.
    [ "$gdb" != here ] || set -m
    feed <&3 >"$tmp/in" 2>/dev/null &
    feeder=$!
    "${bound[@]}" tee "$tmp/console" <"$tmp/out" 3<&- 2>/dev/null &
    printer=$!
    "${bound[@]}" "${qemu[@]}" <"$tmp/in" >"$tmp/out" 3<&- &
    qemu_pid=$!
    set +m
    children="$feeder $printer $qemu_pid"
    [ "$gdb" != here ] || gdb_here
    # When the reader of our output leaves, there is nobody to run for.
    while kill -0 "$qemu_pid" 2>/dev/null; do
        wait -n 2>/dev/null || :
        kill -0 "$printer" 2>/dev/null || kill "$qemu_pid" 2>/dev/null || :
    done
    qemu_rc=0
    wait "$qemu_pid" || qemu_rc=$?
    wait "$printer" || :
    { kill "$feeder" && wait "$feeder"; } 2>/dev/null || :
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
    local rc=$?
    trap '' EXIT INT TERM HUP
    # Nothing is left to say, and bash must not announce the deaths below.
    exec 2>/dev/null
    [ -z "$tty" ] || stty "$tty" <&3
    # shellcheck disable=SC2086 # one word per child
    [ -z "$children" ] || kill -KILL $children || :
    wait
    rm -rf "$tmp"
    exit "$rc"
}

outcome() {
    local code=$1
    shift
    echo "run-qemu: $*" >&2
    exit "$code"
}

finish() {
    local status
    [ -z "$gdb_ended" ] || exit 0
    # R when it can take input, then S and the status.
    status=$(bytes "$tmp/status" 0 3)
    status=${status#52} status=${status:0:4}
    case $qemu_rc in
    33)
        [[ $status =~ ^53..$ ]] || outcome 45 "the guest sent no exit status"
        status=$((16#${status#53}))
        [ "$demo" != file ] || [ -z "$data" ] ||
            [ "$status" != 0 ] || check_crc
        exit "$status"
        ;;
    35) outcome 35 "kernel panic (its story is on the console)" ;;
    37) outcome 37 "the guest's time limit was reached" ;;
    39) outcome 39 "boot error: the kernel refused its boot information" ;;
    41) outcome 41 "frames leaked: see the kernel's last lines" ;;
    0) outcome 43 "the machine rebooted (triple fault)" ;;
    *) outcome 45 "QEMU was killed or failed (status $qemu_rc)" ;;
    esac
}

# What the client of the demo "file" read through its pager, against the file
# itself. A gzip stream ends with the CRC-32 and the length of what it holds.
check_crc() {
    local guest host
    guest=$(grep -ao 'client: crc32 [0-9a-f]\{8\}' "$tmp/console" |
        tail -n 1) || :
    guest=${guest#client: }
    host=$(gzip -c "$data" | tail -c 8 | od -An -tx4 -N4 | tr -d ' ')
    [ "$guest" = "crc32 $host" ] || outcome 46 \
        "host: CRC differs: the file has $host, the guest read '$guest'"
    [ -n "$quiet" ] || echo "host: CRC agrees: $data has crc32 $host"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath -m "${BUILD:-$here/build}")
kernel=$build/kernel/faultline.elf
. "$here/tools/run/recording.sh"
. "$here/tools/run/gdb.sh"
children='' bound=() no_input='' gdb_ended='' tty='' modules=() extra=() rec=''
parse_options "$@"
[ "$gdb" != tmux ] || enter_tmux
[ -z "$run" ] || check_program "$run"
[ -z "$data" ] || [ -r "$data" ] || die "$data: no such file"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/faultline.XXXXXX")
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
# Standard input may be closed.
if [ -e /dev/fd/0 ]; then exec 3<&0; else exec 3</dev/null; fi
[ ! /dev/fd/3 -ef /dev/null ] || no_input=1
# The terminal is GDB's then, not the guest's.
if [ "$gdb" = here ]; then exec 4<&3 && no_input=1; fi

[ -z "$record$replay" ] || prepare_recording
[ -n "$run$demo$iso$gdb$icount$quiet$replay" ] || [ ! -t 0 ] || [ ! -t 1 ] ||
    shell=1
if [ -z "$iso" ]; then
    [ -n "${FAULTLINE_BUILT:-}" ] || build
    if [ -z "$run" ]; then
        demo=${demo:-file} data=${data:-$kernel}
    fi
    make_iso
else
    [ -f "$iso" ] || die "$iso: no such file"
fi
check_qemu
machine_options
# The shell edits its lines itself; ^C still ends the run.
if [ -n "$shell" ] && [ -t 3 ]; then
    tty=$(stty -g <&3)
    stty -icanon -echo -icrnl <&3
fi
boot
[ -z "$record" ] || keep_recording
[ -z "$report" ] || make_report
finish
