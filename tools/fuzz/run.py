"""Fuzz all targets, or those named, and print a table: `python tools/fuzz/run.py --seconds 20`.

Each runs in a process of its own, of at most 3 GB and 10 seconds an input. The exit code is 1 if
there were findings; the inputs lie in `fuzz-findings`, to be turned into tests.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT), str(ROOT / "tests/support")]

FINDINGS = Path("fuzz-findings")
LIMITS = ("-timeout=10", "-rss_limit_mb=3072", "-max_len=65536", "-print_final_stats=1")
ROW = "{:18}{:>12}{:>9}  {}"


def fuzz(name: str, seconds: int) -> tuple[int, float, str]:
    """Fuzz one target; return executions, seconds, and what was found."""
    began = time.monotonic()
    # Thousands of files a second are written; a disk would slow that down four times.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as corpus:
        prefix = f"-artifact_prefix={FINDINGS}/{name}-"
        command = [sys.executable, str(Path(__file__).with_name("target.py")), name, corpus]
        done = subprocess.run(
            [*command, f"-max_total_time={seconds}", prefix, *LIMITS],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | ({"TMPDIR": memory} if memory else {}),
            check=False,
        )
    executed = re.search(r"stat::number_of_executed_units: *(\d+)", done.stdout)
    found = ""
    if done.returncode:
        log = FINDINGS / f"{name}.log"
        log.write_text(done.stdout, encoding="utf-8")
        kept = re.search(r"Test unit written to (\S+)", done.stdout)
        found = f"{kept[1] if kept else 'no input kept'}, see {log}"
    return int(executed[1]) if executed else 0, time.monotonic() - began, found


def main() -> int:
    if importlib.util.find_spec("atheris") is None:
        print(
            "atheris is not installed; `pip install -e '.[test,fuzz]'` does it where PyPI has it."
        )
        return 1
    from fuzz import ALL

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(ALL))
    parser.add_argument("--seconds", type=int, default=20, help="for each target (default: 20)")
    options = parser.parse_args()
    unknown = [name for name in options.targets if name not in ALL]
    if unknown:
        parser.error(f"there is no target {unknown[0]}; there are: {', '.join(ALL)}")
    FINDINGS.mkdir(exist_ok=True)
    print(ROW.format("target", "executions", "seconds", "findings"))
    findings = 0
    for name in options.targets or ALL:
        executions, seconds, found = fuzz(name, options.seconds)
        findings += bool(found)
        print(ROW.format(name, f"{executions:,}", f"{seconds:.0f}", found or "none"), flush=True)
    if not any(FINDINGS.iterdir()):
        FINDINGS.rmdir()
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
