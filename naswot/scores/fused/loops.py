"""Numba loops over activations: what memory bandwidth limits in a forward pass.

Activations are matrices (rows, lanes): a row holds the channels of one or more consecutive pixels
of a channels-last tensor, so that inner loops are long whatever the number of channels. A vector
with one entry per channel is repeated to the width of a row. bfloat16 values are uint16 arrays of
their bits; they are added in float32.

In float32 each operation is rounded as torch rounds it on x86 processors with the same number of
threads, so that results are equal to the last bit.

Compiled functions run in one thread and without the GIL; several run side by side in Python's
threads. Numba's own parallel loops take four times as long to compile.

All loops are in one file, because numba compiles a function again only if its own file changes.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import types
from numba.extending import overload

from naswot.runtime import numba_cache

SMALL = 1 << 18  # entries that one thread walks through before others have begun
HUGE = 1e37  # the sum of three such numbers is finite in float32

compiled = functools.partial(numba_cache.compiled, fastmath={"contract"})


def _from_bfloat16(x):
    return np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)


def _to_bfloat16(x, like):
    bits = np.float32(x).view(np.uint32)  # rounded to even
    odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


def _widen(x):
    """Return `x`, a float or the bits of a bfloat16, as a float."""
    return _from_bfloat16(x) if isinstance(x, np.uint16) else x


def _narrow(x, like):
    """Return float `x` in the type of `like`."""
    return _to_bfloat16(x, like) if isinstance(like, np.uint16) else x


# In compiled code types are known beforehand, so that loops contain no check of them.


@overload(_widen, inline="always")
def _widen_compiled(x):
    return _from_bfloat16 if x == types.uint16 else lambda x: x


@overload(_narrow, inline="always")
def _narrow_compiled(x, like):
    return _to_bfloat16 if like == types.uint16 else lambda x, like: x


# Threads


def in_threads(threads, run, size):
    """Call `run(p)` for each p below `threads`, side by side unless the `size` entries are few."""
    if threads == 1 or size < SMALL:
        for p in range(threads):
            run(p)
        return
    others = [_pool(os.getpid()).submit(run, p) for p in range(1, threads)]
    run(0)
    for other in others:
        other.result()


@functools.cache
def _pool(process):
    """Return the threads of a process: those of its parent are not there after a fork."""
    return ThreadPoolExecutor(os.cpu_count())


def _rows(terms, part):
    """Return a part of the rows of three terms, (x, a, b, y, c, d, z, e, f)."""
    x, a, b, y, c, d, z, e, f = terms
    return x[part], a, b, y[part], c, d, z[part], e, f


# Mean and variance per channel


@compiled
def _add_rows(x, total):
    for i in range(len(x)):
        for j in range(x.shape[1]):
            total[j] += x[i, j]


@compiled
def _add_squares(x, mean, total):
    for i in range(len(x)):
        for j in range(x.shape[1]):
            d = x[i, j] - mean[j]
            total[j] += d * d


@compiled
def _add_both(x, total, square):
    for i in range(len(x)):
        for j in range(x.shape[1]):
            v = _widen(x[i, j])
            total[j] += v
            square[j] += v * v


@compiled
def _mean(zero, partial, pixels, mean):
    """Add the threads' sums in the precision of `zero` and divide by the number of pixels."""
    for j in range(len(mean)):
        found = zero
        for p in range(len(partial)):
            found += partial[p, j]
        mean[j] = np.float64(found) / pixels


@compiled
def _affine(mean, variance, pixels, eps, weight, bias, scale, shift):
    """Write scale and shift of batch normalisation, repeated to the lanes.

    Returns whether all normalised values are finite and far below float32's largest number: none
    of n numbers is more than √n standard deviations from their mean.
    """
    finite = True
    for j in range(len(mean)):
        inverse = np.float32(1 / np.sqrt(np.float64(variance[j]) + eps))
        a = inverse * weight[j]
        b = bias[j] - np.float32(mean[j]) * a
        furthest = abs(weight[j]) * np.sqrt(np.float64(pixels)) + abs(bias[j])
        finite = finite and np.isfinite(a) and np.isfinite(b) and furthest < HUGE
        for k in range(j, len(scale), len(mean)):
            scale[k] = a
            shift[k] = b
    return finite


@compiled
def _moments(total, square, pixels, mean, variance):
    channels = len(mean)
    for j in range(channels):
        s = 0.0
        q = 0.0
        for p in range(len(total)):
            for k in range(j, total.shape[1], channels):
                s += total[p, k]
                q += square[p, k]
        mean[j] = s / pixels
        variance[j] = max(q / pixels - mean[j] * mean[j], 0.0)


def batch_norm(x, threads, eps, weight, bias, scale, shift):
    """Compute scale and shift of batch normalisation: x · scale + shift is the normalised `x`.

    Args:
        x: (rows, lanes).
        threads: number of threads.
        eps: added to the variance.
        weight, bias: float32 (channels,).
        scale, shift: float32 (lanes,), written.

    Returns:
        Mean and variance, (channels,), and whether the normalised `x` is known to be finite.
    """
    channels = len(weight)
    if x.dtype == np.float32:  # two passes, and sums in torch's order
        pixels = x.reshape(-1, channels)
        size = -(-len(pixels) // threads)
        mean, variance = np.empty((2, channels), np.float32)
        partial = np.zeros((threads, channels), np.float32)
        parts = [pixels[p * size : (p + 1) * size] for p in range(threads)]
        in_threads(threads, lambda p: _add_rows(parts[p], partial[p]), x.size)
        _mean(np.float64(0), partial, len(pixels), mean)
        partial[:] = 0
        in_threads(threads, lambda p: _add_squares(parts[p], mean, partial[p]), x.size)
        _mean(np.float32(0), partial, len(pixels), variance)
    else:
        mean, variance = np.empty((2, channels), np.float64)
        total, square = np.zeros((2, threads, x.shape[1]), np.float32)
        size = -(-len(x) // threads)
        parts = [x[p * size : (p + 1) * size] for p in range(threads)]
        in_threads(threads, lambda p: _add_both(parts[p], total[p], square[p]), x.size)
        _moments(total, square, x.size // channels, mean, variance)
    finite = _affine(mean, variance, x.size // channels, eps, weight, bias, scale, shift)
    return mean, variance, finite


# Sums of up to three terms x · a + b, y · c + d, z · e + f


@compiled
def _add_terms(count, x, a, b, y, c, d, z, e, f, output):
    rows, lanes = output.shape
    like = x[0, 0]
    for i in range(rows):
        if count == 1:
            for j in range(lanes):
                output[i, j] = _narrow(_widen(x[i, j]) * a[j] + b[j], like)
        elif count == 2:
            for j in range(lanes):
                v = (_widen(x[i, j]) * a[j] + b[j]) + (_widen(y[i, j]) * c[j] + d[j])
                output[i, j] = _narrow(v, like)
        else:
            for j in range(lanes):
                v = (_widen(x[i, j]) * a[j] + b[j]) + (_widen(y[i, j]) * c[j] + d[j])
                output[i, j] = _narrow(v + (_widen(z[i, j]) * e[j] + f[j]), like)


def add_terms(threads, count, terms, output):
    """Write the sum of the first `count` of three terms, (x, a, b, y, c, d, z, e, f)."""
    size = -(-len(output) // threads)

    def run(p):
        part = slice(p * size, (p + 1) * size)
        if part.start < len(output):
            _add_terms(count, *_rows(terms, part), output[part])

    in_threads(threads, run, output.size)


@compiled
def _relu(count, x, a, b, y, c, d, z, e, f, output, codes):
    images, _, lanes = codes.shape
    rows = len(output) // images
    like = x[0, 0]
    zero = np.float32(0)
    for image in range(images):
        for row in range(rows):
            i = image * rows + row
            high = row >> 3
            bit = np.uint8(1 << (row & 7))
            if count == 1:
                for j in range(lanes):
                    v = _widen(x[i, j]) * a[j] + b[j]
                    r = _narrow(zero if v <= zero else v, like)
                    output[i, j] = r
                    codes[image, high, j] |= bit if r != 0 else np.uint8(0)
            elif count == 2:
                for j in range(lanes):
                    v = (_widen(x[i, j]) * a[j] + b[j]) + (_widen(y[i, j]) * c[j] + d[j])
                    r = _narrow(zero if v <= zero else v, like)
                    output[i, j] = r
                    codes[image, high, j] |= bit if r != 0 else np.uint8(0)
            else:
                for j in range(lanes):
                    v = (_widen(x[i, j]) * a[j] + b[j]) + (_widen(y[i, j]) * c[j] + d[j])
                    v += _widen(z[i, j]) * e[j] + f[j]
                    r = _narrow(zero if v <= zero else v, like)
                    output[i, j] = r
                    codes[image, high, j] |= bit if r != 0 else np.uint8(0)


def relu(threads, count, terms, output, codes):
    """Write ReLU of a sum of terms, given as for `add_terms`, and its codes.

    Args:
        codes: uint8 (B, n, lanes), zeros; row 8 · i + k of an image sets bit k in row i.
    """
    rows, size = len(output) // len(codes), -(-len(codes) // threads)

    def run(p):
        images = slice(p * size, (p + 1) * size)
        part = slice(images.start * rows, images.stop * rows)
        if images.start < len(codes):
            _relu(count, *_rows(terms, part), output[part], codes[images])

    in_threads(threads, run, output.size)


# Maxima


@compiled
def _highest(x, y, z):
    """Return the largest of three numbers; NaN if there is one."""
    highest = x if (x >= y) | (x != x) else y
    return highest if (highest >= z) | (highest != highest) else z


@compiled
def _max_pool(
    count, x, a, b, y, c, d, z, e, f, output, images, width, kernel, stride, padding
):  # fmt: skip
    like = x[0, 0]
    height = len(x) // images
    lanes = x.shape[1]
    channels = lanes // width
    rows, pixels = len(output) // images, output.shape[1] // channels
    lines = np.empty((3, lanes), np.float32)  # the last three rows of the sum, in turn
    column = np.full((width + 2 * padding) * channels, np.float32(-np.inf))  # vertical maxima
    inside = column[padding * channels : padding * channels + lanes]
    left, middle = column, column[channels:]
    right = column[(kernel - 1) * channels :]
    for image in range(images):
        done = 0
        for row in range(rows):
            first = max(row * stride - padding, 0)
            last = min(row * stride - padding + kernel, height) - 1
            for h in range(done, last + 1):
                i = image * height + h
                line = lines[h % 3]
                if count == 1:
                    for j in range(lanes):
                        line[j] = _widen(x[i, j]) * a[j] + b[j]
                elif count == 2:
                    for j in range(lanes):
                        line[j] = (_widen(x[i, j]) * a[j] + b[j]) + (_widen(y[i, j]) * c[j] + d[j])
                else:
                    for j in range(lanes):
                        v = (_widen(x[i, j]) * a[j] + b[j]) + (_widen(y[i, j]) * c[j] + d[j])
                        line[j] = v + (_widen(z[i, j]) * e[j] + f[j])
            done = max(done, last + 1)
            # If there are fewer than three, the last one repeats, which changes no maximum.
            top, centre = lines[first % 3], lines[min(first + 1, last) % 3]
            bottom = lines[last % 3]
            for j in range(lanes):
                inside[j] = _highest(top[j], centre[j], bottom[j])
            o = output[image * rows + row]
            if stride == 1:
                for j in range(len(o)):
                    o[j] = _narrow(_highest(left[j], middle[j], right[j]), like)
            else:
                for pixel in range(pixels):
                    at = pixel * stride * channels
                    from_left, from_middle, from_right = left[at:], middle[at:], right[at:]
                    to = o[pixel * channels : (pixel + 1) * channels]
                    for j in range(channels):
                        v = _highest(from_left[j], from_middle[j], from_right[j])
                        to[j] = _narrow(v, like)


def max_pool(threads, count, terms, output, images, width, kernel, stride, padding):
    """Write the maxima of squares of a sum of terms, given as for `add_terms`.

    Args:
        terms, output: their rows are rows of pixels, (images · height, width · channels).
        kernel, stride, padding: in pixels, equal in both directions; kernel is 2 or 3.
    """
    height, rows, size = len(terms[0]) // images, len(output) // images, -(-images // threads)

    def run(p):
        first, last = p * size, min((p + 1) * size, images)
        part = _rows(terms, slice(first * height, last * height))
        to = output[first * rows : last * rows]
        if first < last:
            _max_pool(count, *part, to, last - first, width, kernel, stride, padding)

    in_threads(threads, run, output.size)


# Weights


@compiled
def spread(drawn, bound, output):
    """Write random numbers between 0 and 1 as numbers between −bound and bound.

    Args:
        drawn: float32 (outputs, inputs, pixels).
        output: (outputs, pixels, inputs), written.
    """
    like = output[0, 0, 0]
    for i in range(output.shape[0]):
        for j in range(output.shape[1]):
            for k in range(output.shape[2]):
                output[i, j, k] = _narrow(drawn[i, k, j] * (bound + bound) - bound, like)


# Overlaps of codes


@compiled
def _ones(word):
    """Return how many bits of a 64-bit word are set; compiled to one instruction."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@compiled
def _count_overlaps(codes, first, step, active):
    for i in range(first, len(codes), step):
        for j in range(i + 1):
            total = np.uint64(0)
            for k in range(codes.shape[1]):
                total += _ones(np.uint64(codes[i, k] & codes[j, k]))
            active[i, j] = total
            active[j, i] = total


def count_overlaps(threads, codes):
    """Return X Xᵀ, int32 (B, B), of the codes that `relu` writes."""
    words = codes.reshape(len(codes), -1)
    if words.shape[1] % 8:
        words = np.pad(words, ((0, 0), (0, -words.shape[1] % 8)))
    words = words.view(np.uint64)
    active = np.empty((len(codes), len(codes)), np.int32)
    work = len(codes) * words.size // 2
    in_threads(threads, lambda p: _count_overlaps(words, p, threads, active), work)
    return active
