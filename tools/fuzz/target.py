"""Fuzz one target with atheris: `python tools/fuzz/target.py NAME CORPUS [libFuzzer options]`.

Seeds go into the folder CORPUS. The first input that breaks a promise of `fuzz.harness` ends the
run and is kept as a file.
"""

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT), str(ROOT / "tests/support")]

# What numba compiles must stay as it is.
with atheris.instrument_imports(
    include=["naswot", "tarfile", "yaml", "zipfile"],
    exclude=["naswot.io.pickle_guard", "naswot.scores"],
):
    from fuzz import ALL
    from fuzz.harness import attempt


def main() -> None:
    name, corpus, *options = sys.argv[1:]
    target = ALL[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.seeds()):
            attempt(target, seed, Path(folder))  # what is set up once takes no fuzzing time
            Path(corpus, f"seed-{number}").write_bytes(seed)

        def one(data: bytes) -> None:
            attempt(target, data, Path(folder))

        atheris.Setup([sys.argv[0], *options, corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
