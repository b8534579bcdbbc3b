"""What the tests of ensembles share: small trainings, a listener that stops, what they wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import model as models
from nntool.steps.job import Job, Silence
from nntool.steps.train import train

SETTINGS = {
    "optimizer": "adam",
    "hidden": [6],
    "epochs": 8,
    "patience": 0,
    "batch_size": 16,
    "dropout": 0.3,
}
SMALL = ["--optimizer", "adam", "--hidden", "6", "--epochs", "8", "--patience", "0"]
SMALL += ["--batch-size", "16", "--dropout", "0.3"]
FILES = ("train/model.npz", "train/model.json", "train/history.csv")


class AsksToStop(Silence):
    """A listener that presses Ctrl-C at the n-th update."""

    def __init__(self, updates: int) -> None:
        self.left = updates
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop_requested(self) -> bool:
        self.left -= 1
        return self.left <= 0


def bytes_of(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in FILES}


def words_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "train/model.json").read_text())
    return found


def loaded(run: Path) -> models.Model:
    files = {n: (run / n).read_bytes() for n in ("train/model.npz", "train/model.json")}
    return models.load(files)


def trained(root: Path, updates: int = 10**9, **settings: Any) -> AsksToStop:
    listener = AsksToStop(updates)
    train(str(root), build(TrainSettings, SETTINGS | settings), Job(listener))
    return listener
