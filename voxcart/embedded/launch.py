"""Runs a program that ends with its parent: ``launch.py PARENT_PID SIGNAL USER PROGRAM ARGUMENT...``.

The kernel (Linux) sends the signal when the parent is gone, also when it was killed. ``USER`` is a name to become, or
``-``. Run as a file, so that it starts without importing anything of Voxcart.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent_pid, signum, user, program = int(arguments[0]), int(arguments[1]), arguments[2], arguments[3:]
    if user != "-":
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform.startswith("linux"):
        # After setuid: a change of user clears the setting.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent_pid:
            sys.exit("the parent is gone")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
