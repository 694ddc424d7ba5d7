"""The command `naswot draw`: draw one architecture as a picture."""

import argparse
import dataclasses
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot.cli.help import Rare
from naswot.errors import NaswotError, shown
from naswot.io.atomic import replacing
from naswot.io.yaml import read_yaml
from naswot.runtime.extras import extras_named

if TYPE_CHECKING:
    from naswot.benchmarks.catalogue import Catalogue
    from naswot.spaces.graph import Diagram

    Named = tuple[str, Diagram]  # the name of a space, and what it draws

FORMATS = ("svg", "png", "pdf")

EXAMPLES = """\
examples:
  naswot draw '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'
  naswot draw 64:64:56:64:24 --output sizes.png
  naswot draw 6111 --space nasbench201


  naswot draw 22212202
  naswot draw '{"matrix":[[0,1,1],[0,0,1],[0,0,0]],"ops":["input","conv3x3-bn-relu","output"]}'
  naswot draw d4-w16-k3 --space plain --config mine.yaml
  naswot draw resnet-h0s64-d2w64k3b-d2w128k3b-d2w256k3b-d2w512k3b
  naswot draw '{"depth":3,"width":16}' --space mine.py

Dotted edges are the operation `none`. Dashed grey parts are on no path from input to output.
"""


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    draw = commands.add_parser(
        "draw",
        usage="naswot draw [options] ARCH",
        help="draw an architecture of a search space",
        description="Draw an architecture: its cells, and the skeleton that stacks them.",
        epilog=EXAMPLES,
    )
    draw.set_defaults(run=_draw, extra="benchmarks,report")
    draw.add_argument(
        "arch",
        metavar="ARCH",
        help="the architecture as in the column `arch` of benchmark tables; or its index in the "
        "benchmark, if the space can list its architectures",
    )
    draw.add_argument(
        "--space",
        metavar="NAME",
        help="the search space, or its Python file (default: guessed from ARCH)",
    )
    draw.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=Rare("a configuration with `custom_spaces`, to draw a custom space"),
    )
    draw.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="an .svg, .png or .pdf file (default: an .svg named after the architecture, here)",
    )


def _draw(options: argparse.Namespace) -> None:
    from naswot.benchmarks.catalogue import BUILT_IN

    ending = options.output.suffix.lower()[1:] if options.output else FORMATS[0]
    if ending not in FORMATS:
        raise NaswotError(f"{options.output} must end in one of .{', .'.join(FORMATS)}.")
    catalogue = BUILT_IN if options.config is None else _catalogue(options.config)
    arch = options.arch.strip()
    name, diagram = _of_choices(arch, options.space, catalogue) or _of_benchmark(
        arch, options.space, catalogue
    )
    output = options.output or Path(f"{name}-{short_name(arch)}.svg")
    if ending == "svg":
        from naswot.plots.svg import svg

        with replacing(output) as temporary:
            temporary.write_text(svg(diagram, shared=True) + "\n", encoding="utf-8")
    else:
        from naswot.plots.drawing import diagram_file

        diagram_file(diagram, output)
    print(f"{output}: {diagram.title}")


def _of_choices(arch: str, named: str | None, catalogue: "Catalogue") -> "Named | None":
    """Return a space without benchmark and the diagram; None if it is not one of these."""
    from naswot.spaces.choice_spaces import CHOICE_SPACES, choice_space

    name = named or arch.partition("-")[0]
    file = named is not None and named.endswith(".py")
    if name in catalogue or not (file or name in CHOICE_SPACES):
        return None
    space = choice_space(name)
    if space.diagram is None:
        raise NaswotError(
            f"{name} has no function diagram, so its networks cannot be drawn. Add one that takes "
            "the choices and returns a naswot.spaces.graph.Diagram "
            "(docs/reference/search_spaces.md)."
        )
    return space.name, space.diagram(arch, space.title)


def _of_benchmark(arch: str, named: str | None, catalogue: "Catalogue") -> "Named":
    """Return a benchmark's or a custom space and the diagram."""
    from naswot.spaces.diagrams import diagram_of, spaces_of

    spaces = [named] if named else []
    if is_index(arch, named) and (not spaces or catalogue[spaces[0]].space.file is None):
        arch = official_architecture(arch, named, catalogue)
    spaces = spaces or spaces_of(arch)
    diagram = diagram_of(catalogue[spaces[0]].space, arch)
    # Spaces with the same notation also have the same drawing.
    titles = " or ".join(catalogue[space].space.title for space in spaces)
    return spaces[0], dataclasses.replace(diagram, title=titles)


def is_index(text: str, space: str | None) -> bool:
    """Return whether `text` is an index, and no architecture of `space` (None: of any one)."""
    from naswot.spaces import SPACES

    known = [each for each in SPACES.values() if space in (None, each.name)]
    return text.isdecimal() and not any(each.recognises and each.recognises(text) for each in known)


def official_architecture(index: str, space: str | None, catalogue: "Catalogue") -> str:
    """Return the architecture with an official index in the benchmark `space`.

    Raises:
        NaswotError: no space is named, it does not list its architectures, or the index is too big.
    """
    spaces = {name: entry.space for name, entry in catalogue.items()}
    listed = [name for name, known in spaces.items() if known.architectures and not known.file]
    if space is None:
        raise NaswotError(
            f"{index} is an index in several spaces: name one with --space {' or '.join(listed)}."
        )
    known = catalogue[space].space
    if known.architectures is None or known.size is None:
        raise NaswotError(
            f"The architectures of {space} are only listed in its benchmark table: give the "
            f"column `arch` of row {index}, not the index. Indices work for {', '.join(listed)}."
        )
    if int(index) >= known.size:
        raise NaswotError(f"{space} has architectures 0 to {known.size - 1}, but not {index}.")
    return known.architectures()[int(index)]


def _catalogue(config: Path) -> "Catalogue":
    """Return the built-in search spaces and the custom ones of a configuration file."""
    with extras_named("workflow"):
        from naswot.workflow.config import check_renamed
        from naswot.workflow.custom_spaces import catalogue_of

    read = read_yaml(config)
    if isinstance(read, dict):
        check_renamed(read)
    described = read.get("custom_spaces") if isinstance(read, dict) else None
    if not isinstance(described, dict) or not all(
        isinstance(about, dict) and "networks" in about for about in described.values()
    ):
        raise NaswotError(
            f"{config} describes no `custom_spaces`; docs/how-to/custom_space.md shows their form."
        )
    seed = read.get("seed", 0)
    if type(seed) is not int or seed < 0:
        raise NaswotError(f"{config}: seed is {shown(seed)}; it must be a whole number from 0.")
    try:
        return catalogue_of(described, seed=seed)
    except NaswotError as error:
        raise NaswotError(f"{config}: {error}") from error


def short_name(arch: str) -> str:
    """Return an architecture's part of a file name: itself if it is short, else a digest."""
    plain = re.sub(r"[^\w-]+", "-", arch).strip("-")
    return plain if len(plain) <= 24 else hashlib.sha256(arch.encode()).hexdigest()[:8]
