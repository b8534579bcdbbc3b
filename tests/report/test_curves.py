"""Learning curves as SVG: what is in the file, and that it is the same each time."""

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from nntool.report.curves import COLOURS, Curve, as_svg

A = Curve("A run", [1.0, 0.5, 0.25], [0.9, 0.6, 0.5], 3)
B = Curve("B other", [2.0, 1.0], [1.5, 0.8], 1)
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: bytes) -> list[str]:
    root = ET.fromstring(picture)
    return ["".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")]


def lines(picture: bytes) -> list[ET.Element]:
    """The paths that are drawn in a colour of a curve, without axes and marks."""
    return [
        path
        for path in ET.fromstring(picture).iter(f"{SVG}path")
        if "fill: none" in path.get("style", "")
        and any(colour.lower() in path.get("style", "") for colour in COLOURS[:-1])
    ]


def test_title_axes_and_names_are_texts():
    found = texts(as_svg([A, B], loss="bce"))
    for text in ("Learning curves", "training", "validation", "A run", "B other"):
        assert text in found
    assert found.count("epoch") == 2
    assert found.count("loss (bce)") == 2


def test_each_curve_is_drawn_in_both_panels_and_the_legend():
    assert len(lines(as_svg([A, B]))) == 2 * 3
    assert len(lines(as_svg([A, B._replace(validation=[None, None])]))) == 2 * 3 - 1


def test_without_validation_there_is_one_panel():
    found = texts(as_svg([A._replace(validation=[None] * 3)]))
    assert "validation" not in found
    assert found.count("epoch") == 1


def test_the_points_lie_where_the_losses_are():
    path = lines(as_svg([A]))[0].get("d")
    points = [tuple(map(float, xy)) for xy in re.findall(r"[ML] (\S+) (\S+)", path)]
    assert len(points) == 3
    (x1, y1), (x2, y2), (x3, y3) = points
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert (y2 - y1) / (y3 - y2) == pytest.approx((1.0 - 0.5) / (0.5 - 0.25), rel=1e-3)


def test_more_than_two_decades_are_drawn_on_a_logarithmic_scale():
    path = lines(as_svg([A._replace(train=[1000.0, 10.0, 0.1])]))[0].get("d")
    ys = [float(y) for _, y in re.findall(r"[ML] (\S+) (\S+)", path)]
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], rel=1e-3)


def test_the_same_curves_give_the_same_bytes_in_any_process_and_setting(tmp_path):
    script = (
        "import sys; from nntool.report.curves import Curve, as_svg\n"
        "c = [Curve('A run', [1.0, 0.5, 0.25], [0.9, 0.6, 0.5], 3),"
        " Curve('B other', [2.0, 1.0], [1.5, 0.8], 1)]\n"
        "sys.stdout.buffer.write(as_svg(c))"
    )
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 33\nsvg.hashsalt: x\n")
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "PYTHONHASHSEED": "5"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    environment.pop("MPLCONFIGDIR", None)
    environment |= {"XDG_CACHE_HOME": str(home / "c"), "XDG_CONFIG_HOME": str(home / "d")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == as_svg([A, B]) == as_svg([A, B])
    assert list(home.rglob("*")) == []  # nothing is kept for next time


def test_no_date_and_no_program_is_written():
    picture = as_svg([A]).decode()
    assert "<dc:date>" not in picture
    assert "dc:creator" not in picture


@pytest.mark.parametrize(
    "name", ["A $x_1$ & <b>", "A 日本語", "A \x1b[31m\x00", "A " + "long" * 30]
)
def test_any_name_can_stand_in_the_legend(name):
    found = texts(as_svg([A._replace(name=name)]))
    [shown] = [text for text in found if text.startswith("A ")]
    assert len(shown) <= 40
    assert shown.isprintable()
    if len(name) <= 40 and name.isprintable():
        assert shown == name


@pytest.mark.parametrize(
    "losses",
    [[], [None], [math.nan, math.inf], [0.0, 0.0], [-1.0, 5.0], [1e308, 1e-308], [-1e308, 1e308]],
)
def test_any_losses_can_be_drawn(losses):
    picture = as_svg([Curve("A a", losses, losses, 1), Curve("B b", [1.0], [None], 0)])
    assert "A a" in texts(picture)


def test_thirty_curves_differ_in_colour_or_style():
    curves = [Curve(f"{i}", [1.0 + i, 0.5], [None, None], 1) for i in range(28)]
    styles = {
        (
            re.search(r"stroke: (#\w+)", path.get("style"))[1],
            (re.search(r"stroke-dasharray: ([^;]+)", path.get("style")) or ["", ""])[1],
        )
        for path in lines(as_svg(curves))
    }
    assert len(styles) == 4 * (len(COLOURS) - 1)  # black is that of the axes too


def test_a_curve_shows_through_the_gaps_of_one_that_is_the_same():
    same = [Curve(f"{letter} run", A.train, [], 3) for letter in "ABCDE"]
    drawn = [line.get("style") for line in lines(as_svg(same))[: len(same)]]
    gaps = [re.findall("stroke-dasharray: ([^;]+)", style) for style in drawn]
    assert gaps[:2] == [[], []]  # A and E, below the others
    assert len(set(map(tuple, gaps[2:]))) == 3


def test_a_single_epoch_has_one_tick():
    found = texts(as_svg([Curve("A run", [0.5], [0.6], 1)]))
    assert found.count("1") == 2
    assert not any(text.startswith(("0.9", "1.0")) for text in found)
