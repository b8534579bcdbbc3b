"""Learning curves as an SVG: training beside validation, a line for each run."""

from __future__ import annotations

import io
import math
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by the colour-blind too (Okabe & Ito 2008, Color Universal Design), without yellow."""
STYLES = ("solid", "dashed", "dotted", "dashdot")
LOG_FROM = 100.0
"""Losses that span more than two decades are drawn on a logarithmic scale."""
LARGEST = 1e200
"""Larger losses are drawn as this one: ticks and margins go beyond what is drawn."""
LEAST = 1e-200
"""Smaller ones above 0 likewise."""
LONGEST_NAME = 40
INCHES_OF_A_NAME = 0.2
SMALLEST = (10.0, 4.8)
MARGIN = 0.1
"""Inches of white around what is drawn."""
SALT = "nntool"
"""What the names inside the file are made with, so that they are the same each time."""


class Curve(NamedTuple):
    """The losses of one run by epoch; None where an epoch has none."""

    name: str
    train: Sequence[float | None]
    validation: Sequence[float | None]
    best: int
    """The epoch that was kept, from 1; 0 for none."""


Points = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]


def as_svg(curves: Sequence[Curve], loss: str = "") -> bytes:
    """Draw all curves; ``loss`` is what the loss is called, where it is one for all.

    The same curves give the same bytes, whatever is set up for other drawings on this machine.
    """
    with _own_settings():
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        height = max(SMALLEST[1], 1 + INCHES_OF_A_NAME * len(curves))
        layout = ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN)
        figure = Figure(figsize=(SMALLEST[0], height), layout=layout)
        FigureCanvasSVG(figure)
        _draw(figure, curves, loss)
        file = io.BytesIO()
        figure.savefig(
            file, format="svg", metadata={"Date": None, "Creator": None, "Title": "Learning curves"}
        )
    return file.getvalue()


@contextmanager
def _own_settings() -> Iterator[None]:
    """The library's own defaults, whatever files say; nothing is written outside a folder of ours.

    Names in scripts that the font for measuring does not have are left to the viewer's fonts.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        before = os.environ.get("MPLCONFIGDIR")
        os.environ["MPLCONFIGDIR"] = folder  # a cache of fonts would be kept in the home folder
        try:
            import matplotlib as mpl
            import matplotlib.font_manager  # it reads the folder once

            with mpl.rc_context():
                mpl.rcdefaults()
                mpl.rcParams.update({"svg.hashsalt": SALT, "svg.fonttype": "none"})
                yield
        finally:
            if before is None:
                del os.environ["MPLCONFIGDIR"]
            else:
                os.environ["MPLCONFIGDIR"] = before


def _draw(figure: Any, curves: Sequence[Curve], loss: str) -> None:
    parts = {"training": [_points(curve.train) for curve in curves]}
    validation = [_points(curve.validation) for curve in curves]
    if any(len(epochs) for epochs, _ in validation):
        parts["validation"] = validation
    figure.suptitle("Learning curves", parse_math=False)
    known = np.concatenate([losses for points in parts.values() for _, losses in points])
    unit = f" ({loss})" if loss else ""
    panels = figure.subplots(1, len(parts), sharex=True, sharey=True, squeeze=False)[0]
    for panel, (part, points) in zip(panels, parts.items(), strict=True):
        for i, (curve, (epochs, losses)) in enumerate(zip(curves, points, strict=True)):
            _line(panel, i, curve, epochs, losses)
        panel.set_title(part)
        panel.set_xlabel("epoch")
        panel.set_ylabel(f"loss{unit}", parse_math=False)
        panel.tick_params(labelleft=True)
        panel.grid(visible=True, color="0.9")
        if len(known) and known.min() > 0 and known.max() / LOG_FROM > known.min():
            panel.set_yscale("log")
        panel.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    lines = panels[0].get_lines()
    legend = figure.legend(
        lines, [_name(curve.name) for curve in curves], loc="outside right upper", frameon=False,
        title="● the epoch that was kept",
        alignment="left",
        handlelength=4,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)


def _points(losses: Sequence[float | None]) -> Points:
    """The epochs that have a finite loss, and their losses."""
    found = [
        (epoch, loss)
        for epoch, loss in enumerate(losses, 1)
        if loss is not None and math.isfinite(loss)
    ]
    epochs = np.array([epoch for epoch, _ in found], dtype=np.int64)
    drawn = np.clip(np.array([loss for _, loss in found], dtype=float), -LARGEST, LARGEST)
    return epochs, np.where(drawn > 0, np.maximum(drawn, LEAST), drawn)


def _line(panel: Any, i: int, curve: Curve, epochs: Any, losses: Any) -> None:
    """One curve with a dot where its epoch was kept; a lone epoch is a dot.

    Lines with gaps lie above others, so that of two curves that are the same both are seen.
    """
    kept = [int(at) for at in np.flatnonzero(epochs == curve.best)]
    panel.plot(
        epochs,
        losses,
        color=COLOURS[i % len(COLOURS)],
        linestyle=STYLES[i % len(STYLES)],
        zorder=2 + i % len(STYLES) / len(STYLES),
        marker="o",
        markersize=5,
        markevery=kept or [0] * (len(epochs) == 1),
        linewidth=1.6,
    )


def _name(name: str) -> str:
    """A name of one line that XML can hold, not too long for a legend."""
    shown = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "backslashreplace").decode()
        for sign in name
    )
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"
