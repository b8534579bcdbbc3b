"""Options, TOML keys and --set: one field, three ways to say it, and every way reaches it."""

import json
import operator
import re

import pytest
import tomli_w

from nntool.cli.commands import COMMANDS, models
from nntool.settings.building import build
from nntool.settings.model import fields
from nntool.settings.steps import STEPS
from nntool.steps import choices
from nntool.steps.job import Outcome


def other_value(field):
    """A value that is not the default: as typed after the option, and as TOML has it."""
    if field.registry:
        name = next((n for n in choices.names(field.registry) if n != field.default), field.default)
        return ([name], [name]) if field.is_list else ([name], name)
    if field.is_switch:
        flag = not field.default
        return None, flag
    if field.is_mapping and float in field.mapping_types:
        return ["age=3", "b=c=0.5"], {"age": 3, "b=c": 0.5}
    if field.is_mapping:
        return ["age=numeric"], {"age": "numeric"}
    if field.is_list and "int" in str(field.plain_types):
        return ["7,5"], [7, 5]
    if field.item_words:
        first, second, *_ = field.item_words
        return [f"{second},{first}"], [second, first]
    if field.is_list:
        return ["one", "two words"], ["one", "two words"]
    if int in field.plain_types:
        return ["7"], 7
    if float in field.plain_types:
        allowed = [n for n in (0.25, 0.75, 12.5) if is_within(n, field.bounds)]
        return [str(allowed[0])], allowed[0]
    if field.choices:
        word = next(word for word in field.choices if word != field.default)
        return [word], word
    return ["word"], "word"


def is_within(number, bounds):
    """Whether a number keeps to bounds such as ``{"ge": 2}``."""
    return all(getattr(operator, name)(number, bound) for name, bound in bounds.items())


NEEDS = {
    "stratify": {"sample": 100},
    "bootstrap": {"confidence": 0.5},
    "cv_repeats": {"cv": 5},
    "spread": {"mc_dropout": 5},
    "bagging": {"ensemble": 3},
    "averaging": {"ensemble": 3},
}
"""Settings that make no sense alone."""


def as_toml(field, value):
    """A value as it stands after ``key=`` in --set."""
    if not field.is_mapping:
        return json.dumps(value)
    pairs = (f"{json.dumps(name)} = {json.dumps(item)}" for name, item in value.items())
    return "{" + ", ".join(pairs) + "}"


def as_typed(field, texts):
    if texts is None:
        return [f"--no-{field.option[2:]}" if field.default else field.option]
    return [word for text in texts for word in (field.option, text)]


@pytest.fixture
def settings_of(nntool, monkeypatch, tmp_path, source):
    """Type a command whose step only tells which settings it was given."""

    def call(name, step, *words):
        told = {}

        def take(*arguments, **_):
            told.update((type(value), value) for value in arguments)
            return Outcome(name, "run")

        module = name.replace("-", "_")
        place = [source] if name in ("collect", "clean", "predict") else []
        with monkeypatch.context() as patch:
            patch.setattr(f"nntool.steps.{module}.{module}", take)
            said = nntool(name, tmp_path / "run", *place, *words)
        assert said.code == 0, said
        return told[models(COMMANDS[name])[step]]

    return call


EVERY_FIELD = [
    pytest.param(name, step, field, id=f"{name}-{step}.{field.name}")
    for name, command in COMMANDS.items()
    if name not in ("run", "compare")  # one hands on the settings of all steps, one has no TOML
    for step, model in models(command).items()
    for field in fields(model)
    if field.name not in command.hidden_fields
    and (name, step, field.name) != ("clean", "collect", "seed")  # that of clean
]


@pytest.mark.parametrize(("name", "step", "field"), EVERY_FIELD)
def test_a_field_is_reached_by_its_option_its_toml_key_and_set(
    settings_of, tmp_path, source, name, step, field
):
    texts, value = other_value(field)
    needed = ["--target", "churned"] if name == "clean" and field.name != "target" else []
    other = "split" if step == "evaluate" else "evaluate"
    flat, recipe = tmp_path / "flat.toml", tmp_path / "recipe.toml"
    others = NEEDS.get(field.name, {})
    for key, number in others.items():
        needed += ["--" + key.replace("_", "-"), str(number)]
    flat.write_text(tomli_w.dumps({field.name: value}))
    recipe.write_text(tomli_w.dumps({step: {field.name: value}, other: {"seed": 99}}))
    inline = as_toml(field, value)
    always = {"clean": {"target": "churned"}, "collect": {"source": [str(source)]}}.get(step, {})
    expected = build(models(COMMANDS[name])[step], {**always, **others, field.name: value})
    if not field.registry or len(choices.names(field.registry)) > 1:
        assert getattr(expected, field.name) != field.default
    assert settings_of(name, step, *as_typed(field, texts), *needed) == expected
    assert settings_of(name, step, "--set", f"{field.name}={inline}", *needed) == expected
    assert settings_of(name, step, "--config", flat, *needed) == expected
    assert settings_of(name, step, "--config", recipe, *needed) == expected


@pytest.fixture
def given_to_run(nntool, monkeypatch, tmp_path):
    """Type ``run`` and get the values that it hands on."""

    def call(*words):
        told = []
        with monkeypatch.context() as patch:
            patch.setattr("nntool.steps.running.run", lambda *given: told.append(given) or [])
            said = nntool("run", tmp_path / "run", *words)
        assert said.code == 0, said
        return json.loads(json.dumps(told[0][2]))  # lists and tuples are the same to TOML

    return call


@pytest.mark.parametrize("step", STEPS)
def test_run_reaches_every_field_of_every_step(given_to_run, tmp_path, step):
    for field in fields(STEPS[step]):
        _, value = other_value(field)
        inline = as_toml(field, value)
        file = tmp_path / "recipe.toml"
        file.write_text(tomli_w.dumps({step: {field.name: value}}))
        expected = {name: {} for name in STEPS} | {step: {field.name: value}}
        assert given_to_run("--set", f"{step}.{field.name}={inline}") == expected
        assert given_to_run("--config", file) == expected


def test_the_seed_of_run_is_that_of_every_step(given_to_run):
    assert given_to_run("--seed", "5") == {step: {"seed": 5} for step in STEPS}


def test_data_and_target_of_run_are_the_source_of_collect_and_the_target_of_clean(given_to_run):
    given = given_to_run("--data", "a.csv", "--data", "b.csv", "--target", "y")
    assert (given["collect"], given["clean"]) == ({"source": ["a.csv", "b.csv"]}, {"target": "y"})


def test_options_win_over_set_and_set_over_config(settings_of, tmp_path):
    file = tmp_path / "train.toml"
    file.write_text("epochs = 3\npatience = 4\nmin_delta = 0.5\n")
    words = ["--config", file, "--set", "patience=5", "--set", "min_delta=0.25"]
    found = settings_of("train", "train", *words, "--min-delta", "0.125")
    assert (found.epochs, found.patience, found.min_delta) == (3, 5, 0.125)


def test_a_key_may_be_written_with_dashes(settings_of, tmp_path):
    file = tmp_path / "train.toml"
    file.write_text("learning-rate = 0.5\n")
    assert settings_of("train", "train", "--config", file).learning_rate == 0.5
    assert settings_of("train", "train", "--set", "learning-rate=0.5").learning_rate == 0.5


def test_the_settings_of_a_choice_are_the_same_in_all_three_ways(settings_of, tmp_path):
    file = tmp_path / "train.toml"
    file.write_text('optimizer = {name = "adam", beta1 = 0.95, beta2 = 0.99}\n')
    wanted = {"name": "adam", "beta1": 0.95, "beta2": 0.99}
    inline = 'optimizer={name = "adam", beta1 = 0.95, beta2 = 0.99}'
    for words in (
        ["--optimizer", "adam:beta1=0.95,beta2=0.99"],
        ["--set", inline],
        ["--config", file],
    ):
        assert settings_of("train", "train", *words).optimizer == wanted


def test_a_choice_in_the_colon_form_is_read_in_set_and_config_too(settings_of):
    by_set = settings_of("train", "train", "--set", "optimizer=adam:beta1=0.95").optimizer
    assert by_set in ({"name": "adam", "beta1": 0.95}, "adam:beta1=0.95")


def test_no_hidden_layer_is_a_linear_model(settings_of):
    assert settings_of("train", "train", "--hidden", "none").hidden == ()
    assert settings_of("train", "train", "--set", "hidden=[]").hidden == ()


# What is not known


def test_an_unknown_option_is_answered_with_its_nearest(nntool, run):
    said = nntool("train", run, "--hiden", "3")
    assert said.code == 2
    assert said.first.startswith("nntool train: no such option: --hiden ")
    assert "--hidden" in said.first
    assert said.hint == "nntool train --help"


@pytest.mark.parametrize("way", ["set", "config"])
def test_an_unknown_key_is_answered_with_its_nearest(nntool, run, tmp_path, way):
    file = tmp_path / "x.toml"
    file.write_text("hiden = [3]\n")
    words = {"set": ["--set", "hiden=[3]"], "config": ["--config", file]}[way]
    said = nntool("train", run, *words)
    assert (said.code, said.first) == (2, "nntool train: 'hiden' is not a setting")
    assert said.hint == "did you mean 'hidden'?"


def test_a_key_that_resembles_none_is_answered_with_all(nntool, run):
    said = nntool("evaluate", run, "--set", "qqq=1")
    assert said.code == 2
    keys = sorted(field.name for field in fields(STEPS["evaluate"]))
    assert said.hint == f"the known keys: {', '.join(keys)}"


@pytest.mark.parametrize(
    ("key", "near"), [("trian.epochs", "train.epochs"), ("train.epoch", "train.epochs")]
)
def test_an_unknown_key_of_run_is_answered_with_step_and_key(nntool, run, key, near):
    said = nntool("run", run, "--set", f"{key}=3")
    assert (said.code, said.first) == (2, f"nntool run: {key!r} is not a setting")
    assert said.hint == f"did you mean {near!r}?"


def test_a_key_of_run_needs_its_step(nntool, run):
    said = nntool("run", run, "--set", "epochs=3")
    assert (said.code, said.first) == (2, "nntool run: 'epochs' is not a setting")
    assert said.hint == "did you mean 'train.epochs'?"


def test_an_unknown_step_in_a_recipe_is_refused(nntool, run, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text("[train]\nepochs = 3\n[trian]\nepochs = 3\n")
    said = nntool("run", run, file)
    assert said.code == 2
    assert "trian" in said.first
    assert "train" in said.hint


def test_an_unknown_choice_lists_the_valid_ones(nntool, run):
    said = nntool("split", run, "--task", "clustering")
    assert (said.code, said.first) == (2, "nntool split: --task: 'clustering' is not a choice")
    assert said.hint == "choose from auto, binary, multiclass, regression"


REGISTRY_FIELDS = [
    pytest.param(step, field, id=f"{step}.{field.name}")
    for step, model in STEPS.items()
    for field in fields(model)
    if field.registry
]


@pytest.mark.parametrize(("step", "field"), REGISTRY_FIELDS)
def test_an_unknown_name_of_a_registry_lists_the_valid_ones(nntool, run, content, step, field):
    before = content(run)
    needed = ["--target", "churned"] if step == "clean" else []
    said = nntool(step, run, field.option, "nonsense", *needed)
    assert said.code == 2
    assert said.first.startswith(f"nntool {step}: ")
    assert "'nonsense'" in said.first
    for name in (*field.words, *choices.names(field.registry)):
        assert name in said.err
    assert content(run) == before


@pytest.mark.parametrize(
    ("step", "field"), [p for p in REGISTRY_FIELDS if p.values[1].takes_settings]
)
def test_a_wrong_setting_of_a_choice_is_named_with_those_that_it_has(nntool, run, step, field):
    for name in choices.names(field.registry):
        known = [s["name"] for s in choices.described(field.registry, name)["settings"]]
        needed = ["--target", "churned"] if step == "clean" else []
        said = nntool(step, run, field.option, f"{name}:nonsense=1", *needed)
        assert said.code == 2
        assert "'nonsense'" in said.first
        assert all(setting in said.err for setting in known)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["train", "--optimizer", "adam:beta1=1"], "beta1 must be < 1, not 1"),
        (["train", "--optimizer", "adam:beta1=fast"], "beta1 must be a number, not 'fast'"),
        (["train", "--loss", "huber:delta=0"], "delta must be > 0, not 0"),
        (["train", "--optimizer", "adam:beta1"], "'beta1' has no value"),
    ],
)
def test_a_setting_of_a_choice_is_held_to_its_bounds(nntool, run, words, named):
    said = nntool(words[0], run, *words[1:])
    assert said.code == 2
    assert named in said.first


BOUNDED = [
    pytest.param(step, field, bound, id=f"{step}.{field.name}-{bound}")
    for step, model in STEPS.items()
    for field in fields(model)
    for bound in field.bounds
]


@pytest.mark.parametrize(("step", "field", "bound"), BOUNDED)
def test_a_number_out_of_its_bounds_is_refused_with_the_bound(
    nntool, run, content, step, field, bound
):
    limit = field.bounds[bound]
    outside = {"ge": limit - 1, "gt": limit, "le": limit + 1, "lt": limit}[bound]
    before = content(run)
    place = {"collect": ["nowhere.csv"], "clean": ["--target", "churned"]}.get(step, [])
    said = nntool(step, run, *place, field.option, f"{outside:g}")
    assert said.code == 2
    assert said.first.startswith(f"nntool {step}: {field.option}: expected ")
    assert f"{limit:g}" in said.first
    assert said.first.endswith((f"not '{outside:g}'", f"not {outside:g}"))
    assert content(run) == before


def test_a_word_where_a_number_belongs_is_refused_in_plain_words(nntool, run):
    said = nntool("train", run, "--epochs", "many")
    assert said.code == 2
    assert said.first == "nntool train: --epochs: expected a whole number ≥ 1, not 'many'"


def test_a_file_that_is_no_toml_is_refused_with_the_place(nntool, run, tmp_path):
    file = tmp_path / "x.toml"
    file.write_text("epochs 3\n")
    said = nntool("train", run, "--config", file)
    assert said.code == 2
    assert said.first.startswith(f"nntool train: {file} is not TOML: ")
    assert "line 1" in said.first
    assert nntool("train", run, "--config", tmp_path / "nowhere.toml").code == 3


# What a choice is


@pytest.mark.parametrize(("step", "field"), REGISTRY_FIELDS)
def test_explain_tells_what_every_choice_is_and_what_can_be_set(nntool, step, field):
    for name in choices.names(field.registry):
        said = nntool(step, "--explain", name)
        assert (said.code, said.err) == (0, "")
        known = choices.described(field.registry, name)
        assert f"{field.option} {name}\n\n{known['doc']}" in said.text
        for setting in known["settings"]:
            default = setting["default"]
            shown = str(default).lower() if isinstance(default, bool) else default
            typed = setting["name"] if default in (None, ()) else f"{setting['name']}={shown}"
            assert f"  {typed}  {setting['help']} " in said.text


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("sgd", ["the learning rate, unless one is given: 0.01"]),
        ("rprop", ["the learning rate, unless one is given: ", "for --batch-size full"]),
        ("focal", ["binary, with the output sigmoid or softmax", "multiclass, with the output"]),
        ("cosine", ["depends on --epochs: a training with more of them starts anew"]),
    ],
)
def test_explain_tells_what_a_choice_goes_with(nntool, name, facts):
    lines = nntool("train", "--explain", name).text.splitlines()
    for fact in facts:
        assert any(line.startswith(fact) for line in lines)


@pytest.mark.parametrize("word", ["dropout", "--dropout"])
def test_explain_tells_of_an_option_that_is_a_method(nntool, word):
    said = nntool("train", "--explain", word)
    assert (said.code, said.err) == (0, "")
    assert said.text.startswith("--dropout\n\nThe share of hidden units")
    assert "Srivastava et al. 2014" in said.text
    assert "\nUse: " in said.text


@pytest.mark.parametrize("step", ["train", "transform", "select-features", "split"])
def test_explain_tells_what_every_option_is(nntool, step):
    for field in fields(STEPS[step]):
        said = nntool(step, "--explain", field.option)
        assert (said.code, said.err) == (0, "")
        assert f"{field.option}\n\n{field.help}" in said.text
        for name in choices.names(field.registry) if field.registry else ():
            assert re.search(rf"(?m)^  {name} +\S", said.text)


def test_explain_of_an_option_says_in_a_line_what_each_of_its_names_is(nntool):
    said = nntool("train", "--explain", "schedule")
    assert "  constant      The same rate throughout." in said.text.splitlines()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["--penalty", "l1:rate=1,rate=2"], "'rate' stands there twice", "give rate once"),
        (["--penalty", "none", "--penalty", "l1"], "so it stands alone", "leave 'none' out"),
        (
            ["--set", 'optimizer="adam:beta1=0.8,epsilon_inside=true"'],
            "stand in a table, not behind a colon",
            'write {name = "adam", beta1 = 0.8, epsilon_inside = true}',
        ),
    ],
)
def test_a_choice_that_is_written_wrong_is_answered_with_how_it_is_written(
    nntool, run, words, message, hint
):
    said = nntool("train", run, *words)
    assert said.code == 2
    assert message in said.message
    assert said.hint.startswith(hint)


def test_explain_of_an_unknown_name_lists_those_of_every_option(nntool):
    said = nntool("train", "--explain", "adma")
    assert said.hint.startswith("did you mean 'adamax'? choose from ")
    assert (said.code, said.first) == (2, "nntool train: train has no choice 'adma'")
    for option, registry in (("--optimizer", "METHODS"), ("--monitor", "METRICS")):
        assert f"{option}: {', '.join(choices.names(registry))}" in said.hint


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--epochs", "6"], "--set train.epochs=VALUE"),
        (["--validate-every", "6"], "--set train.validate_every=VALUE"),
        (["--missing-indicators"], "--set transform.missing_indicators=VALUE"),
        (["--epoch", "6"], "nntool run --help"),
        (["--target"], "nntool run --help"),
    ],
)
def test_run_says_how_it_takes_what_is_an_option_of_a_step(nntool, tmp_path, words, hint):
    said = nntool("run", tmp_path / "new", *words)
    assert (said.code, said.hint) == (2, hint)


# Columns


@pytest.mark.parametrize(("typed", "meant"), [("@-1", "churned"), ("@7", "churned"), ("@2", "age")])
def test_a_column_may_be_given_by_position(nntool, tmp_path, source, typed, meant):
    root = tmp_path / "new"
    said = nntool("clean", root, source, "--target", typed, "--json")
    assert said.json["clean"]["target"]["name"] == meant


@pytest.mark.parametrize("typed", ["@0", "@8", "@-8", "@x"])
def test_a_position_that_is_not_there_is_refused(nntool, tmp_path, source, typed):
    said = nntool("clean", tmp_path / "new", source, "--target", typed)
    assert said.code == 3
    assert repr(typed) in said.message


def test_an_exact_name_wins_over_a_position(nntool, tmp_path, table, write):
    table[0][3] = "@-1"
    said = nntool("clean", tmp_path / "new", write("x.csv", table), "--target", "@-1", "--json")
    assert said.json["clean"]["target"]["classes"] == ["basic", "plus", "pro"]


def test_roles_ids_and_kept_columns_take_positions_too(nntool, ok, run, tmp_path, source):
    said = ok("predict", run, source, "--id", "@1", "--keep", "@-1")
    assert list(said.rows[0]) == ["customer", "prediction", "p_no", "p_yes", "churned"]
    words = ["--target", "@-1", "--roles", "@6=ignored"]
    columns = ok("clean", tmp_path / "new", source, *words, "--json").json["clean"]["columns"]
    assert columns["visits"]["role"] == "ignored"


@pytest.mark.parametrize("typed", [".9", "0.9", "+.9", "9.e-1", "0.90"])
def test_a_number_may_be_written_as_people_write_it(settings_of, typed):
    assert settings_of("evaluate", "evaluate", "--interval", typed).interval == 0.9


@pytest.mark.parametrize("typed", [".", "+", "-.9", "1.", ".9.", "0,9"])
def test_what_is_no_number_within_bounds_is_refused_as_it_was_typed(nntool, run, typed):
    said = nntool("evaluate", run, "--interval", typed)
    assert said.code == 2
    assert said.message.endswith(f"--interval: expected a number > 0 and < 1, not {typed!r}")


# Names with numbers, and words in their place


@pytest.mark.parametrize("word", ["none", "balanced"])
def test_a_word_may_stand_for_a_whole_mapping(settings_of, word):
    assert settings_of("train", "train", "--class-weights", word).class_weights == word
    assert settings_of("train", "train", "--set", f"class_weights={word}").class_weights == word


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["yes=many"], "--class-weights: expected a number ≥ 0 for 'yes', not 'many'"),
        (["yes=-1"], "--class-weights: expected a number ≥ 0 for 'yes', not '-1'"),
        (["yes"], "--class-weights 'yes' has no '='"),
        (["balanced", "yes=2"], "--class-weights 'balanced' has no '='"),
    ],
)
def test_a_mapping_of_numbers_names_what_is_no_number(nntool, run, words, told):
    given = [part for word in words for part in ("--class-weights", word)]
    said = nntool("train", run, *given)
    assert (said.code, said.first) == (2, f"nntool train: {told}")


@pytest.mark.parametrize(
    ("option", "pairs", "told", "hint"),
    [
        ("--roles", ["visits=numeric", "visits=id"], "'numeric' and 'id'", "visits=id"),
        ("--missing-values-in", ["age=-9", "age=-1"], "'-9' and '-1'", "age=-9,-1"),
        (
            "--smooth",
            ["age=bin-means", "age=bin-edges"],
            "'bin-means' and 'bin-edges'",
            "age=bin-edges",
        ),
    ],
)
def test_two_values_for_one_name_are_refused(nntool, run, option, pairs, told, hint):
    said = nntool("clean", run, "--target", "@-1", option, pairs[0], option, pairs[1])
    name = pairs[0].partition("=")[0]
    assert (said.code, said.first) == (
        2,
        f"nntool clean: {option}: {name!r} is given twice, {told}",
    )
    assert hint in said.err


def test_one_value_given_twice_is_one(settings_of):
    roles = ["--roles", "a=id", "--roles", "a=id", "--roles", "b=id"]
    assert settings_of("clean", "clean", "--target", "y", *roles).roles == {"a": "id", "b": "id"}


@pytest.mark.parametrize("number", ["inf", "nan"])
def test_a_weight_that_is_not_finite_is_refused(nntool, run, number):
    said = nntool("train", run, "--layer-rates", f"hidden1={number}")
    assert said.code == 2
    assert said.first.startswith("nntool train: --layer-rates: expected ")


# What goes on beside the settings


@pytest.mark.parametrize("option", ["--threads", "--checkpoint-every"])
@pytest.mark.parametrize("name", ["train", "run"])
def test_what_is_counted_from_1_is_refused_below(nntool, run, name, option):
    said = nntool(name, run, option, "0")
    assert said.code == 2
    assert said.first == f"nntool {name}: {option}: expected a whole number ≥ 1, not '0'"


@pytest.mark.parametrize("text", ["1.5", "many", "-2", ""])
@pytest.mark.parametrize("option", ["--threads", "--checkpoint-every", "--seed"])
def test_what_is_no_count_is_refused_in_our_words(nntool, run, option, text):
    said = nntool("train", run, option, text)
    least = 0 if option == "--seed" else 1
    wanted = f"nntool train: {option}: expected a whole number ≥ {least}, not {text!r}"
    assert (said.code, said.first) == (2, wanted)
    assert said.hint


@pytest.mark.parametrize(
    "words",
    [
        ["--patience", "x"],
        ["--optimizer", "adam:"],
        ["--optimizer", ""],
        ["--augment", "none", "--augment", "jitter"],
        ["--layer-rates", "slow"],
        ["--layer-rates", "hiden1=2"],
        ["--class-weights", "yess=2"],
        ["--class-weights", "yes="],
        ["--label-smoothing", "1"],
        ["--batchnorm"],
        ["--learning-rate", "0"],
        ["--monitor", "acuracy"],
        ["--set", "class_weights=heavy"],
        ["--set", "monitor={name='auc'}"],
        ["--set", "augment=jitter"],
        ["--set", "batch_norm=1"],
        ["--warmup", "nan"],
        ["--batch-size", "half"],
        ["--explain", "batchnorm"],
    ],
)
def test_whatever_is_typed_wrong_is_answered_with_one_line_and_a_hint(nntool, run, content, words):
    before = content(run)
    said = nntool("train", run, *words)
    assert said.code == 2
    assert [line.startswith("  try: ") for line in said.err.splitlines()] == [False, True]
    assert content(run) == before


def test_checkpoint_every_is_no_setting_and_reaches_the_job(nntool, monkeypatch, tmp_path):
    told = []

    def take(root, settings, job):
        told.append((settings, job))
        return Outcome("train", root)

    monkeypatch.setattr("nntool.steps.train.train", take)
    assert nntool("train", tmp_path / "run", "--checkpoint-every", "3").code == 0
    assert nntool("train", tmp_path / "run").code == 0
    (given, job), (plain, usual) = told
    assert given == plain
    assert (job.checkpoint_every, usual.checkpoint_every) == (3, None)


def test_run_takes_the_options_of_collect(given_to_run):
    for field in fields(STEPS["collect"]):
        if field.name in ("source", "seed"):
            continue
        texts, value = other_value(field)
        assert given_to_run(*as_typed(field, texts))["collect"] == {field.name: value}


def test_a_column_that_is_given_twice_is_refused_as_one_word_would_be_lost(nntool, run):
    words = ["--missing-values-in", "age=x", "--missing-values-in", "age=y z"]
    said = nntool("clean", run, "--target", "churned", *words)
    assert said.code == 2
    assert "--missing-values-in: 'age' is given twice" in said.err
    assert said.hint == "give it once: --missing-values-in 'age=x,y z'"


def test_a_list_where_a_mapping_has_texts_is_refused_in_plain_words(nntool, run):
    said = nntool("clean", run, "--set", 'missing_values_in={age=["x"]}', "--target", "churned")
    assert said.code == 2
    assert "missing_values_in: expected a text for 'age', not ['x']" in said.err


def test_a_choice_that_is_misspelt_is_guessed(nntool, split_for):
    said = nntool("train", split_for("churned"), "--optimizer", "lbgfs")
    assert said.code == 2
    assert said.hint == "did you mean 'lbfgs'?"
    assert nntool("train", split_for("churned"), "--optimizer", "xyz").hint == "nntool train --help"


def test_a_word_that_stands_for_a_choice_takes_no_settings(nntool, split_for, typed):
    said = nntool("train", split_for("churned"), "--optimizer", "auto:memory=3")
    assert said.code == 2
    assert "--optimizer: 'auto' takes no settings" in said.message
    assert said.hint == "--optimizer auto, or nntool train --explain optimizer"
    assert typed(said.hint.partition(", or ")[2]).code == 0
