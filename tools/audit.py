"""Ask PyPI whether the installed versions have known vulnerabilities: `make audit`.

python tools/audit.py PINS    PINS as `pip list --format=freeze` prints them

pip-audit runs in its own environment. If PyPI's vulnerability reports cannot be reached, it fails
or reports each package as skipped; if all are skipped, it reports no known vulnerability. This
script tells the two cases apart:

exit code 0   every package was looked up, and none has a known vulnerability
exit code 1   some have one; they are listed
exit code 2   some or all could not be looked up
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2


def public(pins: str) -> str:
    """Return pins without what tells local builds of a version apart, such as +cpu of torch."""
    return re.sub(r"\+[\w.]+$", "", pins, flags=re.M)


def verdict(report: str, pins: str) -> tuple[int, str]:
    """Return exit code and message for what pip-audit printed as JSON of `pins`."""
    asked = {_name(line.partition("==")[0]) for line in pins.split()}
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        packages = []
    # A package without `vulns` was skipped.
    known = [one for one in packages if "vulns" in one]
    found = [(one, flaw) for one in known for flaw in one["vulns"]]
    missing = sorted(asked - {_name(one["name"]) for one in known})
    lines = [
        f"{one['name']} {one['version']}: {flaw['id']}, "
        f"mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for one, flaw in found
    ]
    if missing:
        lines.append(
            f"PyPI's vulnerability reports could not be reached for {len(missing)} of {len(asked)} "
            f"packages ({', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}): nothing is "
            "known of them. Run it where https://pypi.org/pypi/ can be reached."
        )
    if not lines:
        lines = [f"None of the {len(asked)} installed packages has a known vulnerability."]
    return VULNERABLE if found else UNKNOWN if missing else CLEAN, "\n".join(lines)


def _name(name: str) -> str:
    """Return the form of a package's name that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(path: str) -> int:
    """Run pip-audit on the pins in a file, print the verdict and return the exit code."""
    pins = public(Path(path).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(pins, encoding="utf-8")
        options = ["--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off"]
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", f"--requirement={requirements}", *options],
            capture_output=True,
            text=True,
            check=False,
        )
    code, message = verdict(done.stdout, pins)
    if code == UNKNOWN and not done.stdout:
        print(done.stderr.strip().rpartition("\n")[2], file=sys.stderr)
    print(message, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
