"""Make diagrams of NAS-Bench-Macro: one block for each layer, and the inverted residual block."""

from naswot.spaces.graph import Block, Diagram, head, inverted_residual, stacked
from naswot.spaces.nasbenchmacro.architecture import HEAD, STEM, Layer, parse

IMAGE_SIZE = 32


def diagram(arch: str, title: str) -> Diagram:
    """Return the diagram of architecture `arch`.

    Raises:
        NaswotError: the architecture is malformed.
    """
    size, blocks = IMAGE_SIZE, [Block("stem", "stem", STEM, IMAGE_SIZE)]
    for layer in parse(arch):
        size //= layer.stride
        blocks.append(_block(layer, size))
    blocks.append(Block("conv 1×1", "cell", HEAD, size))
    cell = inverted_residual(
        "batch normalisation follows each convolution, then ReLU but for the projection; no skip "
        "where shapes change"
    )
    return Diagram(title, arch, (cell,), stacked(blocks + head(HEAD)), frozenset({"skeleton"}))


def _block(layer: Layer, size: int) -> Block:
    kernel, halves = layer.operation.kernel, ", ÷2" if layer.stride == 2 else ""
    if kernel:
        inside = f"{kernel}×{kernel}, expanded ×{layer.operation.expansion}"
        return Block(f"block{halves}", "cell", layer.c_out, size, note=inside)
    name = f"conv 1×1{halves}" if halves else "identity"
    return Block(name, "reduction" if halves else "cell", layer.c_out, size)
