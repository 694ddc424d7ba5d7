"""Loops over activations, compiled by numba: the parts of a forward pass that memory limits.

Activations are matrices of rows × lanes here: consecutive pixels of a channels-last tensor, several
to a row, so that inner loops are long whatever the number of channels. A vector with an entry a
channel is repeated to that width. bfloat16 numbers are uint16, their bits; sums are in float32.

In float32 every operation is rounded as torch rounds it on an x86 processor, with the same number
of threads, so results are the same to the last bit.

A function whose name ends in `_spread` does in threads what the one without does in one.

All is in one file because numba compiles a function anew only if the file that it is in has
changed.
"""

import functools

import numpy as np
from numba import prange, types
from numba.extending import overload

from naswot.runtime import numba_cache

HUGE = 1e37  # sums of three such numbers are finite in float32

compiled = functools.partial(numba_cache.compiled, fastmath={"contract"})
spread = functools.partial(numba_cache.compiled, parallel=True)


def _from_bfloat16(x):
    return np.uint32(np.uint32(x) << np.uint32(16)).view(np.float32)


def _to_bfloat16(x, like):
    bits = np.float32(x).view(np.uint32)  # rounded to even
    odd = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))


def _widen(x):
    """Return number `x` as a float."""
    return _from_bfloat16(x) if isinstance(x, np.uint16) else x


def _narrow(x, like):
    """Return float `x` in the type of `like`."""
    return _to_bfloat16(x, like) if isinstance(like, np.uint16) else x


# Compiled, the type is known beforehand, and nothing of the question is left in a loop.


@overload(_widen, inline="always")
def _widen_compiled(x):
    return _from_bfloat16 if x == types.uint16 else lambda x: x


@overload(_narrow, inline="always")
def _narrow_compiled(x, like):
    return _to_bfloat16 if like == types.uint16 else lambda x, like: x


# Mean and variance by channel


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


@spread
def _add_rows_spread(x, partial, size):
    for p in prange(len(partial)):
        _add_rows(x[p * size : (p + 1) * size], partial[p])


@spread
def _add_squares_spread(x, mean, partial, size):
    for p in prange(len(partial)):
        _add_squares(x[p * size : (p + 1) * size], mean, partial[p])


@spread
def _add_both_spread(x, total, square, size):
    for p in prange(len(total)):
        _add_both(x[p * size : (p + 1) * size], total[p], square[p])


@compiled
def _mean(zero, partial, pixels, mean):
    """Sum up what threads found, in the precision of `zero`, and divide by the pixels."""
    for j in range(len(mean)):
        found = zero
        for p in range(len(partial)):
            found += partial[p, j]
        mean[j] = np.float64(found) / pixels


@compiled
def _affine(mean, variance, pixels, eps, weight, bias, scale, shift):
    """Write what normalisation multiplies by and adds, repeated to the lanes.

    Returns whether all that it gives is finite and far from the end of float32's range: of n
    numbers none is further from their mean than √n standard deviations.
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


def normalisation(x, parts, eps, weight, bias, scale, shift):
    """Find how batch normalisation scales and shifts: x·scale + shift is the normalised `x`.

    Args:
        x: (rows, lanes).
        parts: how many threads look at it.
        eps: added to the variance.
        weight, bias: float32 (channels,).
        scale, shift: float32 (lanes,), written.

    Returns:
        Mean and variance, (channels,), and whether the normalised `x` is known to be finite.
    """
    channels = len(weight)
    if x.dtype == np.float32:  # two passes, and sums in torch's order
        pixels = x.reshape(-1, channels)
        size = -(-len(pixels) // parts)
        mean, variance = np.empty((2, channels), np.float32)
        partial = np.zeros((parts, channels), np.float32)
        if parts == 1:
            _add_rows(pixels, partial[0])
        else:
            _add_rows_spread(pixels, partial, size)
        _mean(np.float64(0), partial, len(pixels), mean)
        partial[:] = 0
        if parts == 1:
            _add_squares(pixels, mean, partial[0])
        else:
            _add_squares_spread(pixels, mean, partial, size)
        _mean(np.float32(0), partial, len(pixels), variance)
    else:
        mean, variance = np.empty((2, channels), np.float64)
        total, square = np.zeros((2, parts, x.shape[1]), np.float32)
        if parts == 1:
            _add_both(x, total[0], square[0])
        else:
            _add_both_spread(x, total, square, -(-len(x) // parts))
        _moments(total, square, x.size // channels, mean, variance)
    finite = _affine(mean, variance, x.size // channels, eps, weight, bias, scale, shift)
    return mean, variance, finite


# Sums of up to three terms x·a + b, y·c + d, z·e + f


@compiled
def _add_up(count, x, a, b, y, c, d, z, e, f, output):
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


@spread
def _add_up_spread(parts, count, x, a, b, y, c, d, z, e, f, output):
    size = -(-len(x) // parts)
    for p in prange(parts):
        i, j = p * size, (p + 1) * size
        _add_up(count, x[i:j], a, b, y[i:j], c, d, z[i:j], e, f, output[i:j])


def add_up(parts, count, terms, output):
    """Write the sum of the first `count` of three terms (x, scale, shift) to `output`."""
    if parts == 1:
        _add_up(count, *terms, output)
    else:
        _add_up_spread(parts, count, *terms, output)


@compiled
def _rectify(count, x, a, b, y, c, d, z, e, f, output, codes):
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


@spread
def _rectify_spread(parts, count, x, a, b, y, c, d, z, e, f, output, codes):
    rows = len(x) // len(codes)
    size = -(-len(codes) // parts)
    for p in prange(parts):
        first, last = p * size, min((p + 1) * size, len(codes))
        i, j = first * rows, last * rows
        if first < last:
            _rectify(
                count, x[i:j], a, b, y[i:j], c, d, z[i:j], e, f, output[i:j], codes[first:last]
            )  # fmt: skip


def rectify(parts, count, terms, output, codes):
    """Write ReLU of a sum of terms, as for `add_up`, and its codes.

    Args:
        codes: uint8 (B, n, lanes), zeros; row 8·n + k of an image sets bit k of entries of n.
    """
    if parts == 1:
        _rectify(count, *terms, output, codes)
    else:
        _rectify_spread(parts, count, *terms, output, codes)


# Maxima


@compiled
def _highest(x, y, z):
    """Return the highest of three numbers; no number is higher than all."""
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
    lines = np.empty((3, lanes), np.float32)  # the last of the sum, in turn
    column = np.full((width + 2 * padding) * channels, np.float32(-np.inf))  # their maxima
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
            # Of less than three the last one counts again, which changes no maximum.
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
                    place = pixel * stride * channels
                    from_left, from_middle, from_right = left[place:], middle[place:], right[place:]
                    to = o[pixel * channels : (pixel + 1) * channels]
                    for j in range(channels):
                        v = _highest(from_left[j], from_middle[j], from_right[j])
                        to[j] = _narrow(v, like)


@spread
def _max_pool_spread(
    parts, count, x, a, b, y, c, d, z, e, f, output, images, width, kernel, stride, padding
):  # fmt: skip
    height, rows = len(x) // images, len(output) // images
    size = -(-images // parts)
    for p in prange(parts):
        first, last = p * size, min((p + 1) * size, images)
        i, j = first * height, last * height
        if first < last:
            _max_pool(
                count, x[i:j], a, b, y[i:j], c, d, z[i:j], e, f, output[first * rows : last * rows],
                last - first, width, kernel, stride, padding
            )  # fmt: skip


def max_pool(parts, count, terms, output, images, width, kernel, stride, padding):
    """Write maxima over squares of a sum of terms, as for `add_up`.

    Args:
        terms, output: their rows are those of images, (images · height, width · channels).
        kernel, stride, padding: in pixels, the same in both directions; kernel is 2 or 3.
    """
    if parts == 1:
        _max_pool(count, *terms, output, images, width, kernel, stride, padding)
    else:
        _max_pool_spread(parts, count, *terms, output, images, width, kernel, stride, padding)


# Products of codes


@compiled
def _ones(word):
    """Return how many bits of a 64-bit word are set; processors have an instruction for it."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@compiled
def _agree(codes, first, step, active):
    for i in range(first, len(codes), step):
        for j in range(i + 1):
            total = np.uint64(0)
            for k in range(codes.shape[1]):
                total += _ones(np.uint64(codes[i, k] & codes[j, k]))
            active[i, j] = total
            active[j, i] = total


@spread
def _agree_spread(parts, codes, active):
    for p in prange(parts):
        _agree(codes, p, parts, active)


def agree(parts, codes):
    """Return X Xᵀ, int32 (B, B), of the codes that `rectify` writes."""
    words = codes.reshape(len(codes), -1)
    if words.shape[1] % 8 == 0:
        words = words.view(np.uint64)
    active = np.empty((len(codes), len(codes)), np.int32)
    if parts == 1:
        _agree(words, 0, 1, active)
    else:
        _agree_spread(parts, words, active)
    return active
