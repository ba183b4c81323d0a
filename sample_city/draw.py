"""Chance without state: every draw is a hash of (seed, stream, entity).

A draw depends on nothing else, so any part of the city can be made again in any order and in pieces of any size, a
later delivery repeats what did not change, and the same seed gives the same bytes. The mixing function is the
finaliser of SplitMix64 (Steele, Lea, Flood 2014), applied to whole numpy arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]
Bits = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mix(x: Bits) -> Bits:
    """One round of the SplitMix64 finaliser; wraps on purpose."""
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


class Draw:
    """Random numbers by name: `draw.uniform("phone", ids)` is the same for the same seed, stream and ids."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._salts: dict[str, np.uint64] = {}

    def _salt(self, stream: str) -> np.uint64:
        if stream not in self._salts:
            digest = blake2b(f"{self.seed}/{stream}".encode(), digest_size=8).digest()
            self._salts[stream] = np.uint64(int.from_bytes(digest, "big"))
        return self._salts[stream]

    def bits(self, stream: str, ids: Ints) -> Bits:
        """64 random bits for each id (shape of `ids`)."""
        return _mix(_mix(np.asarray(ids).astype(np.uint64) * _GOLDEN + self._salt(stream)))

    def uniform(self, stream: str, ids: Ints) -> Floats:
        """Numbers in [0, 1)."""
        return (self.bits(stream, ids) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, stream: str, ids: Ints, bound: int | Ints) -> Indices:
        """Integers in [0, bound); `bound` may differ for each id."""
        return np.floor(self.uniform(stream, ids) * bound).astype(np.int64)

    def chance(self, stream: str, ids: Ints, share: float | Floats) -> Bools:
        """True for about `share` of the ids."""
        return np.asarray(self.uniform(stream, ids) < share)

    def pick(self, stream: str, ids: Ints, weights: Sequence[float] | Floats) -> Indices:
        """Indices into `weights`, each as often as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.minimum(np.searchsorted(edges, self.uniform(stream, ids) * edges[-1], side="right"), len(edges) - 1)

    def order(self, stream: str, ids: Ints) -> Indices:
        """A permutation of positions that puts `ids` in random order."""
        return np.argsort(self.bits(stream, ids), kind="stable")
