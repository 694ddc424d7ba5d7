"""The README of an exported network."""

import re
from collections.abc import Mapping, Sequence

from naswot.export.about import About, Written
from naswot.export.checking import BATCH_SIZES, TOLERANCE, Sample
from naswot.export.origin import MODULE, WEIGHTS

NUMBERS = {"parameters": "Trainable parameters", "flops": "FLOPs for one image"}
USE = """
## Use

```python
import torch
from network import build

network = build()
network.load_state_dict(torch.load("{weights}", weights_only=True))
```
"""
USE_ONNX = """
```python
import onnxruntime

session = onnxruntime.InferenceSession("network.onnx")
outputs = session.run(None, {"images": images})  # images: NumPy float32 (B, C, H, W)
```
"""
USE_PROGRAM = """
```python
import torch

network = torch.export.load("network.pt2").module()  # needs no code of the network
```
"""


def readme(
    about: About,
    shape: tuple[int, ...],
    files: Sequence[Written],
    numbers: Mapping[str, float | None],
    versions: Mapping[str, str],
    sample: Sample,
) -> str:
    """Return the text, in Markdown.

    Args:
        about: what the network is.
        shape: (C, H, W) of an image.
        files: what was written, and what could not be.
        numbers: what is counted in the network → number; None if that fails.
        versions: package → version.
        sample: what files were compared on.
    """
    there = {one.name for one in files if one.bytes}
    picture = "\n![The architecture](network.svg)\n" if "network.svg" in there else ""
    parts = [
        f"# {_line(about.title)}\n",
        f"An architecture of {_line(about.title)}:\n",
        f"{_fenced(about.arch)}{picture}",
        f"- **Weights**: {about.weights}",
        f"- **Input**: float32 (B, {', '.join(map(str, shape))}), any batch size B. "
        + about.normalisation,
        f"- **Output**: {_shapes(sample)}",
        *(
            f"- **{NUMBERS[name]}**: {'unknown' if number is None else f'{number:,.0f}'}"
            for name, number in numbers.items()
        ),
        "\n## Files\n",
        "| file | what | bytes | check |",
        "|---|---|---:|---|",
        *(_row(one) for one in files),
        f"\n{_checks(sample)}",
        USE.format(weights=WEIGHTS) if WEIGHTS in there else _only_code(),
        *([USE_ONNX] if "network.onnx" in there else []),
        *([USE_PROGRAM] if "network.pt2" in there else []),
        "\n## Made with\n",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + "\n",
        *([_fenced(about.command)] if about.command else []),
    ]
    return re.sub("\n{3,}", "\n\n", "\n".join(parts)).rstrip("\n") + "\n"


def _row(file: Written) -> str:
    name = f"`{file.name}`"
    if not file.bytes:
        return f"| {name} | {file.title} | | **not written**: {_line(file.note)} |"
    check = _line(file.note)
    if file.difference is not None:
        check = f"{file.difference.absolute:.1e} absolute, {file.difference.relative:.1e} relative"
    return f"| {name} | {file.title} | {file.bytes:,} | {check} |"


def _only_code() -> str:
    return f"\n## Use\n\n`{MODULE}` has a function `build(classes)`.\n"


def _checks(sample: Sample) -> str:
    sizes = " and ".join(map(str, BATCH_SIZES))
    text = (
        f"Files with a difference were read again and run in eval mode on batches of {sizes} "
        "standard normal images. The difference is the largest one from the network's outputs, "
        "absolute and relative to the largest output; a file with more than "
        f"{TOLERANCE:g} is not kept."
    )
    if sample.factor is None:
        return f"{text} The outputs hardly depend on the images, so this says little."
    if sample.factor != 1:
        text += (
            f" The relative difference is also that on images multiplied by {sample.factor:g}: in "
            "eval mode and untrained, the network hardly looks at others."
        )
    return text


def _shapes(sample: Sample) -> str:
    """Return the shapes of the outputs, in words."""
    _, outputs = sample.batches[0]
    return " and ".join(
        f"({', '.join(map(str, ['B', *one.shape[1:]] if one.ndim else []))})" for one in outputs
    )


def _line(text: str) -> str:
    """Return a text of the user as part of a line of Markdown."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> str:
    """Return a text as a block of code, whatever backticks it has."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}\n"
