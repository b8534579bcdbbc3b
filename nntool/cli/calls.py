"""Each command's one call: settings from what was typed, the step's function, its outcome shown."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from nntool.cli import options
from nntool.cli.commands import Command, models
from nntool.cli.output import Output
from nntool.cli.values import count, gather
from nntool.errors import UsageError
from nntool.settings.building import build
from nntool.settings.model import StepSettings, fields

if TYPE_CHECKING:
    from nntool.settings.collect import CollectSettings
    from nntool.steps.job import Job


def step(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """A step with no argument but RUN: ``steps/<name>.py`` has a function of its name."""
    settings = _settings(command, typed)[command.steps[0]]
    module = name.replace("-", "_")
    function = getattr(importlib.import_module(f"nntool.steps.{module}"), module)
    output.outcome(function(typed["run"], settings, _job(output, typed)))


def transform(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``transform RUN``, or with ``--explain`` alone what it would do."""
    if typed["explain"] is None:
        step(name, command, output, typed)
        return
    from nntool.steps.transform import explain

    settings: Any = _settings(command, typed)["transform"]
    output.outcome(explain(typed["run"], settings))


def collect(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``collect RUN SOURCE...``."""
    from nntool.steps.collect import collect

    output.outcome(collect(typed["run"], _sources(command, typed), _job(output, typed)))


def clean(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``clean RUN [SOURCE...]``."""
    from nntool.steps.clean import clean

    values = _values(command, typed)
    source = None
    if typed["source"]:
        source = _sources(command, typed)
    else:
        _refuse_reading_options(typed)
    settings = build(models(command)["clean"], values["clean"])
    output.outcome(clean(typed["run"], settings, _job(output, typed), source))  # type: ignore[arg-type] # the model of clean


def _refuse_reading_options(typed: dict[str, Any]) -> None:
    """Without a source there is nothing that --delimiter and its like could say."""
    from nntool.settings.collect import CollectSettings

    for field in fields(CollectSettings):
        if typed.get(options.key("collect", field.name)) not in (None, []):
            raise UsageError(
                f"{field.option} says how a source is read, and no source is given",
                f"nntool clean {typed['run']} FILE.csv --target COLUMN {field.option} …",
            )


def predict(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``predict RUN INPUT``: the CSV goes to stdout, or to --output."""
    from nntool.steps.predict import predict

    settings: Any = _settings(command, typed)["predict"]
    if output.as_json and settings.is_to_stdout:
        raise UsageError(
            "predict writes its CSV to standard output, where --json writes too",
            f"nntool predict {typed['run']} {typed['input']} --json --output FILE.csv",
        )
    outcome = predict(
        typed["run"],
        typed["input"],
        settings,
        _job(output, typed),
        stdin=sys.stdin.buffer,
        stdout=sys.stdout.buffer,
    )
    output.outcome(outcome)


def run(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``run RUN [RECIPE]``: every step that is not fresh."""
    from nntool.settings.steps import STEPS
    from nntool.steps.running import run

    values = gather(
        STEPS,
        {**typed, options.key("clean", "target"): typed["target"]},
        config=typed["config"],
        assignments=typed["assignments"],
        seed=typed["seed"],
        keys_name_steps=True,
    )
    if typed["data"]:
        values["collect"]["source"] = list(typed["data"])
    for outcome in run(typed["run"], typed["recipe"], values, _job(output, typed)):
        if output.as_json:
            output.steps[outcome.command] = outcome.as_json()
        else:
            output.outcome(outcome)
    if output.as_json:
        output.json({"command": "run", "run": typed["run"], "steps": output.steps})


def compare(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``compare RUN...``; with ``--svg -`` the picture is what goes to stdout."""
    from nntool.steps.compare import compare

    settings: Any = _settings(command, typed)["compare"]
    if output.as_json and settings.is_to_stdout:
        raise UsageError(
            "compare writes the picture to standard output, where --json writes too",
            "--svg FILE.svg --json",
        )
    job = _job(output, typed)
    output.outcome(compare(typed["run"], settings, job, stdout=sys.stdout.buffer))


def status(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``status RUN``; with --check exit 4 unless all is fresh."""
    from nntool.steps.status import status

    output.outcome(status(typed["run"], check=typed["check"]))


def show(name: str, command: Command, output: Output, typed: dict[str, Any]) -> None:
    """``show RUN STEP``: an artifact as CSV on stdout."""
    from nntool.steps.show import show

    show(typed["run"], typed["artifact"], sys.stdout.buffer)


def _job(output: Output, typed: dict[str, Any]) -> Job:
    from nntool.steps.job import Job

    return Job(
        output,
        bool(typed.get("force")),
        count(typed, "threads"),
        count(typed, "checkpoint_every"),
    )


def _values(command: Command, typed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return gather(
        models(command),
        typed,
        config=typed.get("config"),
        assignments=typed.get("assignments"),
        seed=typed.get("seed"),
    )


def _settings(command: Command, typed: dict[str, Any]) -> dict[str, StepSettings]:
    values = _values(command, typed)
    return {step: build(model, values[step]) for step, model in models(command).items()}


def _sources(command: Command, typed: dict[str, Any]) -> CollectSettings:
    from nntool.settings.collect import CollectSettings

    values = _values(command, typed)["collect"]
    return build(CollectSettings, values | {"source": list(typed["source"])})
