"""Which source columns move together in what the network is given."""

from collections.abc import Sequence
from typing import NamedTuple

from nntool.tables.operations.operation import State
from nntool.tables.transforming.features import mixed_from


class Block(NamedTuple):
    """Source columns, and the produced ones that are made of them and of no other."""

    sources: list[str]
    produced: list[str]
    """Empty where the network is given nothing of them."""


def blocks(state: State, kept: Sequence[str]) -> list[Block]:
    """Cut the source columns into the smallest groups that share no kept column, in order.

    Columns that a mixer (principal components) joins are one block. What an imputation reads of
    other columns joins none: a gap filled from a neighbour is still that column's cell.
    """
    sources = list(dict.fromkeys(entry["source"] for entry in state["columns"]))
    block_of = {source: i for i, source in enumerate(sources)}
    made_of = {name: _sources_of(state, name) for name in kept}
    for together in made_of.values():
        ids = {block_of[source] for source in together}
        for source, block in block_of.items():
            if block in ids:
                block_of[source] = min(ids)
    found: dict[int, Block] = {}
    for source in sources:
        found.setdefault(block_of[source], Block([], [])).sources.append(source)
    for name, together in made_of.items():
        found[block_of[together[0]]].produced.append(name)
    return list(found.values())


def _sources_of(state: State, name: str) -> list[str]:
    wanted = {name} | mixed_from(state, {name})
    return [entry["source"] for entry in state["columns"] if wanted.intersection(entry["produces"])]
