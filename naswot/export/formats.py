"""The formats of a network: how each is made as bytes, and how these bytes are run again.

ONNX is made from the program of `torch.export`, with PyTorch's exporter that needs onnxscript. The
older one records what happens for one batch, so that it overlooks control flow that depends on the
images; nothing falls back on it.
"""

import copy
import functools
import importlib.util
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.export.checking import Run, Sample, outputs_of, sample_of
from naswot.export.origin import WEIGHTS

OPSET = 20  # version of the ONNX operators
TRACED = 2  # images in the batch that exporters look at
INSTALL = "pip install 'naswot[search]'"


class Making:
    """What the formats of one network share.

    Attributes:
        network: the network, float32 in eval mode on the CPU; formats do not change it.
        shape: (C, H, W) of an image.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...]):
        self.network = network
        self.shape = shape

    @functools.cached_property
    def sample(self) -> Sample:
        """Images, and the network's outputs for them."""
        return sample_of(self.network, self.shape)

    @property
    def program(self) -> torch.export.ExportedProgram:
        """The network as `torch.export` sees it, with a dynamic batch dimension."""
        if isinstance(self._program, Exception):
            raise self._program
        return self._program

    @functools.cached_property
    def _program(self) -> torch.export.ExportedProgram | Exception:
        images = torch.zeros(TRACED, *self.shape)
        batch = ({0: torch.export.Dim("batch")},)
        try:
            program = torch.export.export(self.network, (images,), dynamic_shapes=batch)
        except Exception as error:  # torch raises many kinds; each format reports it
            return error
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # paths and code of this machine
        return program


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        file: its name in the folder.
        title: what it is, for texts.
        make: returns the bytes.
        load: returns the function that runs these bytes.
    """

    file: str
    title: str
    make: Callable[[Making], bytes]
    load: Callable[[bytes, Making], Run]


def _weights(making: Making) -> bytes:
    stream = io.BytesIO()
    torch.save(making.network.state_dict(), stream)
    return stream.getvalue()


def _load_weights(content: bytes, making: Making) -> Run:
    state = torch.load(io.BytesIO(content), weights_only=True)  # noqa: TID251, weights only
    network = copy.deepcopy(making.network)
    for value in network.state_dict().values():
        if isinstance(value, torch.Tensor):
            value.zero_()  # so that a weight that the file lacks is noticed
    network.load_state_dict(state)
    return lambda images: outputs_of(network, images)


def _onnx(making: Making) -> bytes:
    _need("onnx", "onnxscript", "onnxruntime")  # the last for the check
    if torch.__version__ < "2.6":
        raise NaswotError(f"ONNX files need torch 2.6 or newer; this is {torch.__version__}")
    import onnx

    found: Any = torch.onnx.export(
        making.program,
        input_names=["images"],
        output_names=["outputs"],
        dynamic_shapes=({0: "batch"},),
        opset_version=OPSET,
        verbose=False,
    )
    model = found.model_proto
    graph = model.graph
    parts = (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for part in parts:
        del part.metadata_props[:]  # of use to those who mend the exporter; half of a small file
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _load_onnx(content: bytes, making: Making) -> Run:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # fatal: what fails is raised
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: list(map(torch.from_numpy, session.run(None, {name: images.numpy()})))


def _program(making: Making) -> bytes:
    stream = io.BytesIO()
    torch.export.save(making.program, stream)
    return stream.getvalue()


def _load_program(content: bytes, making: Making) -> Run:
    module = torch.export.load(io.BytesIO(content)).module()  # noqa: TID251, what was just written
    return lambda images: outputs_of(module, images)


def _need(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise NaswotError(f"the package {package} is not installed: {INSTALL}")


# Name → format, in the order of writing.
FORMATS: Mapping[str, Format] = {
    "weights": Format(WEIGHTS, "state dict of PyTorch", _weights, _load_weights),
    "onnx": Format("network.onnx", f"ONNX, opset {OPSET}", _onnx, _load_onnx),
    "torch.export": Format("network.pt2", "program of torch.export", _program, _load_program),
}
