"""Check a pickle before it is loaded: refuse one that would crash Python or fill the memory.

Python's unpickler trusts a pickle. Six bytes make it allocate a table of 64 GB (the index of a memo
entry), five make it allocate as many bytes as they name (BYTEARRAY8), and hashing a tuple of tuples
a million deep, used as a key, overflows the interpreter's stack. This module follows the operations
of a pickle without executing them, and checks memo indices and the sizes of tuples.

The standard library's `pickletools` describes the operations.
"""

import functools
import io
import mmap
import pickle
import pickletools
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

# Keys are pairs, and shapes have four numbers; the stack overflows at about 100,000 parts.
LARGEST_TUPLE = 1000

_LINES, _SIZED = 100, 200  # an argument of one or two lines; an argument after its byte length
_KEEPS, _TUPLE, _MUTABLE, _PUT, _GET, _POP, _STOP = range(7)
_UNKNOWN = 255
_MARK = -1
_ENDED, _DAMAGED, _MEMO, _LARGE, _MANY = range(1, 6)
_PROBLEMS = {
    _ENDED: "Ran out of input",
    _DAMAGED: "it has an invalid operation",
    _MEMO: "it has a memo index beyond the number of its parts",
    _LARGE: f"it has a tuple of more than {LARGEST_TUPLE} parts",
    _MANY: "it has more parts than any such file",
}


def examine(stream: BinaryIO, most: int | None = None) -> None:
    """Check the pickle that begins at the position of `stream`; the position does not change.

    Args:
        stream: an `io.BytesIO` or a file on disk.
        most: largest number of operations; None: any number.

    Raises:
        pickle.UnpicklingError: the pickle would crash the interpreter or need much more memory than
            its size, has too many operations, or ends early; the message has the byte offset.
    """
    start = stream.tell()
    content: memoryview | mmap.mmap
    if isinstance(stream, io.BytesIO):
        content = stream.getbuffer()
    else:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    code = np.frombuffer(content, np.uint8)[start:]
    problem, position = _compiled()(
        code, _ARGUMENTS, _POPS, _TO_MARK, _PUSHES, _KINDS, most or 2**62
    )
    if problem:
        raise pickle.UnpicklingError(f"{_PROBLEMS[problem]} (byte {start + position:,})")


@functools.cache
def _compiled() -> Callable:
    """Return `_follow`, compiled; numba is imported late, because planning does not need it."""
    from naswot.runtime.numba_cache import compiled

    return compiled(_follow)


def _tables() -> tuple[np.ndarray, ...]:
    """Return tables by opcode: argument, values popped, whether down to the mark, pushed, kind."""
    arguments = np.full(256, _UNKNOWN, np.uint8)
    pops, to_mark, pushes, kinds = (np.zeros(256, np.uint8) for _ in range(4))
    sized = {-2: 1, -3: 4, -4: 4, -5: 8}
    for operation in pickletools.opcodes:
        # Only pickles of protocol 5 have these; no file that is read here uses it.
        if operation.name in ("BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER"):
            continue
        opcode, name = ord(operation.code), operation.name
        size = operation.arg.n if operation.arg else 0
        if operation.arg and size == pickletools.UP_TO_NEWLINE:
            size = _LINES + (2 if operation.arg.name.endswith("pair") else 1)
        elif size < 0:
            size = _SIZED + sized[size]
        arguments[opcode] = size
        before = [str(value) for value in operation.stack_before]
        to_mark[opcode] = "mark" in before
        # Values above the mark are popped with it; APPENDS and similar pop one value below it too.
        pops[opcode] = before.index("mark") if "mark" in before else len(before)
        pushes[opcode] = len(operation.stack_after)
        if name.startswith("TUPLE"):
            kinds[opcode] = _TUPLE
        elif before[:1] in (["list"], ["dict"], ["set"]) or name in ("LIST", "DICT", "FROZENSET"):
            kinds[opcode] = _MUTABLE
        elif name.endswith("PUT") or name == "MEMOIZE":
            kinds[opcode] = _PUT
        elif name.endswith("GET"):
            kinds[opcode] = _GET
        elif name in ("POP", "STOP"):
            kinds[opcode] = _POP if name == "POP" else _STOP
    return arguments, pops, to_mark, pushes, kinds


_ARGUMENTS, _POPS, _TO_MARK, _PUSHES, _KINDS = _tables()
_MARK_CODE, _MEMOIZE, _DUP = (ord(code) for code in (pickle.MARK, pickle.MEMOIZE, pickle.DUP))


def _follow(code, arguments, pops, to_mark, pushes, kinds, most):
    """Return the first problem of a pickle's program (0 for none), and its byte position.

    For each value, the stack holds its number of parts, −1 for a mark. A mutable value cannot be
    hashed and counts as one part.
    """
    stack, memo = np.zeros(1024, np.int64), np.ones(1024, np.int64)
    height = position = count = memorised = 0
    end = code.size
    while position < end:
        start, operation = position, code[position]
        position += 1
        count += 1
        if count > most:
            return _MANY, start
        argument = arguments[operation]
        number = np.int64(0)
        if argument == _UNKNOWN:
            return _DAMAGED, start
        if _LINES < argument < _SIZED:
            for _ in range(argument - _LINES):
                while position < end and code[position] != 10:
                    digit = np.int64(code[position]) - 48
                    number = number * 10 + digit if 0 <= digit <= 9 and number < 2**50 else 2**50
                    position += 1
                if position >= end:
                    return _ENDED, start
                position += 1
        else:
            width = argument - _SIZED if argument > _SIZED else argument
            if position + width > end:
                return _ENDED, start
            for byte in range(min(width, 7)):
                number |= np.int64(code[position + byte]) << (8 * byte)
            if argument > _SIZED and width == 8 and code[position + 7]:
                return _ENDED, start
            position += width
            if argument > _SIZED:
                if number > end - position:
                    return _ENDED, start
                position += number
        kind = kinds[operation]
        if kind == _STOP:
            return 0, position
        parts = np.int64(1 if kind == _TUPLE else 0)
        if to_mark[operation]:
            while height > 0 and stack[height - 1] != _MARK:
                height -= 1
                parts = parts + stack[height] if kind == _TUPLE else max(parts, stack[height])
            if height == 0:
                return _DAMAGED, start
            height -= 1
        for _ in range(pops[operation]):
            if height == 0 or (stack[height - 1] == _MARK and kind != _POP):
                return _DAMAGED, start
            height -= 1
            parts = parts + stack[height] if kind == _TUPLE else max(parts, stack[height])
        if parts > LARGEST_TUPLE:
            return _LARGE, start
        if kind == _MUTABLE:
            parts = np.int64(1)
        if kind == _PUT:
            if operation == _MEMOIZE:
                number = memorised
            elif height == 0 or stack[height - 1] == _MARK:
                return _DAMAGED, start
            else:
                parts = stack[height - 1]
            memorised += 1
            if number > start:
                return _MEMO, start
            if number >= memo.size:
                larger = np.ones(2 * number, np.int64)
                larger[: memo.size] = memo
                memo = larger
            memo[number] = parts
        if kind == _GET:
            parts = memo[number] if number < memo.size else np.int64(1)
        if operation == _MARK_CODE:
            parts = np.int64(_MARK)
        elif parts < 1:
            parts = np.int64(1)
        for _ in range(pushes[operation]):
            if height == stack.size:
                larger = np.zeros(2 * height, np.int64)
                larger[:height] = stack
                stack = larger
            stack[height] = parts
            height += 1
    return _ENDED, end
