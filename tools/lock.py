"""Renew the lock files: the versions and digests of every package of the project's environment.

    make lock              keeps versions that still fit pyproject.toml
    make lock UPGRADE=1    takes the newest

torch_cpu.txt has torch without CUDA, where builds of that kind can be found, and torch_cuda.txt
torch with the libraries of CUDA. packages.txt has all other packages of the extra `test`,
clouds.txt, docs.txt and zoo.txt what these extras add, and lowest.txt the lowest versions that
pyproject.toml allows.
environment.yml gets the same versions.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")  # of which builds of torch are locked
CUDA = re.compile(r"nvidia-|cuda-|triton$|torch$")
FURTHER = ("clouds", "docs", "zoo")  # extras beside `test`
# conda's name → PyPI's, where they differ.
CONDA_NAMES = {
    "pytorch": "torch", "matplotlib-base": "matplotlib", "snakemake-minimal": "snakemake",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = parser.parse_args().upgrade
    LOCKS.mkdir(exist_ok=True)
    known = "".join(
        path.read_text() for path in LOCKS.glob("*.txt") if path.stem not in ("lowest", "torch_cpu")
    )
    both = compiled(["test", *FURTHER], "" if upgrade else known)
    everything, locked = blocks(both), blocks(compiled(["test"], both))
    cuda = {name: block for name, block in locked.items() if CUDA.match(name)}
    write("torch_cpu", without_cuda(locked["torch"]))
    write("torch_cuda", cuda)
    write("packages", {name: locked[name] for name in locked.keys() - cuda.keys()})
    for extra in FURTHER:
        added = blocks(compiled([extra], both))
        write(extra, {name: block for name, block in added.items() if locked.get(name) != block})
    write("lowest", blocks(compiled(["search", "workflow"], "", "--resolution=lowest-direct")))
    pin_conda({name: version(block) for name, block in locked.items()})
    for name, block in locked.items():
        if version(everything[name]) != version(block):
            sys.exit(f"The extras need two versions of {name}.")


def compiled(extras: list[str], known: str, *options: str) -> str:
    """Return what uv resolves for `extras`, preferring the versions in the lock file `known`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "lock.txt"
        target.write_text(known)
        lowest = [*options, "--python-platform=linux"] if options else ["--generate-hashes"]
        subprocess.run(
            [
                sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header",
                "--no-annotate", "--python-version=3.11", *lowest,
                *([] if options else ["--universal"]),
                *(f"--extra={extra}" for extra in extras),
                f"--output-file={target}", "pyproject.toml", "-",
            ],
            cwd=ROOT,
            check=True,
            input="\n".join(BUILD["requires"]).encode(),
        )  # fmt: skip
        return target.read_text()


def blocks(lock: str) -> dict[str, str]:
    """Return the name of each package → its lines, of all versions if Pythons need several."""
    found: dict[str, str] = {}
    for name, rest in re.findall(r"^([\w.-]+)(?:\[\w+\])?(==.*(?:\n +--hash.*)*\n)", lock, re.M):
        found[name] = found.get(name, "") + name + rest
    return found


def version(block: str) -> str:
    return re.search(r"==([\w.]+)", block)[1]


def without_cuda(torch: str) -> dict[str, str]:
    """Return the lines of torch without CUDA: for Linux, of builds that PyPI does not have.

    Digests that are known stay. Others are added for the builds that pip can find, which depends on
    where it is told to look.
    """
    build = f"torch=={version(torch)}+cpu"
    before = LOCKS / "torch_cpu.txt"
    known = before.read_text() if before.exists() else ""
    lines_before = re.search(rf"^{re.escape(build)} .*((?:\n +--hash.*)*)", known, re.M)
    digests = set(re.findall(r"sha256:(\w+)", lines_before[1])) if lines_before else set()
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as folder:
            report = subprocess.run(
                [
                    sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report=-",
                    "--no-deps", "--only-binary=:all:", f"--python-version={python}",
                    f"--target={folder}", build,
                ],
                capture_output=True,
            )  # fmt: skip
        if report.returncode == 0:
            (found,) = json.loads(report.stdout)["install"]
            digests.add(found["download_info"]["archive_info"]["hashes"]["sha256"])
        else:
            print(f"No build of {build} for Python {python} was found.", file=sys.stderr)
    lines = [
        f"{build} ; sys_platform == 'linux'",
        *(f"    --hash=sha256:{one}" for one in sorted(digests)),
    ]
    elsewhere = torch.replace(" \\\n", " ; sys_platform != 'linux' \\\n", 1)
    return {"torch": " \\\n".join(lines) + "\n" + elsewhere}


def write(name: str, found: dict[str, str]) -> None:
    text = "# Written by tools/lock.py\n" + "".join(found[package] for package in sorted(found))
    (LOCKS / f"{name}.txt").write_text(text)


def pin_conda(versions: dict[str, str]) -> None:
    """Give the packages of environment.yml the versions that are locked."""
    path = ROOT / "environment.yml"

    def pinned(match: re.Match) -> str:
        before, name, equals, old = match.groups()
        return f"{before}{name}{equals}{versions.get(CONDA_NAMES.get(name, name), old)}"

    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^( +- )([\w-]+)(={1,2})([\w.]+)$", pinned, text, flags=re.M))


if __name__ == "__main__":
    main()
