"""The command `naswot check`: try a score of one's own."""

import argparse
from typing import Any

from naswot.errors import NaswotError

MARKS = {True: "ok", False: "LOOK", None: "  "}


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    check = commands.add_parser(
        "check",
        help="check a score of your own",
        description="Check a score function: what it promises, and how it ranks 30 networks whose "
        "accuracy is known. The exit code is 1 if something deserves a look.",
    )
    check.add_argument("score", metavar="MODULE:FUNCTION", help="the score, as in --scores")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from naswot.analysis.conformance import check_score
    from naswot.scores import AGGREGATES, FAMILY_OF
    from naswot.scores.custom import family_named, family_of

    if options.score in AGGREGATES:
        raise NaswotError(f"{options.score} puts scores together; check its members.")
    known = options.score in FAMILY_OF or "@" in options.score
    failed = 0
    for finding in check_score((family_of if known else family_named)(options.score)):
        print(f"{MARKS[finding.passed]:4}  {finding.about:12}  {finding.text}", flush=True)
        failed += finding.passed is False
    return int(failed > 0)
