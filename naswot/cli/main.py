"""The command `naswot`: score, search, train, draw and export networks, and check scores.

Heavy modules are imported only where they are needed, so that help and wrong options answer at
once.
"""

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Sequence

from naswot import __version__
from naswot.cli import check, completion, doctor, draw, export, score, search, train
from naswot.cli.help import complete
from naswot.cli.terminal import INTERRUPTED, log_to_stderr, tell
from naswot.errors import NaswotError
from naswot.runtime.extras import extras_named


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (default: those of the command line); return its exit code.

    The code is 0 for success, 1 if a network failed or an error ends the command with one message
    on stderr, 2 for a wrong option, and 130 after an interruption.
    """
    options = parser().parse_args(arguments)
    options.command = shlex.join(["naswot", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        with log_to_stderr(options.quiet), extras_named(getattr(options, "extra", None)):
            code = options.run(options)
            sys.stdout.flush()
    except NaswotError as error:
        if options.traceback:
            traceback.print_exception(error, file=sys.stderr)
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the table has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code or 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command, with those of its subcommands."""
    parser = argparse.ArgumentParser(
        prog="naswot", description="Rank neural networks in seconds, before training any of them."
    )
    parser.add_argument("--version", action="version", version=f"naswot {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = commands.add_parser("scores", help="list the scores")
    listing.set_defaults(run=_list_scores)
    spaces = commands.add_parser("spaces", help="list the spaces that `naswot search` draws from")
    spaces.set_defaults(run=_list_spaces)
    check.add_to(commands)
    doctor.add_to(commands)
    completion.add_to(commands, parser)
    draw.add_to(commands)
    export.add_to(commands)
    score.add_to(commands)
    search.add_to(commands)
    train.add_to(commands)
    for command in commands.choices.values():
        complete(command)
    return parser


def _list_spaces(_: argparse.Namespace) -> None:
    from naswot.spaces.choice_spaces import CHOICE_SPACES

    width = max(map(len, CHOICE_SPACES))
    for name, space in CHOICE_SPACES.items():
        print(f"{name:{width}}  {space.title}")


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
