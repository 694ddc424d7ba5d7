"""What a process computes on: device, precision, memory."""

import ctypes
import gc
import platform
import sys

import torch

from naswot.errors import NaswotError

# Instructions for products of bfloat16 numbers, as torch names them: Intel and AMD, and ARM.
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is a GPU if there is one, else the CPU.

    Raises:
        NaswotError: torch sees no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise NaswotError("device is 'cuda', but torch sees no GPU here; choose the device cpu.")
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """Return what the device is called, e.g. the GPU's product name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def choose_precision(name: str, device: torch.device) -> str:
    """Return the precision called `name`; "auto" is bfloat16 where `device` computes fast in it."""
    if name != "auto":
        return name
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities()
        fast = any(capabilities.get(name) for name in BFLOAT16_INSTRUCTIONS)
    return "bfloat16" if fast else "float32"


def peak_memory(device: torch.device) -> int | None:
    """Return the most memory in MiB that this process has had, on the GPU if it computes there.

    None where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)


def settle_in() -> None:
    """Tell the process that it will do the same again and again.

    The C library is to reuse freed memory rather than to return it after every tensor: a page
    fault for every 4 KiB costs 5–8 % of a score. Only glibc can be told. The garbage collector is
    to leave alone what is there already: walking it costs 3 ms a network. Best called when a first
    network has made what is made once.
    """
    gc.collect()
    gc.freeze()
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option in (-1, -3):  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, malloc.h
            libc.mallopt(option, 1 << 30)
