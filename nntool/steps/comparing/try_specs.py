"""What ``--try`` asks for: the settings of a training that takes another method, and its name.

A try is trained as the run itself was, but for what its spec says. The network, the loss and the
first weights are those of the run, so that the methods can be compared.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from nntool.errors import UsageError
from nntool.run import names
from nntool.run.directory import Run
from nntool.run.manifest import Entry
from nntool.run.session import Session
from nntool.settings import spelling
from nntool.settings.building import build
from nntool.settings.choices import name_and_settings, parse
from nntool.settings.model import Choice, Field, fields, plain
from nntool.settings.network import NetworkSettings
from nntool.settings.train import TrainSettings
from nntool.settings.wording import together
from nntool.steps import choices, demands, planning, rows, several, trainers
from nntool.steps.job import Outcome
from nntool.steps.model import make_output

SHARED = {field.name for field in fields(NetworkSettings)} - {"dtype"}
"""The settings that no try has of its own: those of the network, its loss and the seed."""
OWN = [f.name for f in fields(TrainSettings) if f.name not in SHARED | {"optimizer"}]
"""What a spec may say beside the method's own settings."""
LONGEST_NAME = 80


class Plan(NamedTuple):
    """A training to be tried."""

    name: str
    """Of its folder in ``RUN/try/``."""
    spec: Choice
    settings: TrainSettings
    changes: list[str]
    """What is not as the run's own training has it, beside what the spec says."""

    @property
    def step(self) -> str:
        """What run.json calls it: its folder."""
        return f"{names.TRY}/{self.name}"

    def command(self, run: Run) -> str:
        """The command that trains the run itself in this way."""
        words = spelling.options(TrainSettings, plain(self.settings))
        return shlex.join(["nntool", "train", str(run.root), *words])


def plans(session: Session, specs: Sequence[Choice]) -> list[Plan]:
    """The trainings that specs ask for, each once; raises ``UsageError`` for what cannot be."""
    from nntool.nn.registry import InvalidChoice

    found: dict[str, Plan] = {}
    for spec in specs:
        try:
            planned = _planned(session.run, spec)
            _rehearse(session, planned.settings)
        except (UsageError, InvalidChoice) as error:
            said = f"--try {spelling.choice(spec)}: {error}"
            raise UsageError(said, getattr(error, "hint", None)) from None
        found.setdefault(planned.name, planned)
    return list(found.values())


def _planned(run: Run, spec: Choice) -> Plan:
    method, own = _parted(spec)
    entry = run.entry("train")
    values: dict[str, Any] = dict(entry.asked) if entry is not None else {}
    given = values | own | {"optimizer": method}
    changes = _without(entry, given, own) if entry is not None else []
    settings = build(TrainSettings, given)
    choices.check(settings)
    demands.check(settings)
    return Plan(folder_name(spec), spec, settings, changes)


def _rehearse(session: Session, settings: TrainSettings) -> None:
    """Raise an error for what training would refuse, before others are trained in vain."""
    from nntool.nn.network import Network

    settings, _ = demands.adapted(settings, planning.task_of(session))
    words = planning.describe(session, settings, Outcome("compare", ""))
    words["sample_weight"] = settings.sample_weight  # training names the column, once it is read
    several.refuse(settings, words)
    n_rows, n_held = (int(rows.of_part(session.run, p).sum()) for p in ("train", "validation"))
    resolved = planning.resolve(settings, words, n_rows, has_validation=n_held > 0)
    method = choices.built("METHODS", settings.optimizer)
    if method.max_size is not None:
        words |= {key: resolved[key] for key in ("output", "target_coding")}
        spec = trainers.network_spec(words, resolved, settings, make_output(words).n_outputs)
        name = name_and_settings(settings.optimizer)[0]
        demands.refuse_too_many(method, name, Network(spec).size)


def _parted(spec: Choice) -> tuple[Choice, dict[str, Any]]:
    """The method with its own settings, and the settings of ``train`` that stand beside them."""
    name, given = name_and_settings(spec)
    of_method: set[str] = set()
    if name in choices.registry("METHODS"):
        of_method = {setting["name"] for setting in choices.described("METHODS", name)["settings"]}
    beside = {key: value for key, value in given.items() if key not in of_method}
    if shared := [key for key in beside if key in SHARED]:
        raise UsageError(
            f"{', '.join(shared)} cannot differ from try to try, for all have the network, the"
            " loss and the first weights of the run",
            "train a run of its own for that, and compare the two: nntool compare RUN OTHER",
        )
    known = {f.name: f for f in fields(TrainSettings) if f.name in OWN}
    own = {key: _value(known[key], value) for key, value in beside.items() if key in known}
    rest = {key: value for key, value in given.items() if key not in own}
    method: Choice = {"name": name, **rest} if rest else name
    choices.built("METHODS", method)
    return method, own


def _value(field: Field, value: Any) -> Any:
    """A value inside a spec as the field takes it: ``schedule=cosine``, ``penalty=l1:rate=0.1``."""
    if field.takes_settings and isinstance(value, str) and value not in field.words:
        value = [] if field.is_list and value == "none" else parse(value)
    return [value] if field.is_list and not isinstance(value, list) else value


def _without(entry: Entry, given: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """Take from the settings of the run what this method cannot take; returns what to say of it.

    What the spec itself says stays, and so does what the network is made of.
    """
    name = name_and_settings(given["optimizer"])[0]
    before = entry.settings["optimizer"]
    of_run = name_and_settings(before)[0]
    method = type(choices.built("METHODS", given["optimizer"]))
    said = []
    rate = given.get("learning_rate")
    is_for_another = name != of_run and "learning_rate" not in own
    if method.by_batches and is_for_another and isinstance(rate, float):
        del given["learning_rate"]
        said.append(f"the learning rate is {name}'s own, for {rate:g} was given for {of_run}")
    trained = build(TrainSettings, given | _as_trained(entry, own))
    found = [c for c in demands.conflicts(trained, method) if c.field not in (*own, "activation")]
    random = [c for c in found if c.why == demands.CHANCE]
    others = [_left_out(given, c) for c in found if c.why != demands.CHANCE]
    if others:
        said.append(f"without {together(others)}, which {name} cannot take")
    for conflict in random:
        _left_out(given, conflict)
    if random:
        calm = {c.field: 0 if c.field == "dropout" else _default(c.field) for c in random}
        own_spec = {"name": before} if isinstance(before, str) else before
        said.append(
            f"without {together([c.shown for c in random])}, for {name} needs one and the same loss"
            f" throughout (--try {spelling.choice({**own_spec, **calm})} has the same loss)"
        )
    return said


def _as_trained(entry: Entry, own: dict[str, Any]) -> dict[str, Any]:
    """The dropout that the run came to, where none is given here."""
    dropout = entry.settings.get("dropout")
    return {} if dropout is None or "dropout" in own else {"dropout": dropout}


def _left_out(given: dict[str, Any], conflict: demands.Conflict) -> str:
    """Put a setting at its default, of penalties only the way in which they are taken.

    Returns what is left out, as it is said.
    """
    field = conflict.field
    penalties = [name_and_settings(one) for one in given["penalty"]] if field == "penalty" else []
    if any("proximal" in settings for _, settings in penalties):
        given["penalty"] = [
            {"name": name, **{k: v for k, v in settings.items() if k != "proximal"}}
            for name, settings in penalties
        ]
        return f"the proximal form of {conflict.shown.replace(',proximal=true', '')}"
    given.pop(field, None)
    return conflict.shown


def _default(field: str) -> Any:
    default = next(f.default for f in fields(TrainSettings) if f.name == field)
    return list(default) if isinstance(default, tuple) else default


def folder_name(spec: Choice) -> str:
    """The name of a try's folder: the spec in characters that every file system has.

    >>> folder_name("adam"), folder_name({"name": "momentum", "mu": 0.95, "epochs": 5})
    ('adam', 'momentum-epochs=5,mu=0.95')

    The order of settings makes no other try. A spec that cannot stand as it is gets its hash.

    >>> folder_name({"name": "adam", "penalty": "l2:rate=0.1"})
    'adam-penalty=l2_rate=0.1-e13d5300'
    """
    name, settings = name_and_settings(spec)
    pairs = [f"{key}={_text(value)}" for key, value in sorted(settings.items())]
    whole = f"{name}-{','.join(pairs)}" if pairs else name
    if len(whole) <= LONGEST_NAME and all(map(_is_plain, settings.values())):
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return f"{re.sub('[^A-Za-z0-9_=.,+-]', '_', whole)[:LONGEST_NAME]}-{digest[:8]}"


def _text(value: Any) -> str:
    """A value in a name; a number is the same with or without a point.

    >>> _text(1.0), _text(1), _text(False), _text([1, 2])
    ('1', '1', 'false', '[1, 2]')
    """
    if isinstance(value, float):
        return f"{value!r}".removesuffix(".0")
    return value if isinstance(value, str) else json.dumps(value)


def _is_plain(value: Any) -> bool:
    """Whether a value stands in a name as it is: a number, a switch or a short word."""
    if isinstance(value, str):
        return re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", value) is not None
    return isinstance(value, bool | int | float)
