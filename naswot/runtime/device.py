"""What a process computes on: device, precision, memory."""

import ctypes
import gc
import platform
import re
import sys

import torch

from naswot.errors import NaswotError
from naswot.runtime.gpu_claims import claim, claims

# Instructions for products of bfloat16 numbers, as torch names them: Intel and AMD, and ARM.
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def choose_device(name: str) -> torch.device:
    """Return the device called `name`, which becomes torch's current one.

    "auto" is a GPU if there is one, else the CPU. Where torch sees several GPUs, "auto" and "cuda"
    are one that no other job of this user holds, if there is such a one, until this process ends;
    `CUDA_VISIBLE_DEVICES` says which GPUs torch sees. "cuda:1" is the second of these.

    Raises:
        NaswotError: there is no such name, torch sees no such device, or it cannot be claimed.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", name, re.ASCII):
        raise NaswotError(f"device is {name!r}; choose auto, cpu, cuda, or a GPU such as cuda:1.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device(name)
    if not torch.cuda.is_available():
        raise NaswotError(f"device is {name!r}, but torch sees no GPU here; choose the device cpu.")
    count, index = torch.cuda.device_count(), 0
    if ":" in name:
        index = int(name.partition(":")[2])
    elif count > 1:
        # Numbers depend on CUDA_VISIBLE_DEVICES, which may differ between jobs.
        seen = (torch.cuda.get_device_properties(number).uuid for number in range(count))
        index = claim(tuple(map(str, seen)), claims())
    if index >= count:
        raise NaswotError(
            f"device is {name!r}, but torch sees {count} here, from cuda:0 to cuda:{count - 1}; "
            "choose one of these, or auto."
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


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


def tune_allocator() -> None:
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
