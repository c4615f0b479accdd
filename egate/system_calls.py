"""A filter on the system calls of a process that decodes foreign pictures: what a taken-over decoder could not do anyway.

Source: Linux seccomp(2), mode 2; the numbers are those of the kernel's tables for x86-64 and for arm64. A policy has three parts:
calls that are let through (some only with harmless arguments), calls that no decoder makes unless somebody else speaks through it
(they end the process at once), and all others, which fail as if the kernel lacked the permission. The last part makes a newer
library fall back rather than die. Rule: a filter is never loosened; a second one can only take more away.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egate.model.errors import DeviceError

LET = 0x7FFF_0000
END = 0x8000_0000
"""The kernel ends the whole process, as by SIGSYS, without a dump where dumps are off."""


def refuse(number: int) -> int:
    """The action that makes a call fail with this error number."""
    return 0x0005_0000 | number


_REFUSED, _ABSENT, _NO_ACCESS = refuse(errno.EPERM), refuse(errno.ENOSYS), refuse(errno.EACCES)

_AUDIT = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_X32 = 0x4000_0000
"""Numbers from here on are another table of the same processor, which could be used to get around the filter."""

NUMBERS: Mapping[str, tuple[int, int | None]] = {
    # what every decoder needs
    "read": (0, 63), "write": (1, 64), "writev": (20, 66), "close": (3, 57), "lseek": (8, 62), "fstat": (5, 80),
    "futex": (202, 98), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "brk": (12, 214),
    "madvise": (28, 233), "exit": (60, 93), "exit_group": (231, 94), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigaction": (13, 134), "sigaltstack": (131, 132), "clock_gettime": (228, 113), "gettimeofday": (96, 169),
    "time": (201, None), "getpid": (39, 172), "gettid": (186, 178), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "getcpu": (309, 168), "set_robust_list": (273, 99), "rseq": (334, 293), "clone": (56, 220), "clone3": (435, 435),
    "kill": (62, 129), "tgkill": (234, 131), "getrandom": (318, 278), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "membarrier": (324, 283), "restart_syscall": (219, 128),
    # what a camera, the kiosk's preview and the libraries need besides
    "newfstatat": (262, 79), "pread64": (17, 67), "readv": (19, 65), "stat": (4, None), "lstat": (6, None), "statx": (332, 291),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78),
    "getcwd": (79, 17), "getdents64": (217, 61), "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "poll": (7, None),
    "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "ioctl": (16, 29), "fcntl": (72, 25), "dup": (32, 23),
    "dup2": (33, None), "dup3": (292, 24), "msync": (26, 227), "mincore": (27, 232), "getitimer": (36, 102),
    "setitimer": (38, 103), "getrlimit": (97, 163), "setrlimit": (160, 164), "prlimit64": (302, 261), "getrusage": (98, 165),
    "sysinfo": (99, 179), "uname": (63, 160), "times": (100, 153), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getppid": (110, 173), "set_tid_address": (218, 96),
    "get_robust_list": (274, 100), "clock_getres": (229, 114), "sched_setaffinity": (203, 122), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "get_mempolicy": (239, 236), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, None), "epoll_pwait": (281, 22), "eventfd2": (290, 19), "pipe2": (293, 59), "unlink": (87, None),
    "unlinkat": (263, 35), "fadvise64": (221, 223), "prctl": (157, 167), "seccomp": (317, 277),
    # what only somebody else's code would ask for
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "socket": (41, 198),
    "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "creat": (85, None), "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "memfd_create": (319, 279), "mount": (165, 40), "unshare": (272, 97), "setns": (308, 268),
    "chroot": (161, 51), "pivot_root": (155, 41), "init_module": (175, 105), "finit_module": (313, 273),
    "kexec_load": (246, 104), "open_by_handle_at": (304, 265), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None),
    "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "truncate": (76, 45),
}  # fmt: skip
"""Name → number on x86-64 and on arm64 (None: arm64 never had it)."""

_CREATES = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000
"""Flags that make, empty or write a file; the last is O_TMPFILE's own bit. The same on both processors."""
_CLONE_THREAD = 0x0001_0000
_PROT_EXEC = 4
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
"""Putting words into a terminal's mouth: the way out of many a closed room."""


@dataclass(frozen=True, slots=True)
class Always:
    """Whatever the arguments are."""

    action: int


@dataclass(frozen=True, slots=True)
class WithBits:
    """`hit` where the argument (its lower 32 bits) has one of these bits, else `miss`."""

    argument: int
    bits: int
    hit: int
    miss: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """`hit` where the argument (its lower 32 bits) is one of these values, else `miss`."""

    argument: int
    values: tuple[int, ...]
    hit: int
    miss: int


Rule = Always | WithBits | OneOf
Policy = Mapping[str, Rule]
"""The rule of each call that is named; every other call is refused."""

_HOSTILE = (
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "socket",
    "socketpair", "connect", "bind", "listen", "accept", "accept4", "creat", "io_uring_setup", "bpf", "perf_event_open",
    "userfaultfd",
    "memfd_create", "mount", "unshare", "setns", "chroot", "pivot_root", "init_module", "finit_module", "kexec_load",
    "open_by_handle_at", "add_key", "request_key", "keyctl", "rename", "renameat", "renameat2", "link", "linkat", "symlink",
    "symlinkat", "truncate",
)  # fmt: skip
_COMPUTING = (
    "close", "lseek", "fstat", "futex", "mmap", "munmap", "mremap", "mprotect", "brk", "madvise", "exit", "exit_group",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigaction", "sigaltstack", "clock_gettime", "gettimeofday", "time", "getpid", "gettid",
    "sched_yield", "sched_getaffinity", "getcpu", "set_robust_list", "rseq", "getrandom", "nanosleep", "clock_nanosleep",
    "membarrier", "restart_syscall",
)  # fmt: skip
_WORKING = (
    "read", "write", "writev", "newfstatat", "pread64", "readv", "stat", "lstat", "statx", "access", "faccessat", "faccessat2",
    "readlink", "readlinkat", "getcwd", "getdents64", "poll", "ppoll", "select", "pselect6", "fcntl", "dup", "dup2", "dup3",
    "msync", "mincore", "getitimer", "setitimer", "getrlimit", "setrlimit", "getrusage", "sysinfo", "uname", "times", "getuid",
    "geteuid", "getgid", "getegid", "getppid", "set_tid_address", "get_robust_list", "clock_getres", "sched_setaffinity",
    "sched_getparam", "sched_getscheduler", "get_mempolicy", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "eventfd2", "pipe2", "unlink", "unlinkat", "fadvise64", "prctl", "seccomp",
)  # fmt: skip


def _always(action: int, names: Iterable[str]) -> dict[str, Rule]:
    return {name: Always(action) for name in names}


def _common(process: int) -> dict[str, Rule]:
    """What holds for every policy: threads and no other children, signals to oneself alone, no calls that hide their flags."""
    return {
        **_always(END, _HOSTILE),
        **_always(LET, _COMPUTING),
        "clone": WithBits(0, _CLONE_THREAD, LET, END),
        "clone3": Always(_ABSENT),
        "openat2": Always(_ABSENT),
        "kill": OneOf(0, (process,), LET, END),
        "tgkill": OneOf(0, (process,), LET, END),
    }


def working_policy(process: int, *, devices: bool) -> Policy:
    """What a loaded worker does: read, compute, ask a camera. `devices`: one of the kernel's, opened for reading and writing."""
    writing = _CREATES if devices else _CREATES | os.O_RDWR
    return {
        **_common(process),
        **_always(LET, _WORKING),
        "open": WithBits(1, writing, END, LET),
        "openat": WithBits(2, writing, END, LET),
        "ioctl": OneOf(1, (_TIOCSTI, _TIOCLINUX), END, LET),
        "prlimit64": OneOf(0, (0, process), LET, END),
    }


def decoding_policy(process: int) -> Policy:
    """What a decoder does with bytes that it was given: compute, and complain to standard error. It opens and reads nothing."""
    writing = _CREATES | os.O_RDWR
    return {
        **_common(process),
        "write": OneOf(0, (1, 2), LET, END),
        "writev": OneOf(0, (1, 2), LET, END),
        "open": WithBits(1, writing, END, _NO_ACCESS),
        "openat": WithBits(2, writing, END, _NO_ACCESS),
        "mmap": WithBits(2, _PROT_EXEC, END, LET),
        "mprotect": WithBits(2, _PROT_EXEC, END, LET),
        "prlimit64": OneOf(0, (0, process), _REFUSED, END),
    }


def restrict(policy: Policy, *, all_threads: bool) -> bool:
    """Put the filter on this thread, or on all that the process has; new ones inherit it. It cannot be taken off again.

    Returns False where the kernel or the processor has no such filter; raises DeviceError where it has and refuses.
    """
    machine = os.uname().machine
    if machine not in _AUDIT or struct.calcsize("P") != 8:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    words = program(policy, machine)
    buffer = ctypes.create_string_buffer(words, len(words))
    description = struct.pack("HxxxxxxQ", len(words) // 8, ctypes.addressof(buffer))
    flags = _ON_ALL_THREADS if all_threads else 0
    if libc.syscall(*(ctypes.c_long(word) for word in (_SECCOMP[machine], _SET_FILTER, flags)), description) == 0:
        return True
    if ctypes.get_errno() in (errno.ENOSYS, errno.EINVAL):
        return False
    raise DeviceError("restrict system calls", os.strerror(ctypes.get_errno()))


_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER = 1
_ON_ALL_THREADS = 1

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16


def program(policy: Policy, machine: str) -> bytes:
    """The filter as the kernel takes it: 8 bytes an instruction of classic BPF, for `x86_64` or `aarch64`."""
    code = [
        _word(_LOAD, _ARCHITECTURE_AT),
        _word(_EQUAL, _AUDIT[machine], 1, 0),
        _word(_RETURN, END),
        _word(_LOAD, _NUMBER_AT),
        _word(_AT_LEAST, _X32, 0, 1),
        _word(_RETURN, END),
    ]
    for name, rule in policy.items():
        number = NUMBERS[name][_COLUMN[machine]]
        if number is not None:
            block = _block(rule)
            code += [_word(_EQUAL, number, 0, len(block)), *block]
    return b"".join((*code, _word(_RETURN, _REFUSED)))


def _block(rule: Rule) -> list[bytes]:
    """The instructions of one rule; every way through them ends in a return."""
    match rule:
        case Always(action):
            return [_word(_RETURN, action)]
        case WithBits(argument, bits, hit, miss):
            tests = [_word(_ANY_BIT, bits, 1, 0)]
        case OneOf(argument, values, hit, miss):
            tests = [_word(_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)]
    return [_word(_LOAD, _ARGUMENTS_AT + 8 * argument), *tests, _word(_RETURN, miss), _word(_RETURN, hit)]


def _word(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", operation, if_true, if_false, value & 0xFFFF_FFFF)
