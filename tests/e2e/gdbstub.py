"""Speaks the GDB remote protocol to a guest started with run-qemu.sh --gdb:
enough to stop it, read and change it, and walk its page tables by hand. Needs
no GDB and no help from the kernel.
"""

import re
import socket
import struct
import subprocess
import time

import harness


class Stub:
    """A guest stopped before its first instruction."""

    def __init__(self, *args):
        self.args = ["--gdb", *args]
        self.process = harness.spawn(self.args, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
        text = b""
        port = None
        while not port:
            line = self.process.stderr.readline()
            assert line, f"run-qemu.sh --gdb printed no port: {text!r}"
            text += line
            port = re.search(rb"target remote :(\d+)", text)
        self.socket = self._connect(int(port.group(1)))
        self.command("qSupported:xmlRegisters=i386")
        self.numbers = self._register_numbers()

    @staticmethod
    def _connect(port):
        for _ in range(200):
            try:
                return socket.create_connection(("127.0.0.1", port), 60)
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise AssertionError(f"QEMU does not listen on port {port}")

    def _register_numbers(self):
        """{name: number in the `p` and `P` packets}, as QEMU describes them
        (and it answers `p` only to those who asked)."""
        numbers, next_number = {}, 0
        for file in re.findall(r'href="([^"]+)"', self._xml("target.xml")):
            xml = re.sub(r"<!--.*?-->", "", self._xml(file), flags=re.S)
            for reg in re.findall(r"<reg ([^>]*)>", xml):
                given = re.search(r'regnum="(\d+)"', reg)
                if given:
                    next_number = int(given.group(1))
                name = re.search(r'name="(\w+)"', reg).group(1)
                numbers[name] = next_number
                next_number += 1
        return numbers

    def _xml(self, name):
        text = ""
        while True:
            part = self.command(
                f"qXfer:features:read:{name}:{len(text):x},800")
            text += part[1:]
            if part[:1] != "m":
                return text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=20)

    def send(self, text):
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))

    def receive(self):
        """The next packet's text; an OSError when the guest has gone."""
        raw = b""
        while not re.search(rb"\$[^#]*#..", raw, re.S):
            more = self.socket.recv(4096)
            if not more:
                raise ConnectionResetError("the guest has ended")
            raw += more
        self.socket.sendall(b"+")
        return re.search(rb"\$([^#]*)#", raw, re.S).group(1).decode("latin-1")

    def command(self, text):
        self.send(text)
        return self.receive()

    def register(self, name):
        return int.from_bytes(
            bytes.fromhex(self.command(f"p{self.numbers[name]:x}")), "little")

    def set_register(self, name, value):
        data = value.to_bytes(8, "little").hex()
        assert self.command(f"P{self.numbers[name]:x}={data}") == "OK"

    def read(self, address, size):
        data = b""
        while len(data) < size:
            part = min(size - len(data), 1024)
            answer = self.command(f"m{address + len(data):x},{part:x}")
            assert not answer.startswith("E"), f"cannot read {address:#x}"
            data += bytes.fromhex(answer)
        return data

    def write(self, address, data):
        answer = self.command(f"M{address:x},{len(data):x}:{data.hex()}")
        assert answer == "OK", f"cannot write {address:#x}"

    def run_to(self, address):
        """Runs to ADDRESS by a hardware breakpoint, then removes it."""
        assert self.command(f"Z1,{address:x},1") == "OK"
        stop = self.command("c")
        assert stop.startswith(("T05", "S05")), f"stopped by {stop}"
        assert self.command(f"z1,{address:x},1") == "OK"

    def interrupt(self):
        self.socket.sendall(b"\x03")
        self.receive()

    def finish(self, wall=60):
        """Lets the guest run to its end; a harness.Run."""
        self.send("c")
        hung = False
        try:
            out, err = self.process.communicate(timeout=wall)
        except subprocess.TimeoutExpired:
            hung = True
            self.process.terminate()
            out, err = self.process.communicate(timeout=20)
        return harness.Run(self.args[1:], self.process.returncode, out, err,
                           hung)

    def mappings(self):
        """Each leaf of the current page tables: (address, size, writable,
        executable, user), read from physical memory."""
        assert self.command("Qqemu.PhyMemMode:1") == "OK"
        try:
            yield from self._walk(self.register("cr3"), 39, 0, True, True,
                                  True)
        finally:
            self.command("Qqemu.PhyMemMode:0")

    def _walk(self, table, shift, base, writable, executable, user):
        entries = struct.unpack("<512Q", self.read(table & 0xffffffffff000,
                                                   4096))
        for index, entry in enumerate(entries):
            if not entry & 1:
                continue
            address = base + (index << shift)
            if shift == 39 and index >= 256:
                address |= 0xffff << 48
            w = writable and bool(entry & 2)
            u = user and bool(entry & 4)
            x = executable and not entry >> 63
            if shift == 12 or entry & 0x80:
                yield address, 1 << shift, w, x, u
            else:
                yield from self._walk(entry, shift - 9, address, w, x, u)


def symbols(kernel=harness.KERNEL):
    """{name: address} of the kernel's symbols."""
    lines = subprocess.run(["nm", kernel], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return {f[2]: int(f[0], 16) for f in map(str.split, lines)
            if len(f) == 3}
