"""Watches a Python process: what it unpickles, starts, connects to and makes accessible.

Python imports this file by itself in every process whose PYTHONPATH has its folder. With
NASWOT_WATCH naming a folder, each process leaves a file of JSON lines there: what happened, and
which package asked for it. Python's own audit events tell, so no detour through a library hides
anything, except what compiled code does without Python: that, nobody sees here.
"""

import json
import os
import sys
from collections.abc import Callable
from types import FrameType

# Python's unpicklers raise `pickle.find_class` unless a class has a `find_class` of its own.
EVENTS = {
    "pickle.find_class",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "pty.spawn",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
}
# Snakemake gives its own files permissions: told is what our code does.
OF_OURS = {"os.chmod"}
# Imports and dataclasses make code of text: told is what a line of ours asks for by itself.
BY_OURS = {"exec", "compile"}
OURS = ("naswot", "script")
Tell = Callable[[str, list[str], str], None]


def watch(tell: Tell) -> None:
    """Call `tell` with event, details and asking package from now on, in this process."""

    def hook(event: str, arguments: tuple) -> None:
        if event in EVENTS or event in OF_OURS or event in BY_OURS:
            caller = sys._getframe().f_back
            who = owner(caller) if event in BY_OURS else asking(caller)
            if event in EVENTS or who in OURS:
                tell(event, [_text(one) for one in arguments], who)

    sys.addaudithook(hook)


def asking(frame: FrameType | None) -> str:
    """Return the package whose code is nearest to what happens, the standard library apart."""
    while frame is not None:
        if who := owner(frame):
            return who
        frame = frame.f_back
    return "python"


def owner(frame: FrameType | None) -> str:
    """Return the package that a frame's code is of, nothing for tests and the standard library.

    `script` is one of Snakemake's copies of our scripts, `naswot` our library.
    """
    path = frame.f_code.co_filename if frame else ""
    if "/site-packages/" in path:
        return path.rpartition("/site-packages/")[2].partition("/")[0]
    if "/.snakemake/scripts/" in path:
        return "script"
    # The checkout itself may lie in a folder of this name.
    _, library, rest = path.rpartition("/naswot/")
    elsewhere = rest.startswith("tests/") or "/lib/python3" in rest
    return "naswot" if library and not elsewhere else ""


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _start(folder: str) -> None:
    log = open(os.path.join(folder, f"{os.getpid()}.jsonl"), "a", buffering=1)  # noqa: SIM115
    seen = set()

    def tell(event: str, details: list[str], who: str) -> None:
        line = json.dumps({"event": event, "details": details[:3], "who": who})
        if line not in seen:
            seen.add(line)
            log.write(f"{line}\n")

    watch(tell)


if "NASWOT_WATCH" in os.environ:
    _start(os.environ["NASWOT_WATCH"])
