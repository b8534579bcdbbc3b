"""``--svg``: the learning curves of all contestants in one file, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import BinaryIO

from nntool.errors import UsageError
from nntool.steps import destination
from nntool.steps.comparing.contestants import Contestant

OTHERS = (
    ".bmp", ".csv", ".eps", ".gif", ".gz", ".htm", ".html", ".jpeg", ".jpg", ".json", ".parquet",
    ".pdf", ".png", ".ps", ".svgz", ".tif", ".tiff", ".txt", ".webp", ".zst",
)  # fmt: skip
"""How names of files end that this picture is not."""


def refuse(svg: str, roots: Sequence[str]) -> None:
    """Raise ``UsageError`` for a place where the picture must not go."""
    suffix = PurePath(svg).suffix.lower()
    if suffix in OTHERS:
        raise UsageError(
            f"--svg {svg}: the picture is written as SVG, not as {suffix}",
            f"--svg {PurePath(svg).with_suffix('.svg')}",
        )
    if destination.is_stream(svg):
        return
    destination.refuse_no_file("--svg", svg, "curves.svg")
    destination.refuse_place("--svg", svg, roots, "compare")


def write(svg: str, contestants: Sequence[Contestant], stdout: BinaryIO) -> None:
    """Draw the curves of those that have any."""
    from nntool.report import curves

    losses = list(dict.fromkeys(str(one.setting("train", "loss")) for one in contestants))
    drawn = [
        curves.Curve(
            one.title,
            one.losses["train_loss"],
            one.losses["validation_loss"],
            one.trained.best_epoch,
        )
        for one in contestants
    ]
    text = curves.as_svg(drawn, loss=losses[0] if len(losses) == 1 else "")
    with destination.opened(svg, stdout) as outlet:
        outlet.write(text)
