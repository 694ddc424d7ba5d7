"""The command `naswot completion`: complete commands and options in the shell."""

import argparse
from typing import Any

SHELLS = ("bash", "zsh", "tcsh")
EXAMPLES = """\
examples:
  eval "$(naswot completion bash)"                              in ~/.bashrc
  naswot completion zsh > "${fpath[1]}/_naswot"                 once
"""


def add_to(commands: Any, naswot: argparse.ArgumentParser) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    completion = commands.add_parser(
        "completion",
        help="print what makes a shell complete the command",
        description="Print a script that makes a shell complete commands and options of naswot.",
        epilog=EXAMPLES,
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    completion.set_defaults(run=_complete, naswot=naswot)


def _complete(options: argparse.Namespace) -> None:
    import shtab

    print(shtab.complete(options.naswot, options.shell))
