# shellcheck shell=bash disable=SC2034,SC2154 # run-qemu.sh's variables
# Recorded runs and reports; part of run-qemu.sh, which sources it.

# The page, and beside it the recording that its GDB commands open.
report_options() {
    local name=${demo:-${run##*/}}
    mkdir -p "$build/report"
    report=$build/report/${name:-file}
    trace=${trace:-$report.trace}
    [ -n "$record$kvm$uefi$cdrom" ] || [ "$smp" != 1 ] ||
        ! "$here/tools/replay-probe" "$build" >/dev/null ||
        record=$report.run
}

make_report() {
    "$here/tools/faultscope" "$trace" -o "$report.html" \
        ${record:+--replay "$record"} >&2 || die "the page was not made"
}

check_recording() {
    [ -z "$record" ] || [ -z "$replay" ] ||
        die "--record and --replay exclude each other"
    [ -z "$kvm$uefi$cdrom" ] || die "a recorded run is emulated, booted by BIOS"
    [ "$smp" = 1 ] || die "a recorded run has one processor"
    no_input=1
    [ -n "$replay" ] || return 0
    [ -f "$replay" ] || die "$replay: no such recording"
    [ -z "$run$demo$data$append$iso" ] ||
        die "--replay runs what was recorded: no other program or options"
}

icount_options() {
    case $record$replay in
    '') echo "shift=0,sleep=off" ;;
    *)
        echo "shift=0,rr=${replay:+replay}${record:+record}" \
            "rrfile=${rec//,/,,}/log" rrsnapshot=start | tr ' ' ,
        ;;
    esac
}

# A recording is a tar of the image, QEMU's log, the snapshot it goes back to,
# and the programs, for their symbols.
recording_options() {
    local snapshots=$rec/snapshots
    [ -n "$replay" ] || "$here/tools/replay-disk" "$snapshots"
    # Without vapic: its reset waits for the processor's thread, which may wait
    # for QEMU's main thread, and QEMU hangs on its way back.
    # shellcheck disable=SC2054
    qemu+=(-global apic-common.vapic=off
        -drive driver=blkreplay,if=none,image=image,id=cd,readonly=on
        -device ide-cd,drive=cd
        -drive "file=${snapshots//,/,,},if=none,id=snapshots,format=qcow2"
        -monitor "unix:${tmp//,/,,}/monitor,server=on,wait=off")
}

prepare_recording() {
    local why
    rec=$tmp/recording
    mkdir "$rec"
    why=$("$here/tools/replay-probe" "$build") || die "$why"
    [ -n "$replay" ] || return 0
    tar -C "$rec" -xf "$replay" 2>/dev/null || die "$replay: not a recording"
    [ -f "$rec/log" ] || die "$replay: not a whole recording"
    mem=$(cat "$rec/mem") kernel=$rec/faultline.elf iso=$rec/iso
    for why in "$rec"/module.*; do
        modules+=("${why##*/module.}=$why")
    done
}

keep_recording() {
    local module
    cp "$kernel" "$rec/faultline.elf"
    mv "$iso" "$rec/iso"
    echo "$mem" >"$rec/mem"
    for module in "${modules[@]}"; do
        cp "${module#*=}" "$rec/module.${module%%=*}"
    done
    tar -C "$rec" -cf "$record.part" . && mv "$record.part" "$record"
}
