"""What ``--optimizer auto`` comes to: lbfgs for a small training without chance, else adam."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.settings.choices import name_and_settings
from nntool.settings.train import TrainSettings
from nntool.settings.wording import together
from nntool.steps import choices, demands, planning, trainers
from nntool.steps.model import make_output

if TYPE_CHECKING:
    from nntool.nn.network import NetworkSpec
    from nntool.nn.optimizers import Method

FEW_ROWS = 10_000
FEW_WEIGHTS = 20_000
SMALL = "lbfgs"
ELSE = "adam"


def settle(
    settings: TrainSettings, words: dict[str, Any], n_rows: int
) -> tuple[TrainSettings, list[str]]:
    """The settings with the method that 'auto' comes to, and what to say of it."""
    if settings.optimizer != "auto":
        return settings, []
    import msgspec

    found = method_for(settings, words, n_rows)
    chosen = msgspec.structs.replace(settings, optimizer=found.name)
    return demands.adapted(chosen, words["task"])[0], [found.why]


class Automatic(NamedTuple):
    """The method that 'auto' came to, and why, as a sentence."""

    name: str
    why: str


def method_for(settings: TrainSettings, words: dict[str, Any], n_rows: int) -> Automatic:
    """The method for these settings and so many training rows; ``words`` is `describe`'s."""
    sizes = planning.network_size(settings, n_rows)
    given = _against(settings, sizes["dropout"])
    if given:
        return Automatic(
            ELSE,
            f"the optimizer is {ELSE}, because of {together(given)}"
            f" ({SMALL} is for small trainings without)",
        )
    output = make_output(words)
    spec = trainers.network_spec(words, sizes, settings, output.n_outputs)
    return _by_size(n_rows, _n_weights(spec))


def _by_size(n_rows: int, n_weights: int) -> Automatic:
    """The method by the size of the training alone.

    >>> _by_size(10_001, 300).name, _by_size(10_000, 300).name
    ('adam', 'lbfgs')
    """
    sizes = f"{n_rows:,} training rows and {n_weights:,} weights"
    for n, what, most in ((n_rows, "training rows", FEW_ROWS), (n_weights, "weights", FEW_WEIGHTS)):
        if n > most:
            why = f"{n:,} {what} are more than {most:,} (--optimizer {SMALL} takes them)"
            return Automatic(ELSE, f"the optimizer is {ELSE}: {why}")
    return Automatic(
        SMALL,
        f"the optimizer is {SMALL}: {sizes} are few, and nothing is left to chance"
        f" (--optimizer {ELSE}: by mini-batches)",
    )


def _against(settings: TrainSettings, dropout: float) -> list[str]:
    """What speaks against taking all rows at once, as one types it."""
    found = {c.field: c.shown for c in demands.conflicts(settings, _small())}
    if settings.dropout == "auto" and dropout:
        found["dropout"] = f"--dropout auto, {dropout:g}"
    if not demands.has_gradient(settings):
        found["loss"] = f"--loss {name_and_settings(settings.loss)[0]}"
    if settings.batch_norm:
        found["batch_norm"] = "--batch-norm"
    if settings.batch_size == "full":
        found["batch_size"] = "--batch-size full"
    if settings.augment:
        found["augment"] = "--augment"
    if not choices.built("ACTIVATIONS", settings.activation).has_gradient:
        found["activation"] = f"--activation {name_and_settings(settings.activation)[0]}"
    return list(found.values())


def _small() -> type[Method]:
    found: type[Method] = choices.registry("METHODS")[SMALL]
    return found


def _n_weights(spec: NetworkSpec) -> int:
    from nntool.nn.network import Network

    n_weights: int = Network(spec).size
    return n_weights
