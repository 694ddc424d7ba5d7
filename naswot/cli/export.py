"""The command `naswot export`: write one network as files that work without a search."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naswot.cli.draw import is_index, official_architecture, short_name
from naswot.cli.options import add_seed, whole_number
from naswot.cli.terminal import tell, waiting
from naswot.errors import NaswotError

if TYPE_CHECKING:
    from naswot.export import Architecture, Exported, Written

FORMATS = ("weights", "onnx", "torch.export")

EXAMPLES = """\
examples:
  naswot export '|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'
  naswot export 6111 --space nasbench201 --classes 100 --output best


  naswot export '{"depth":3,"width":32}' --space mine.py --formats weights
  naswot export '{"width conv1":48}' --from torchvision.models:resnet18 --image-size 224

The folder has network.py, which builds the network; its weights, untrained; ONNX and torch.export;
a picture; and a README.md. Every file is read again and compared with the network. If a format
fails, the others are written, and the exit code is 1. ONNX needs pip install 'naswot[search]'.
"""


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    export = commands.add_parser(
        "export",
        usage="naswot export [options] ARCH",
        help="write a network as code, weights, ONNX and torch.export",
        description="Write an untrained network into a folder: code, weights, ONNX, torch.export.",
        epilog=EXAMPLES,
    )
    export.set_defaults(run=_export, extra="search")
    export.add_argument(
        "arch",
        metavar="ARCH",
        help="the architecture as in tables and results; or its index in the benchmark, if the "
        "space can list its architectures",
    )
    where = export.add_mutually_exclusive_group()
    where.add_argument(
        "--space",
        metavar="NAME|FILE.py",
        help="the search space, or a Python file of your own (default: guessed from ARCH)",
    )
    where.add_argument(
        "--from",
        dest="factory",
        metavar="NETWORK",
        help="the network of your own whose widths and depths ARCH changes",
    )
    export.add_argument(
        "--classes",
        type=whole_number(1),
        default=10,
        metavar="N",
        help="number of outputs (default: 10)",
    )
    export.add_argument(
        "--image-size",
        type=whole_number(1),
        default=32,
        metavar="N",
        help="side of the images in pixels (default: 32)",
    )
    export.add_argument(
        "--channels", type=int, choices=(1, 3), default=3, help="of the images (default: 3)"
    )
    add_seed(export, "the weights")
    export.add_argument(
        "--formats",
        default=",".join(FORMATS),
        metavar="NAMES",
        help=f"formats, separated by commas (default: {','.join(FORMATS)})",
    )
    export.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the folder (default: one named after the architecture, here)",
    )
    export.add_argument(
        "--overwrite",
        action="store_true",
        help="write into a folder that holds something else than an export of this network",
    )


def _export(options: argparse.Namespace) -> int:
    # Otherwise an unknown format would be noticed after seconds, when torch has been imported.
    formats = options.formats.split(",")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise NaswotError(f"There is no format {unknown[0]!r}; there are: {', '.join(FORMATS)}.")
    from naswot.export import export_architecture

    shape = (options.channels, options.image_size, options.image_size)
    found = _architecture(options, options.arch.strip(), shape)
    folder = options.output or Path(f"{short_name(found.title)}-{short_name(found.arch)}")
    with waiting(f"Writing {folder}, which may take a minute"):
        exported = export_architecture(
            found,
            folder,
            shape=shape,
            classes=options.classes,
            seed=options.seed,
            formats=formats,
            command=options.command,
            overwrite=options.overwrite,
        )
    _show(exported)
    for note in exported.notes:
        tell(note)
    return int(bool(exported.notes))


def _architecture(options: argparse.Namespace, arch: str, shape: tuple[int, ...]) -> "Architecture":
    from naswot.benchmarks.catalogue import BUILT_IN
    from naswot.export import architecture_derived, architecture_named
    from naswot.spaces.choice_spaces import CHOICE_SPACES
    from naswot.spaces.diagrams import spaces_of

    space = options.space
    if options.factory is not None:
        return architecture_derived(options.factory, arch, classes=options.classes, shape=shape)
    if is_index(arch, space) and (space is None or space in BUILT_IN):
        arch = official_architecture(arch, space, BUILT_IN)
    prefix = arch.partition("-")[0]  # of spaces without a benchmark
    guess = prefix if prefix in CHOICE_SPACES else None
    return architecture_named(space or guess or spaces_of(arch)[0], arch)


def _show(exported: "Exported") -> None:
    """Print what was written and how to use it."""
    there = [one for one in exported.files if one.bytes]
    print(f"{exported.folder}/")
    widths = [max(len(one.name) for one in there), max(len(f"{one.bytes:,}") for one in there)]
    for one in there:
        print(f"  {one.name:{widths[0]}}  {one.bytes:{widths[1]},} bytes  {_about(one)}")
    flops = "unknown" if exported.flops is None else f"{exported.flops:,.0f}"
    print(f"{exported.params:,.0f} trainable parameters; FLOPs for one image: {flops}")
    print(f"Try it: python {shlex.quote(str(exported.folder / 'network.py'))}")


def _about(file: "Written") -> str:
    if file.difference is None:
        return file.title
    if not file.difference.relative:
        return f"{file.title}; equal outputs"
    return f"{file.title}; differs by {file.difference.relative:.1e} of the largest output"
