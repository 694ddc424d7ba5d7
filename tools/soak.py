"""Kill runs of the workflow at random moments until each ends, and check that nothing is lost.

    python tools/soak.py --kills 50 --seed 1        (or `make soak KILLS=50 SEED=1`)

Each run uses the configuration for CI in its own copy of the repository. After a kill, the same
command is run again, with `--unlock` before it if Snakemake itself was killed. After each kill,
every file under its final name is opened. The final results are compared with those of an
undisturbed run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from soaking.comparing import differing
from soaking.disturbed import Disturbed, Tally
from soaking.whole import results, temporary
from workdirs import Workdir


def soak(
    make: Callable[[int], Workdir],
    reference: Path,
    kills: int,
    *,
    seed: int,
    kills_a_run: int,
    span_s: float,
    targets: Sequence[str] = (),
    tell: Callable[[str], None] = print,
) -> Tally:
    """Kill runs in workdirs of `make` until there were `kills`, and compare each with `reference`.

    Args:
        make: number of the run → a workdir to run in.
        reference: workdir of a run that nothing disturbed.
        kills: how many in all.
        seed: of what is killed, and when; the machine's own pace is not in it.
        kills_a_run: how many at most before a run is left in peace.
        span_s: kills hit within so many seconds of a start's first job.
        targets: what to make; everything by default.
        tell: is called with lines of progress.
    """
    draw, tally = random.Random(seed), Tally()
    while tally.kills.total() < kills and not tally.wrong:
        workdir = make(tally.runs)
        left = min(kills_a_run, kills - tally.kills.total())
        Disturbed(workdir, draw, tally, span_s).finish(left, targets, tell)
        tally.runs += 1
        again = workdir.run(*targets, "-n")
        tally.blame(
            "runs with work left",
            [] if "Nothing to be done" in again.text else [again.text[-2000:]],
        )
        ours, theirs = set(results(workdir.path)), set(results(reference))
        tally.blame("shards lost", [path for path in theirs - ours if path.parts[0] == "scores"])
        tally.blame("results differing", differing(workdir.path, reference))
        tally.blame("temporary files left", temporary(workdir.path))
        tell(f"run {tally.runs} ended: {'WRONG' if tally.wrong else 'as if undisturbed'}")
    return tally


def main() -> int:
    """Read the command line, soak, print the table; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="what to make; everything by default")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kills-a-run", type=int, default=17)
    parser.add_argument("--span", type=float, default=12.0, help="seconds, see `soak`")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 16))
    parser.add_argument("--reference", help="folder of a run that nothing disturbed")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(options.reference or Path(folder) / "reference")
        if not options.reference:
            run = Workdir.fresh(ROOT, reference).run(*options.targets)
            if run.code:
                print(run.text)
                return 1
            print(f"undisturbed run: {time.monotonic() - started:.0f} s", flush=True)
        tally = soak(
            lambda number: Workdir.fresh(ROOT, Path(folder) / f"run{number}"),
            reference,
            options.kills,
            seed=options.seed,
            kills_a_run=options.kills_a_run,
            span_s=options.span,
            targets=options.targets,
            tell=lambda line: print(f"{time.monotonic() - started:5.0f} s {line}", flush=True),
        )
    for fault, found in tally.faults.items():
        for one in found:
            print(f"{fault}: {one}")
    print(tally.table(time.monotonic() - started))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
