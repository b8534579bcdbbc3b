"""``compare --try``: other methods on the run's own rows, beside its model and never over it."""

import json
from typing import Any

from nntool.settings.choices import parse
from nntool.steps import trying
from nntool.steps.job import Job, Silence


class Listener(Silence):
    """Remembers what is said; asks to stop after so many questions."""

    def __init__(self, patience: float = float("inf")) -> None:
        self.said: list[str] = []
        self.patience = patience

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop_requested(self) -> bool:
        self.patience -= 1
        return self.patience < 0


def tried(root: Any, *specs: str, **job: Any) -> list[trying.Try]:
    return trying.run_tries(str(root), [parse(spec) for spec in specs], Job(**job))


def own_files(content: Any, root: Any) -> dict[str, bytes]:
    """All of a run but its tries and what run.json says."""
    found = content(root)
    return {n: b for n, b in found.items() if not n.startswith("try") and n != "run.json"}


def test_a_try_has_the_files_of_train_and_metrics_of_evaluate(run: Any) -> None:
    one, two = tried(run, "sgd", "momentum:mu=0.95")
    assert (one.name, two.name) == ("sgd", "momentum-mu=0.95")
    for name in (one.name, two.name):
        files = {path.name for path in (run / "try" / name).iterdir()}
        assert files == {"model.json", "model.npz", "history.csv", "timing.csv", "metrics.json"}


def test_the_run_itself_stays_as_it_is(run: Any, content: Any) -> None:
    entries = json.loads((run / "run.json").read_text())["steps"]
    before = own_files(content, run)
    times = {path: path.stat().st_mtime_ns for path in (run / "train").iterdir()}
    tried(run, "sgd", "rprop")
    assert own_files(content, run) == before
    assert json.loads((run / "run.json").read_text())["steps"] == entries
    assert {path: path.stat().st_mtime_ns for path in (run / "train").iterdir()} == times
