"""The command `naswot train`: train one network on a folder of pictures or a data set."""

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from naswot.cli.help import Rare
from naswot.cli.networks import FACTORY, factory_arguments
from naswot.cli.options import IMAGE_SIZE, add_device, add_seed, positive, whole_number
from naswot.cli.terminal import INTERRUPTED, tell, terminated_as_interrupted
from naswot.errors import NaswotError

EXAMPLES = """\
examples:
  naswot train mynets:small --images photos/ --epochs 20 --output runs/small
  naswot train runs/search/network.py:build --dataset fashion_mnist --output runs/found


  naswot train --arch '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|' \\
      --dataset fashion_mnist --epochs 2 --train-images 10000 --output runs/cell

DIR gets weights.pt, README.md, training.png, training.csv and training.parquet when the training is
complete. The same command continues a training that was interrupted (exit code 130) or killed, and
ends with the same numbers; for a finished one it does nothing.
"""


def add_to(commands: Any) -> None:
    """Add the command to `commands`, the subparsers of `naswot`."""
    train = commands.add_parser(
        "train",
        usage="naswot train [options] NETWORK --images DIR --output DIR",
        help="train a network on a folder of pictures or a data set",
        description="Train one network by SGD, as NAS-Bench-201 does, with checkpoints.",
        epilog=EXAMPLES,
    )
    train.set_defaults(run=_train, extra="benchmarks,report", parser=train)
    network = train.add_argument_group("network")
    network.add_argument(
        "network",
        nargs="?",
        metavar="NETWORK",
        help="MODULE:FUNCTION or FILE.py:FUNCTION that builds a network; it gets the number of "
        "classes as num_classes or classes",
    )
    network.add_argument(
        "--factory-args",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=Rare("arguments for the factory (values as in YAML)"),
    )
    network.add_argument("--arch", metavar="ARCH", help="an architecture of a search space instead")
    network.add_argument(
        "--space", metavar="NAME", help=Rare("its search space (default: guessed from ARCH)")
    )
    images = train.add_argument_group("images")
    source = images.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="a folder with one folder of pictures for each class; test pictures in its folder "
        "test or val, else a third of all",
    )
    source.add_argument(
        "--dataset",
        metavar="NAME",
        help="a data set: digits (needs no files), fashion_mnist, cifar10, cifar100, imagenet16, "
        "imagenette",
    )
    images.add_argument(
        "--mirror", type=Path, metavar="DIR", help=Rare("folder of the data set's files")
    )
    images.add_argument(
        "--image-size",
        type=whole_number(1),
        metavar="N",
        help=f"side in pixels (default: the data set's, or {IMAGE_SIZE})",
    )
    images.add_argument(
        "--train-images", type=whole_number(2), metavar="N", help=Rare("number (default: all)")
    )
    images.add_argument(
        "--valid-images",
        type=whole_number(0),
        metavar="N",
        help=Rare("number, set aside from the training images (default: a tenth of them)"),
    )
    protocol = train.add_argument_group("protocol")
    protocol.add_argument(
        "--epochs", type=whole_number(1), default=12, metavar="N", help="(default: 12)"
    )
    protocol.add_argument(
        "--batch-size", type=whole_number(2), default=64, metavar="N", help="(default: 64)"
    )
    protocol.add_argument(
        "--learning-rate",
        type=positive,
        metavar="X",
        help=Rare(
            "at the first step; it falls to 0 (default: 0.1 for batches of 256, in proportion)"
        ),
    )
    protocol.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help=Rare("(default: float32)"),
    )
    protocol.add_argument(
        "--no-augment",
        action="store_true",
        help=Rare(
            "show images as they are (default: flipped and shifted at random, except digits)"
        ),
    )
    add_seed(protocol, "weights, split and order of the images")
    computer = train.add_argument_group("computer")
    add_device(computer, "to train on")
    computer.add_argument(
        "--threads", type=whole_number(1), metavar="N", help=Rare("CPU threads (default: torch's)")
    )
    output = train.add_argument_group("output")
    output.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="the folder to write"
    )


def _train(options: argparse.Namespace) -> int:
    if (options.network is None) == (options.arch is None):
        options.parser.error("name one network: PACKAGE.MODULE:FACTORY, or --arch ARCH")
    if options.arch is None and options.space is not None:
        options.parser.error("--space goes with --arch")
    if options.arch is not None and options.factory_args:
        options.parser.error("--factory-args goes with PACKAGE.MODULE:FACTORY")
    from naswot.images import get_source
    from naswot.images.labelled import NATURAL, divide
    from naswot.stages.train import train_to_folder
    from naswot.training.protocol import RATE_PER_IMAGE, Protocol

    name = "folder" if options.images is not None else options.dataset
    if options.dataset == "folder":
        raise NaswotError("Name the folder of images: --images DIR.")
    source = get_source(name)
    size = options.image_size or source.size or source.own_size or IMAGE_SIZE
    if source.size not in (None, size):
        raise NaswotError(f"The images of {name} are {source.size} pixels wide, not {size}.")
    rate = options.learning_rate or RATE_PER_IMAGE * options.batch_size
    try:
        # Output of a network's code is not part of the result.
        with terminated_as_interrupted(), contextlib.redirect_stdout(sys.stderr):
            network, model, about, code = (_of_space if options.arch else _of_factory)(options)
            images = divide(
                name,
                options.images or options.mirror,
                size,
                options.seed,
                options.train_images or "all",
                options.valid_images,
            )
            rows = train_to_folder(
                model,
                images,
                options.output,
                network=network,
                origin=str(options.images or images.source),
                protocol=Protocol(
                    options.epochs,
                    options.batch_size,
                    rate,
                    augment=name in NATURAL and not options.no_augment,
                    precision=options.precision,
                ),
                seed=options.seed,
                about=about,
                code=code,
                device=options.device,
                threads=options.threads,
                command=options.command,
            )
    except KeyboardInterrupt:
        tell(f"interrupted; to go on after the last complete epoch: {options.command}")
        return INTERRUPTED
    last = rows.iloc[-1]
    print(
        f"{options.output}: {last['test_accuracy']:.2f} % of the test images, "
        f"{last['seconds']:.1f} s of training on {options.images or images.source}"
    )
    return 0


# Name, function that builds it, settings, and digest of the user's code, of a network.
Named = tuple[str, Callable[..., Any], dict[str, Any], str | None]


def _of_factory(options: argparse.Namespace) -> Named:
    """Return what a function of the user's builds."""
    from torch import nn

    from naswot.io.python_files import code_digest
    from naswot.io.user_code import find_callable, source_file

    arguments = factory_arguments(options.factory_args)
    found = find_callable(options.network, *FACTORY, files=True)
    if isinstance(found, nn.Module):
        raise NaswotError(
            f"{options.network} is an existing network, whose first weights cannot be made again. "
            "Name a function or class that builds it."
        )
    file = source_file(options.network)
    code = "compiled" if file is None else code_digest(file)
    model = functools.partial(found, **arguments) if arguments else found
    return options.network, model, {"arguments": arguments}, code


def _of_space(options: argparse.Namespace) -> Named:
    """Return the network of an architecture of a built-in space."""
    from naswot.benchmarks.catalogue import BUILT_IN
    from naswot.spaces.diagrams import spaces_of

    arch = options.arch.strip()
    space = BUILT_IN[options.space or spaces_of(arch)[0]].space
    space.canonical(arch)  # raises if the architecture is not in this space
    return arch, lambda classes: space.build(arch, classes), {"space": space.name}, None
