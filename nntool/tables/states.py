"""Fitted states as files: plain data for JSON, and the arrays in them for ``.npz``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError

MARK = "$array"
"""In the plain part, ``{"$array": NAME}`` stands where an array stood."""

Arrays = dict[str, npt.NDArray[Any]]


def separate(state: Any) -> tuple[Any, Arrays]:
    """Take the arrays out of a state; also gives them, named by their place.

    >>> separate({"pca": {"mean": np.array([1.0])}, "rows": 3})
    ({'pca': {'mean': {'$array': 'pca.mean'}}, 'rows': 3}, {'pca.mean': array([1.])})
    """
    arrays: Arrays = {}
    return _without(state, "", arrays), arrays


def _without(value: Any, place: str, arrays: Arrays) -> Any:
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return {MARK: place}
    if isinstance(value, dict):
        return {
            key: _without(inner, f"{place}.{key}" if place else key, arrays)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_without(inner, f"{place}[{i}]", arrays) for i, inner in enumerate(value)]
    return value


def join(plain: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Put the arrays back; raises ``DataError`` where one is not there.

    >>> join(*separate({"mean": np.array([1.0])}))
    {'mean': array([1.])}
    """
    if isinstance(plain, dict):
        if set(plain) == {MARK}:
            if plain[MARK] not in arrays:
                raise DataError(
                    f"the state names an array that is not there: {plain[MARK]}",
                    "run transform again, with --force",
                )
            return arrays[plain[MARK]]
        return {key: join(inner, arrays) for key, inner in plain.items()}
    if isinstance(plain, list):
        return [join(inner, arrays) for inner in plain]
    return plain
