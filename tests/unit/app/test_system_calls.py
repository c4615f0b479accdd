"""The filter on system calls: its numbers are the kernel's, its instructions decide as its policy says, and it holds."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys

import pytest

from egate.system_calls import END, LET, NUMBERS, Policy, decoding_policy, program, refuse, working_policy

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PROCESS = 4321
POLICIES = {"decoding": decoding_policy(PROCESS), "working": working_policy(PROCESS, devices=False)}


def decided(words: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel would make of a call: a small interpreter of classic BPF over `struct seccomp_data`."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *(*arguments, *(0,) * (6 - len(arguments))))
    at, value = 0, 0
    while True:
        operation, if_true, if_false, constant = struct.unpack_from("<HBBI", words, at * 8)
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, constant)
        elif operation == 0x06:
            return int(constant)
        else:
            true = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[operation]
            at += if_true if true else if_false


def asked(policy: Policy, name: str, *arguments: int, machine: str = "x86_64") -> int:
    number = NUMBERS[name][list(ARCHITECTURES).index(machine)]
    assert number is not None
    return decided(program(policy, machine), ARCHITECTURES[machine], number, *arguments)


def test_the_numbers_are_those_of_the_kernel() -> None:
    """A second source: the tables of libseccomp, where it is installed."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed")
    library.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for name, numbers in NUMBERS.items():
        for architecture, number in zip(ARCHITECTURES.values(), numbers, strict=True):
            known = library.seccomp_syscall_resolve_name_arch(architecture, name.encode())
            assert (known if known >= 0 else None) == number, name


@pytest.mark.parametrize("machine", list(ARCHITECTURES))
@pytest.mark.parametrize("policy", list(POLICIES))
def test_calls_of_another_table_end_the_process(policy: str, machine: str) -> None:
    words = program(POLICIES[policy], machine)
    assert len(words) % 8 == 0
    assert len(words) // 8 < 4096, "the kernel takes no more"
    other = next(value for name, value in ARCHITECTURES.items() if name != machine)
    assert decided(words, other, 0) == END
    assert decided(words, ARCHITECTURES[machine], 0x40000001) == END
    assert decided(words, ARCHITECTURES[machine], 9_999) == refuse(1)


@pytest.mark.parametrize("machine", list(ARCHITECTURES))
@pytest.mark.parametrize("policy", list(POLICIES))
@pytest.mark.parametrize("name", ["execve", "execveat", "ptrace", "socket", "connect", "io_uring_setup", "memfd_create", "bpf"])
def test_no_program_no_socket_no_tracing(name: str, policy: str, machine: str) -> None:
    assert asked(POLICIES[policy], name, machine=machine) == END


@pytest.mark.parametrize("machine", list(ARCHITECTURES))
@pytest.mark.parametrize("policy", list(POLICIES))
def test_threads_and_no_other_children(policy: str, machine: str) -> None:
    assert asked(POLICIES[policy], "clone", 0x3D0F00, machine=machine) == LET, "what pthread_create asks for"
    assert asked(POLICIES[policy], "clone", 0x1200011, machine=machine) == END, "what fork asks for"
    assert asked(POLICIES[policy], "clone3", machine=machine) == refuse(38), "its flags cannot be seen: the older call is used"


@pytest.mark.parametrize(
    "flags", [os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_WRONLY | os.O_TRUNC, os.O_APPEND | os.O_WRONLY, os.O_TMPFILE]
)
@pytest.mark.parametrize("policy", list(POLICIES))
def test_nothing_is_opened_for_writing(flags: int, policy: str) -> None:
    flags |= os.O_CLOEXEC
    assert asked(POLICIES[policy], "openat", 0, 0, flags) == END
    assert asked(POLICIES[policy], "open", 0, flags) == END


def test_a_camera_of_the_kernel_is_opened_for_both_and_nothing_is_made() -> None:
    policy = working_policy(PROCESS, devices=True)
    assert asked(policy, "openat", 0, 0, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC) == LET
    assert asked(policy, "openat", 0, 0, os.O_RDWR | os.O_CREAT) == END


def test_a_decoder_opens_nothing_reads_nothing_and_makes_no_code() -> None:
    policy = POLICIES["decoding"]
    assert asked(policy, "openat", 0, 0, os.O_RDONLY) == refuse(13)
    assert asked(policy, "read", 0) == refuse(1)
    assert asked(policy, "ioctl", 0) == refuse(1)
    assert asked(policy, "mmap", 0, 4096, 3) == LET
    assert asked(policy, "mmap", 0, 4096, 7) == END
    assert asked(policy, "mprotect", 0, 4096, 5) == END
    assert [asked(policy, "write", descriptor) for descriptor in (0, 1, 2, 3, 7)] == [END, LET, LET, END, END]


def test_signals_and_limits_of_oneself_alone() -> None:
    for policy in POLICIES.values():
        assert asked(policy, "kill", PROCESS) == LET
        assert asked(policy, "kill", 1) == END
        assert asked(policy, "tgkill", PROCESS + 1) == END
        assert asked(policy, "prlimit64", 1) == END


def test_no_words_are_put_into_a_terminal() -> None:
    assert asked(POLICIES["working"], "ioctl", 2, 0x5412) == END
    assert asked(POLICIES["working"], "ioctl", 2, 0x5401) == LET


HELD = """
import os, sys, threading
from egate.system_calls import restrict, working_policy
threading.Thread(target=threading.Event().wait, daemon=True).start()
assert restrict(working_policy(os.getpid(), devices=False), all_threads=True)
assert open("/proc/self/status").read().count("Seccomp:\\t2") == 1
other = next(task for task in os.listdir("/proc/self/task") if int(task) != os.getpid())
assert "Seccomp:\\t2" in open(f"/proc/self/task/{other}/status").read()
try:
    os.mkdir("/tmp/egate-not-made")
except PermissionError:
    print("refused", flush=True)
os.execv("/bin/true", ["true"])
"""


def test_the_kernel_holds_every_thread_to_it() -> None:
    ended = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout == "refused\n", ended.stderr
    assert ended.returncode == -31, "SIGSYS"
