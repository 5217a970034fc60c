"""Random streams that depend on names only, and hashes of numbers.

Belongs here: `stream` and the vectorised hash. Does not: distributions of the world (see the modules that draw).
A stream is keyed by seed, version and names, so any market-month can be made in any order and in any process.
"""

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.config import WorldConfig

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]


def stream(config: WorldConfig, *names: str | int) -> np.random.Generator:
    """A generator of its own for these names: Philox, keyed by the SHA-256 of seed, version and names."""
    text = "\x1f".join((str(config.seed), config.version, *(str(name) for name in names)))
    digest = hashlib.sha256(text.encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def hashed(numbers: NDArray[Any], salt: int) -> NDArray[np.uint64]:
    """64 well mixed bits for each number (splitmix64); equal numbers and salts give equal bits."""
    mixed = numbers.astype(np.uint64)
    mixed += np.uint64((salt * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def hashed_uniform(numbers: NDArray[Any], salt: int) -> Reals:
    """A number in [0, 1) for each number, from its hash."""
    return (hashed(numbers, salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def hashed_below(numbers: NDArray[Any], salt: int, bound: int) -> Integers:
    """A whole number in 0..bound-1 for each number, from its hash."""
    return ((hashed(numbers, salt) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)


@lru_cache(maxsize=1024)
def salt(config: WorldConfig, name: str) -> int:
    """The salt with which numbers are hashed for one purpose of one world."""
    digest = hashlib.sha256(f"{config.seed}\x1f{config.version}\x1f{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little")
