"""A way to see every operation of PyTorch."""

from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):
    """While entered, gets every operation that PyTorch dispatches.

    PyTorch keeps its compiler from tracing such classes, for which it imports the compiler at the
    first operation: one second. Nothing is compiled here.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False
