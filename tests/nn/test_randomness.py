"""Streams: one for each use."""

import json

import numpy as np

from nntool.nn.randomness import Streams


def test_a_stream_does_not_depend_on_the_others() -> None:
    a, b = Streams(3), Streams(3)
    a["dropout"].random(10)
    a["init"].random(10)
    np.testing.assert_array_equal(a["shuffle"].random(5), b["shuffle"].random(5))


def test_names_and_seeds_give_different_numbers() -> None:
    firsts = {Streams(seed)[name].random() for seed in (0, 1) for name in ("init", "shuffle")}
    assert len(firsts) == 4


def test_a_restored_stream_goes_on_and_an_unused_one_starts() -> None:
    a, b = Streams(3), Streams(99)
    a["init"].random(4)
    b["shuffle"].random(2)
    b.restore(json.loads(json.dumps(a.state())))
    np.testing.assert_array_equal(a["init"].random(5), b["init"].random(5))
    np.testing.assert_array_equal(a["shuffle"].random(5), b["shuffle"].random(5))


def test_no_number_of_the_state_is_wider_than_64_bits() -> None:
    streams = Streams(3)
    streams["init"].integers(10, dtype=np.int32)
    numbers: list[int] = []
    json.loads(json.dumps(streams.state()), parse_int=lambda text: numbers.append(int(text)))
    assert max(numbers) < 2**63
