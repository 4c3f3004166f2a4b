# shellcheck shell=bash disable=SC2034,SC2154 # run-qemu.sh's variables
# GDB on a run; part of run-qemu.sh, which sources it.

# Somebody listens there. They are not asked: QEMU stops its machine for who
# connects, and the run may be another's.
port_is_taken() {
    local tables=(/proc/net/tcp /proc/net/tcp6)
    if [ -r "${tables[0]}" ]; then
        grep -qs "$(printf ':%04X [0-9A-F]*:0000 0A ' "$1")" "${tables[@]}"
    else
        (exec 4<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
    fi
}

# Nobody listens there, and no other run is about to.
take_port() {
    ! port_is_taken "$1" || return 1
    command -v flock >/dev/null || return 0
    { exec 5>>"${TMPDIR:-/tmp}/faultline-port.$1"; } 2>/dev/null &&
        flock -n 5
}

# A free port, QEMU stopped, and a file that tells GDB's commands what runs.
gdb_options() {
    local port=1234 line module
    until take_port "$port"; do
        port=$((port + 1))
    done
    qemu+=(-S -gdb "tcp:127.0.0.1:$port")
    {
        printf 'port=%s\nkernel=%s\n' "$port" "$kernel"
        [ -z "$replay" ] || printf 'replay=1\nmonitor=%s\n' "$tmp/monitor"
        for module in ${modules[@]+"${modules[@]}"}; do
            case $module in
            argv=* | data=*) ;;
            *) echo "module.${module%%=*}=$(realpath "${module#*=}")" ;;
            esac
        done
    } >"$tmp/gdb"
    gdb_command=("${GDB:-gdb}")
    [ -n "${GDB:-}" ] || [ "$(uname -m)" = x86_64 ] ||
        ! command -v gdb-multiarch >/dev/null || gdb_command=(gdb-multiarch)
    gdb_command+=(-q -x "$here/tools/gdb/faultline.py" -ex "connect $tmp/gdb")
    line="${gdb_command[*]:0:4} -ex 'connect $tmp/gdb'"
    case $gdb in
    tmux) tmux split-window -h -l 60% "$line" ;;
    here) ;;
    *)
        cat >&2 <<END
run-qemu: stopped before the first instruction; in another terminal:
  $line
(or with any GDB of your own: file $kernel, target remote :$port)
END
        ;;
    esac
}

# --gdb=tmux outside of tmux: the same again, inside.
enter_tmux() {
    command -v tmux >/dev/null || die "--gdb=tmux: tmux is not installed"
    [ -z "${TMUX:-}" ] || return 0
    exec tmux new-session "$(printf '%q ' "$here/run-qemu.sh" "${given[@]}");
        echo 'Enter closes this pane.'; read -r _"
}

# GDB in the foreground; ^C is for it, and when it ends the guest does.
gdb_here() {
    trap : INT
    "${gdb_command[@]}" <&4 4<&- || :
    kill -KILL "$qemu_pid" 2>/dev/null || :
    gdb_ended=1
}
