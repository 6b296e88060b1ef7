"""What the decoder's process may not do, whatever a file makes it try: reach a network, gain rights, write files, or take the machine."""

import ctypes
import os
import resource
import signal
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def confine(extra_bytes: int, cpu_seconds: int) -> None:
    """Limit this process for good: it leads a group of its own and dies with its parent. It must not have started threads.

    Args:
        extra_bytes: memory beyond what the process has now.
        cpu_seconds: processor time in all.
    """
    os.setsid()
    _isolate()
    started_with = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limits = {
        resource.RLIMIT_AS: started_with + extra_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _isolate() -> None:
    """No new rights by any program; a network of its own without interfaces, and none of root's rights over others' files.

    Kernels and containers that forbid the second are left as they are: the rules of the guard do not rely on it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the change of user, which would take it back
