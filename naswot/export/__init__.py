"""What a user takes home: one network as files that work without a search.

`export_network` writes a network into a folder: Python lines that build it, its weights, ONNX, a
program of `torch.export`, a picture and a README that says what was checked. `export_architecture`
does so for an architecture of a space.
"""

from naswot.export.about import About, Exported, Written
from naswot.export.architectures import (
    Architecture,
    architecture_derived,
    architecture_named,
    architecture_of,
    export_architecture,
)
from naswot.export.exporting import export_network
from naswot.export.formats import FORMATS
from naswot.export.origin import Origin

__all__ = [
    "FORMATS",
    "About",
    "Architecture",
    "Exported",
    "Origin",
    "Written",
    "architecture_derived",
    "architecture_named",
    "architecture_of",
    "export_architecture",
    "export_network",
]
