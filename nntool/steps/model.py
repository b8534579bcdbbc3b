"""A trained model as files: ``model.npz`` holds the arrays, ``model.json`` all that is words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, UsageError
from nntool.run import names
from nntool.settings.choices import name_and_settings
from nntool.steps import choices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nntool.nn.combining import Averaging
    from nntool.nn.members.predicting import MembersPredictor
    from nntool.nn.network import Network
    from nntool.nn.outputs import Output
    from nntool.nn.predicting import Predictor as Engine


@dataclass
class Model:
    """A network with its weights and the meaning of its outputs; or several that answer together.

    What several say is put together in their raw outputs, so that all that is made of raw outputs
    (decisions, probabilities, temperature, scores) is made as of one network.
    """

    net: Network
    output: Output
    theta: npt.NDArray[np.floating[Any]]
    """`(size,)`, or a row for each member."""
    stats: npt.NDArray[np.floating[Any]]
    plain: dict[str, Any]
    scores: npt.NDArray[np.float64] | None = None
    """The sorted scores of the calibration rows, where there are any; see `tables.conformal`."""

    @property
    def n_members(self) -> int:
        """How many networks answer together."""
        return len(self.theta) if self.theta.ndim == 2 else 1

    @property
    def averaging(self) -> Averaging:
        """Of what kind the mean of several networks is."""
        found: Averaging = self.plain.get("averaging", "arithmetic")
        return found

    def engine(self) -> Engine:
        """The buffers by which one thread computes raw outputs."""
        from nntool.nn.predicting import Predictor as Engine

        if self.theta.ndim == 1:
            return Engine(self.net, self.theta, self.stats)
        return self.members_engine()

    def members_engine(self) -> MembersPredictor:
        """The same where several networks answer: it also says what each of them says."""
        from nntool.nn.members.predicting import MembersPredictor

        head, averaging = self.output.head, self.averaging
        return MembersPredictor(self.net, head, self.theta, self.stats, averaging=averaging)

    @property
    def temperature(self) -> float | None:
        """What raw outputs of classes are divided by before they are made probabilities."""
        found: float | None = self.plain.get("calibration", {}).get("temperature")
        return found

    @property
    def classes(self) -> list[str] | None:
        """The class names in order, or None for regression."""
        found: list[str] | None = self.plain["classes"]
        return found

    @property
    def has_probabilities(self) -> bool:
        """Whether the model gives a probability for each class."""
        import numpy as np

        one_row = np.zeros((1, self.output.n_outputs), np.float32)
        return self.classes is not None and self.output.probabilities(one_row) is not None

    @property
    def positive(self) -> int | None:
        """The code of the positive class of two; None where there is none."""
        named = self.plain["positive"]
        return self.plain["classes"].index(named) if named else None

    @property
    def tau(self) -> float:
        """The quantile that it answers with: that of its loss, else the median."""
        return self.output.tau

    @property
    def loss_name(self) -> str:
        """The loss that it was trained by."""
        return name_and_settings(self.plain["loss"])[0]

    def columns(self, decided: Any, probabilities: Any) -> list[Any]:
        """The columns of answers, as ``tables.answers`` names them."""
        from nntool.tables import answers

        if self.classes is None:
            return answers.value_columns(decided)
        return answers.class_columns(decided, probabilities, self.classes)

    def answer(self, z: npt.NDArray[Any]) -> tuple[Any, Any]:
        """What raw outputs ``(n, n_outputs)`` mean: codes and probabilities, or values and None.

        The temperature softens probabilities and changes no decision.
        """
        if self.classes is None:
            return self.output.values(z), None
        return self.output.decide(z), self.output.probabilities(tempered(z, self.temperature))

    def numbers(self, z: npt.NDArray[Any]) -> Any:
        """The same in numbers, which have a mean: probabilities, or values ``(n, 1)``."""
        values, probabilities = self.answer(z)
        return values[:, None] if probabilities is None else probabilities


def tempered(z: npt.NDArray[Any], temperature: float | None) -> npt.NDArray[Any]:
    """Raw outputs at a temperature, which makes the probabilities of classes softer or sharper."""
    return z if temperature is None else z.astype("float64") / temperature


def make_output(plain: dict[str, Any]) -> Output:
    """The output that a model's words describe: loss, link, coding and the way back to the unit."""
    from nntool.nn.heads import TargetMap
    from nntool.nn.outputs import choose_output

    return choose_output(
        plain["task"],
        len(plain["classes"] or ()),
        choices.built("LOSSES", plain["loss"]),
        link=plain["output"],
        coding=plain["target_coding"],
        target_map=TargetMap(**plain["target_map"]),
    )


def chosen_positions(words: dict[str, Any]) -> dict[str, list[int]]:
    """The columns of the produced arrays that the network takes, in its order: numeric, codes."""
    chosen: dict[str, list[int]] = {"numeric": [], "codes": []}
    for kind, position in zip(words["kinds"], words["positions"], strict=True):
        chosen[kind].append(position)
    return chosen


def chosen_columns(numeric: Any, codes: Any, words: dict[str, Any]) -> tuple[Any, Any]:
    """The kept columns of the produced arrays, in the order in which the network takes them."""
    chosen = chosen_positions(words)
    if chosen["numeric"] != list(range(numeric.shape[1])):
        numeric = numeric[:, chosen["numeric"]]
    return numeric, codes[:, chosen["codes"]]


def load(files: dict[str, bytes]) -> Model:
    """Make a model from the bytes of model.json and model.npz, checking every size."""
    import msgspec

    from nntool.nn.combining import check_averaging
    from nntool.nn.network import Network, NetworkSpec
    from nntool.nn.registry import InvalidChoice
    from nntool.tables import arrays

    try:
        plain = msgspec.json.decode(files[names.TRAIN_MODEL])
        net = Network(NetworkSpec.from_plain(plain["network"]))
        output = make_output(plain)
        check_averaging(output.head, plain.get("averaging", "arithmetic"))
        front = _front(plain)
    except (msgspec.DecodeError, InvalidChoice, UsageError, KeyError, TypeError) as error:
        raise DataError(
            f"{names.TRAIN_MODEL} does not describe a model: {error}", "do not use this run"
        ) from None
    vectors = arrays.load_npz(files[names.TRAIN_WEIGHTS])
    wanted = {"theta": (*front, net.size), "stats": (*front, net.n_stats)}
    found = {name: vectors[name].shape for name in wanted if _is_real(vectors.get(name))}
    if found != wanted:
        of = "".join(f"{n:,} times " for n in front)
        raise DataError(
            f"{names.TRAIN_WEIGHTS} does not hold {of}the {net.size:,} weights of model.json",
            "do not use this run",
        )
    return Model(net, output, vectors["theta"], vectors["stats"], plain, vectors.get("scores"))


def _front(plain: dict[str, Any]) -> tuple[int, ...]:
    """What stands before the shape of the weights: the number of members, where there are any."""
    members = plain.get("members")
    if members is None:
        return ()
    if not isinstance(members, list) or not members:
        raise TypeError(f"members are {members!r}")
    return (len(members),)


def _is_real(vector: Any) -> bool:
    """Whether there is such an array, of floating-point numbers."""
    return vector is not None and vector.dtype.kind == "f"
