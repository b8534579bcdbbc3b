"""MurmurHash3 of texts, all at once: the same number on every machine and in scikit-learn."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# Appleby's constants of MurmurHash3_x86_32 (2008, public domain).
_C1, _C2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)
_STEP = np.uint32(0xE6546B64)
_M1, _M2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
# The bytes kept of a last word of which 0 to 3 bytes belong to the text.
_KEEP = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF], np.uint32)

Words = npt.NDArray[np.uint32]


def murmur3(texts: pa.Array) -> npt.NDArray[np.int32]:
    """Give the signed 32-bit hash `(n,)` of the UTF-8 bytes of each text; null is as empty.

    >>> murmur3(pa.array(["", "foo"])).tolist()
    [0, -156908512]
    """
    start, length, data = _bytes_of(texts)
    # Every offset may begin a word: a view of four bytes at each.
    words = np.ndarray((len(data) - 3,), "<u4", buffer=data, strides=(1,))
    n_whole = length // 4
    h = np.zeros(len(texts), np.uint32)
    rest, done = np.flatnonzero(n_whole > 0), 0
    while rest.size:
        mixed = h[rest] ^ _scrambled(words[start[rest] + 4 * done])
        h[rest] = _turned(mixed, 13) * np.uint32(5) + _STEP
        done += 1
        rest = rest[n_whole[rest] > done]
    h ^= _scrambled(words[start + 4 * n_whole] & _KEEP[length % 4])
    h ^= length.astype(np.uint32)
    h = (h ^ (h >> np.uint32(16))) * _M1
    h = (h ^ (h >> np.uint32(13))) * _M2
    h ^= h >> np.uint32(16)
    return h.view(np.int32)


def hashed_places(texts: pa.Array, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """Give the column |h| mod n and the sign of h for each text, as scikit-learn's FeatureHasher.

    Source: Weinberger, Dasgupta, Langford, Smola & Attenberg 2009, arXiv:0902.2206.
    """
    h = murmur3(texts).astype(np.int64)
    return np.abs(h) % n, np.where(h >= 0, 1, -1).astype(np.int8)


def _bytes_of(
    texts: pa.Array,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Give where each text starts, how long it is, and all bytes with four zeros behind them."""
    if not len(texts):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(4, np.uint8)
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(last - first + 4, np.uint8)
    if last > first:
        padded[:-4] = np.frombuffer(data, np.uint8)[first:last]
    length = np.diff(offsets).astype(np.int64)
    if texts.null_count:
        length[np.asarray(texts.is_null())] = 0
    return offsets[:-1].astype(np.int64) - first, length, padded


def _scrambled(k: Words) -> Words:
    scrambled: Words = _turned(k * _C1, 15) * _C2
    return scrambled


def _turned(h: Words, n: int) -> Words:
    turned: Words = (h << np.uint32(n)) | (h >> np.uint32(32 - n))
    return turned
