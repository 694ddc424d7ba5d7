"""Run a program as a person at a terminal does."""

import os
import pty
import subprocess

COLUMNS = 80


def seen_on_a_terminal(command, cwd=None):
    """Return what a program writes to a terminal of 80 columns, and its exit code."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": str(COLUMNS), "TERM": "xterm"}
    process = subprocess.Popen(command, stdout=its, stderr=its, env=environment, cwd=cwd)
    os.close(its)
    seen = b""
    try:
        while block := os.read(ours, 4096):
            seen += block
    except OSError:  # how Linux says that the program has ended
        pass
    os.close(ours)
    return seen.decode().replace("\r\n", "\n"), process.wait()
