"""Help texts: what most people need with --help, everything with --help-all."""

import argparse
import os
import sys
from typing import Any


class Rare(str):
    """The help of an option that only --help-all shows."""


PAUSE = "\n\n\n"  # in a text; only --help-all shows what follows


def complete(command: argparse.ArgumentParser) -> None:
    """Add the options that all commands have, and the two forms of help."""
    messages = command.add_argument_group("messages")
    messages.add_argument(
        "-q", "--quiet", action="store_true", help="print results and errors alone"
    )
    messages.add_argument(
        "--traceback", action="store_true", help=Rare("show where in the code an error arose")
    )
    command.formatter_class = formatter(everything=False)
    if sum(isinstance(action.help, Rare) for action in command._actions) > 1:
        messages.add_argument(
            "--help-all", action=_HelpAll, nargs=0, help="show all options and more examples"
        )


class _HelpAll(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.formatter_class = formatter(everything=True)
        parser.print_help()
        parser.exit()


def formatter(everything: bool) -> Any:
    """Return a function that makes the formatter of one help text, with colours on a terminal."""

    def make(prog: str, **options: Any) -> argparse.HelpFormatter:
        base: Any = argparse.RawDescriptionHelpFormatter
        if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
            from rich_argparse import RawDescriptionRichHelpFormatter as base  # noqa: N813

        class Formatter(base):
            text_markup = help_markup = False  # brackets are brackets

            def add_argument(self, action: argparse.Action) -> None:
                if everything or not isinstance(action.help, Rare):
                    super().add_argument(action)

            def add_text(self, text: str | None) -> None:
                shown = text if everything or text is None else text.partition(PAUSE)[0]
                super().add_text(shown and shown.replace(PAUSE, "\n"))

        return Formatter(prog, **options)

    return make
