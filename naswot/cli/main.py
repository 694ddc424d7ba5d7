"""The command `naswot`: score a user's own networks, check scores, and draw architectures.

Heavy modules are imported only where they are needed, so that help and wrong options answer at
once.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from naswot import __version__
from naswot.cli import check, draw, score
from naswot.cli.terminal import INTERRUPTED, log_to_stderr, tell
from naswot.errors import NaswotError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: those of the command line); return its exit code.

    The code is 0 for success, 1 if a network failed or an error ends the command with one message
    on stderr, 2 for a wrong option, and 130 after an interruption.
    """
    options = _parser().parse_args(arguments)
    try:
        with log_to_stderr():
            code = options.run(options)
            sys.stdout.flush()
    except NaswotError as error:
        if getattr(options, "traceback", False):
            traceback.print_exception(error, file=sys.stderr)
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the table has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="naswot", description="Rank neural networks in seconds, before training any of them."
    )
    parser.add_argument("--version", action="version", version=f"naswot {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = commands.add_parser("scores", help="list the scores")
    listing.set_defaults(run=_list_scores)
    check.add_to(commands)
    draw.add_to(commands)
    score.add_to(commands)
    return parser


def _list_scores(_: argparse.Namespace) -> None:
    from naswot.scores import AGGREGATES, FAMILIES, FAMILY_OF
    from naswot.scores.custom import family_named, installed

    width = max(map(len, [*FAMILY_OF, *AGGREGATES]))
    for family in FAMILIES.values():
        for name, summary in family.summaries.items():
            lower = "; lower is better" if name in family.lower_is_better else ""
            print(f"{name:{width}}  {summary}{lower}".rstrip())
    for name, aggregate in AGGREGATES.items():
        print(f"{name:{width}}  {aggregate.summary}")
    for name in installed():
        try:
            summary = next(iter(family_named(name).summaries.values()))
        except NaswotError as error:
            summary = str(error)
        print(f"{name:{width}}  {summary}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
