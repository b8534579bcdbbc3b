"""One child stream of random numbers for each use, so that turning one on does not move another."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np


class Streams:
    """Generators by name, all from one seed: ``streams["dropout"]`` never moves ``["shuffle"]``.

    The generator of a name is seeded by the seed and a hash of the name, so it does not matter
    which names were used before.

    >>> a, b = Streams(7), Streams(7)
    >>> _ = a["dropout"].random(1000)
    >>> a["shuffle"].integers(100) == b["shuffle"].integers(100)
    np.True_
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generators: dict[str, np.random.Generator] = {}

    def __getitem__(self, name: str) -> np.random.Generator:
        generator = self._generators.get(name)
        if generator is None:
            key = zlib.crc32(name.encode())
            sequence = np.random.SeedSequence(self.seed, spawn_key=(key,))
            generator = np.random.Generator(np.random.PCG64(sequence))
            self._generators[name] = generator
        return generator

    def state(self) -> dict[str, Any]:
        """Return where every used stream stands, as plain data.

        PCG64 counts in 128 bits, more than many readers of JSON take: such numbers are text here.
        """
        streams = {}
        for name, generator in self._generators.items():
            at: Any = generator.bit_generator.state
            wide = {key: hex(value) for key, value in at["state"].items()}
            streams[name] = {**at, "state": wide}
        return {"seed": self.seed, "streams": streams}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put every stream where `state` found it; a generator in use goes on from there."""
        self.seed = state["seed"]
        for name in self._generators.keys() - state["streams"].keys():
            del self._generators[name]
        for name, at in state["streams"].items():
            wide = {key: int(value, 16) for key, value in at["state"].items()}
            self[name].bit_generator.state = {**at, "state": wide}
