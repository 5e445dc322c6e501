"""The small virtual machine of check-vm: QEMU under emulation (no KVM, no root), a command channel
into it, and the far ends of its network cards. Everything is held by file descriptors of this
process, so nothing is left when it ends, however it ends."""

import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import time
from dataclasses import dataclass

LIMIT_S = 180  # for one machine, from power on to power off
MAX_FRAME = 65536
COMMAND_LINE = (
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr net.ifnames=0 ipv6.disable=1 "
    "tsc=reliable no_timer_check"
)


class Failure(Exception):
    """A check that did not hold."""


class TimeIsUp(Failure):
    """The machine's limit."""


@dataclass
class Card:
    """One network card: a wire of our own, or a queue pair or two of a tap device."""

    options: str = "iommu_platform=on,queue_reset=on"
    tap: str = ""
    queues: int = 1


@dataclass
class Answer:
    status: int
    out: bytes
    err: str

    def text(self):
        return self.out.decode(errors="replace")


def die_with_parent():
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Wire:
    """The far end of a card: Ethernet frames, each behind its length (QEMU's stream netdev). What
    the machine cannot take yet waits in the socket, so nothing is lost on the way."""

    def __init__(self, sock):
        self.sock = sock
        self.unread = bytearray()

    def send(self, frames, deadline):
        stream = b"".join(struct.pack("!I", len(frame)) + frame for frame in frames)
        view = memoryview(stream)
        while view:
            if time.monotonic() > deadline:
                raise TimeIsUp("the card took no more frames")
            _, writable, _ = select.select([], [self.sock], [], 1)
            if writable:
                view = view[self.sock.send(view[:MAX_FRAME], socket.MSG_DONTWAIT) :]

    def receive(self, count, seconds):
        """Up to count frames; fewer when no more came for that long."""
        frames = []
        while len(frames) < count:
            readable, _, _ = select.select([self.sock], [], [], seconds)
            if not readable:
                break
            part = self.sock.recv(1 << 20)
            if not part:
                break
            self.unread += part
            frames += self._whole_frames()
        return frames

    def _whole_frames(self):
        frames, at = [], 0
        while len(self.unread) >= at + 4:
            (size,) = struct.unpack_from("!I", self.unread, at)
            if len(self.unread) < at + 4 + size:
                break
            frames.append(bytes(self.unread[at + 4 : at + 4 + size]))
            at += 4 + size
        del self.unread[:at]
        return frames


class Machine:
    """Booting from construction on; `with` powers it off."""

    def __init__(self, kernel, initramfs, cards, log):
        self.deadline = time.monotonic() + LIMIT_S
        self.log_path = log
        self.wires = []
        self.kept = []
        ours, theirs = socket.socketpair()
        self.channel = ours
        arguments = [
            "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "max", "-smp", "2",
            "-m", "512", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-serial", f"file:{log}", "-kernel", kernel, "-initrd", initramfs,
            "-append", COMMAND_LINE,
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=commands,fd={theirs.fileno()}",
            "-device", "virtserialport,chardev=commands",
        ]  # fmt: skip
        pass_fds = [theirs.fileno()]
        for number, card in enumerate(cards):
            arguments += self._plug(number, card, pass_fds)
        with open(log + ".qemu", "wb") as errors:
            self.process = subprocess.Popen(
                arguments, pass_fds=pass_fds, stdin=subprocess.DEVNULL, stdout=errors,
                stderr=errors, preexec_fn=die_with_parent,
            )  # fmt: skip
        theirs.close()
        for sock in self.kept:
            sock.close()
        self.unread = b""

    def _plug(self, number, card, pass_fds):
        device = f"virtio-net-pci,disable-legacy=on,romfile=,netdev=n{number},{card.options}"
        if card.tap:
            net = f"tap,id=n{number},ifname={card.tap},script=no,downscript=no,vhost=off"
            if card.queues > 1:
                net += f",queues={card.queues}"
                device += f",mq=on,vectors={2 * card.queues + 2}"
        else:
            ours, theirs = socket.socketpair()
            self.wires.append(Wire(ours))
            self.kept.append(theirs)
            pass_fds.append(theirs.fileno())
            net = f"stream,id=n{number},addr.type=fd,addr.str={theirs.fileno()}"
        return ["-netdev", net, "-device", device]

    def wait_until_ready(self):
        """Ends the machine when that does not come."""
        try:
            line = self._line()
            if line != b"ready":
                raise Failure(f"the machine said {line!r} in place of ready")
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.channel.close()
        for wire in self.wires:
            wire.sock.close()

    def run(self, command):
        """Runs a shell command line in the machine to its end."""
        self.channel.sendall(command.encode() + b"\n")
        status, out, err = (int(word) for word in self._line().split())
        return Answer(status, self._bytes(out), self._bytes(err).decode(errors="replace"))

    def must(self, command):
        answer = self.run(command)
        if answer.status != 0:
            raise Failure(f"{command}: status {answer.status}: {answer.err.strip()}")
        return answer

    def start(self, command, said, where="/tmp"):
        """Starts a command in the background and waits until its stderr has said that. Returns a
        Job."""
        job = Job(self, command, where)
        job.until(said)
        return job

    def _more(self):
        left = self.deadline - time.monotonic()
        readable, _, _ = select.select([self.channel], [], [], max(left, 0))
        if not readable:
            raise TimeIsUp(f"no answer from the machine in {LIMIT_S} s (see {self.log_path})")
        part = self.channel.recv(1 << 20)
        if not part:
            raise Failure(f"the machine went away (see {self.log_path} and {self.log_path}.qemu)")
        self.unread += part

    def _line(self):
        while b"\n" not in self.unread:
            self._more()
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    def _bytes(self, count):
        while len(self.unread) < count:
            self._more()
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken


class Job:
    """A program that runs in the background of the machine."""

    count = 0

    def __init__(self, machine, command, where):
        Job.count += 1
        self.machine = machine
        self.command = command
        self.files = f"{where}/job{Job.count}"
        machine.must(
            f"( {command} >{self.files}.out 2>{self.files}.err; echo $? >{self.files}.status ) & "
            f"echo $! >{self.files}.pid"
        )

    def err(self):
        return self.machine.must(f"cat {self.files}.err").text()

    def status(self):
        text = self.machine.run(f"cat {self.files}.status").text().strip()
        return int(text) if text else None

    def until(self, said):
        while said not in self.err():
            if self.status() is not None:
                raise Failure(f"{self.command}: ended with {self.status()}: {self.err().strip()}")
            time.sleep(0.1)
            self._check_time()

    def wait(self):
        while self.status() is None:
            time.sleep(0.1)
            self._check_time()
        out = self.machine.must(f"cat {self.files}.out").out
        return Answer(self.status(), out, self.err())

    def kill(self, signal_name):
        """The program alone, not what it has started."""
        children = f"/proc/$(cat {self.files}.pid)/task/*/children"
        self.machine.must(f"kill -{signal_name} $(cat {children})")

    def _check_time(self):
        if time.monotonic() > self.machine.deadline:
            raise TimeIsUp(f"{self.command}: still running after {LIMIT_S} s")
