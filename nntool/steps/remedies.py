"""What can be tried with a method of training: advice names no option that it cannot take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.settings.model import Choice

if TYPE_CHECKING:
    from nntool.nn.optimizers import Method


class Remedies(NamedTuple):
    """What a method can take: a learning rate, noise in training, hidden units, penalties."""

    rate: bool = True
    noise: bool = True
    hidden: bool = True
    penalty: bool = True
    is_finished: bool = False
    """Whether more epochs would change nothing."""

    @property
    def against_variance(self) -> str:
        """What helps where training rows are learned by heart.

        >>> Remedies().against_variance
        'a larger --dropout or --penalty l2:rate=…, a smaller --hidden, or more rows'
        """
        larger = [
            *(["--dropout"] if self.noise and self.hidden else []),
            *(["--penalty l2:rate=…"] if self.penalty else []),
        ]
        found = [f"a larger {' or '.join(larger)}"] if larger else []
        found += ["a smaller --hidden"] if self.hidden else ["fewer features"]
        found += ["--optimizer adam --dropout 0.3"] if self.hidden and not self.noise else []
        return _or([*found, "more rows"])

    @property
    def against_bias(self) -> str:
        """What helps where training rows are not learned.

        >>> Remedies().against_bias
        'a larger --hidden, a smaller --penalty or --dropout, more --epochs, or other features'
        """
        smaller = [
            *(["--penalty"] if self.penalty else []),
            *(["--dropout"] if self.noise and self.hidden else []),
        ]
        found = ["a larger --hidden"] if self.hidden else ["--optimizer auto with hidden units"]
        found += [f"a smaller {' or '.join(smaller)}"] if smaller else []
        found += [] if self.is_finished else ["more --epochs"]
        return _or([*found, "other features"])


def of_method(method: type[Method] | Method, ended: str = "") -> Remedies:
    """What can be tried with a method whose training has ``ended`` so."""
    return Remedies(
        rate=method.by_batches,
        noise=method.by_batches,
        hidden=not method.single_layer,
        penalty=method.by_batches or method.whole_batch,
        is_finished=ended == "converged",
    )


def of_model(plain: dict[str, Any]) -> Remedies:
    """The same by what model.json says; an older one has no word of its method."""
    from nntool.steps import choices

    asked: Choice = plain.get("optimizer", "adam")
    return of_method(choices.built("METHODS", asked), plain.get("trained", {}).get("ended", ""))


def _or(words: list[str]) -> str:
    """Words with commas, and "or" before the last."""
    return ", or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
