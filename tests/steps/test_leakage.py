"""The ways of splitting and the leakage guard by commands."""

import json

import numpy as np
import pytest

from nntool.tables import leakage


@pytest.fixture
def leaky(table, write):
    """Sixty customers of twenty shops; that they left is also said by a date."""
    header, *rows = table
    rows = [
        [f"s{i // 3:02d}", ("2024-05-01" if row[-1] == "yes" else ""), "dev" if i % 5 else "Train",
         *row]
        for i, row in enumerate(rows)
    ]  # fmt: skip
    return write("leaky.csv", [["shop", "left", "part", *header], *rows])


def parts_of(root):
    return np.load(root / "split/rows.npy")


def report_of(root):
    return json.loads((root / "split/report.json").read_text())


def test_a_leak_is_said_shown_listed_and_no_error(nntool, ok, tmp_path, leaky):
    root = tmp_path / "run"
    ok("collect", root, leaky)
    said = ok("split", root, "--target", "churned")
    assert "nntool split: leakage: 'left' alone gives the target away: it explains" in said.err
    (leak,) = report_of(root)["leakage"]
    assert (leak["kind"], leak["columns"]) == ("target", ["left"])
    assert leak["score"] > 0.93
    assert "nntool clean RUN --target churned --roles left=ignored" in leak["hint"]
    assert f"nntool clean {root} --target churned --roles left=ignored" in said.err
    assert "target" in said.err.partition("kind")[2]


def test_strict_makes_a_leak_an_error_and_writes_nothing(nntool, ok, tmp_path, leaky):
    root = tmp_path / "run"
    ok("collect", root, leaky)
    said = nntool("split", root, "--target", "churned", "--strict")
    assert said.code == 3
    assert said.first.startswith("nntool split: --strict: 'left' alone gives the target away")
    assert not (root / "split").exists()
    mended = nntool("run", root, "--data", leaky, "--target", "churned", "--set",
                    "split.strict=true", "--set", "clean.roles={left='ignored'}",
                    "--set", "train.epochs=1")  # fmt: skip
    assert mended.code == 0, mended.err


def test_run_deals_first_and_the_guard_knows_the_roles_that_clean_will_have(
    nntool, ok, tmp_path, leaky
):
    words = ["run", tmp_path / "run", "--data", leaky, "--target", "churned"]
    said = nntool(*words, "--set", "split.strict=true", "--set", "train.epochs=1")
    assert said.code == 3
    assert "'left' alone gives the target away" in said.err


def test_a_role_told_to_clean_is_known_to_the_guard(ok, tmp_path, leaky):
    root = tmp_path / "run"
    ok("clean", root, leaky, "--target", "churned", "--roles", "left=ignored")
    ok("split", root)
    assert report_of(root)["leakage"] == []


def test_a_role_told_after_the_split_is_known_to_the_guard_as_if_told_before(ok, tmp_path, leaky):
    """What a split reports does not hang on the order of commands; its rows stay as they are."""
    words = ["--target", "churned", "--roles", "shop=group"]
    late, early = tmp_path / "late", tmp_path / "early"
    ok("collect", late, leaky)
    ok("split", late, "--target", "churned")
    before = report_of(late), parts_of(late).tolist()
    said = ok("clean", late, *words)
    assert "looked again" in said.err
    assert "leakage: " in said.err
    assert f"nntool split {late} --method group:column=shop" in said.err
    assert "'left' alone" not in said.err, "what is known is not said again"
    assert {**report_of(late), "leakage": None} == {**before[0], "leakage": None}
    assert parts_of(late).tolist() == before[1]
    ok("run", early, late / "recipe.toml", "--set", "train.epochs=1")
    assert (early / "split/report.json").read_bytes() == (late / "split/report.json").read_bytes()
    assert "nothing to compute" in ok("split", late, "--target", "churned").err
    assert "looked again" not in ok("clean", late, *words, "--force").err
    ok("clean", late, "--target", "churned")
    assert report_of(late) == before[0]


def test_run_has_the_guard_look_once(ok, tmp_path, leaky, monkeypatch):
    find, looks = leakage.find, []
    monkeypatch.setattr(leakage, "find", lambda *given: looks.append(1) or find(*given))
    root = tmp_path / "run"
    roles = ["--set", "clean.roles={'@1'='group'}", "--set", "train.epochs=1"]
    ok("run", root, "--data", leaky, "--target", "churned", *roles)
    ok("run", root)
    assert looks == [1]


def test_a_strict_split_refuses_a_role_that_shows_a_leak_afterwards(
    nntool, ok, tmp_path, leaky, content
):
    root = tmp_path / "run"
    ignored = ["--target", "churned", "--roles", "left=ignored"]
    ok("clean", root, leaky, *ignored)
    ok("split", root, "--strict")
    before = content(root)
    said = nntool("clean", root, *ignored, "--roles", "shop=group")
    assert said.code == 3
    assert "--strict: " in said.message
    assert "--method group:column=shop" in said.hint
    assert content(root) == before


@pytest.mark.parametrize("shown", ["shop", "@1"])
def test_groups_by_name_or_position_and_the_recipe_has_the_name(ok, tmp_path, leaky, shown):
    root = tmp_path / "run"
    ok("collect", root, leaky)
    ok("split", root, "--target", "churned", "--method", f"group:column={shown}")
    groups = np.arange(60) // 3
    assert all(len(set(parts_of(root)[groups == g])) == 1 for g in range(20))
    assert 'column = "shop"' in (root / "recipe.toml").read_text()
    again = ok("split", root, "--target", "churned", "--method", "group:column=shop")
    assert "already done" in again.err


def test_a_method_in_toml_says_the_same(ok, tmp_path, leaky, content):
    first, other = tmp_path / "first", tmp_path / "other"
    config = tmp_path / "split.toml"
    config.write_text(
        '[split]\ntarget = "churned"\nfolds = 3\nmethod = {name = "time", column = "joined"}\n'
    )
    for root in (first, other):
        ok("collect", root, leaky)
    ok("split", first, "--config", config)
    ok("split", other, "--target", "churned", "--folds", 3, "--method", "time:column=joined")
    assert content(first / "split") == content(other / "split")


@pytest.mark.parametrize(
    ("method", "code", "said", "hint"),
    [
        ("group:column=shopp", 3, "no such column: 'shopp' (nearest: 'shop')", "the 10 columns"),
        ("group", 2, "--method: group needs a column", "--method group:column=NAME"),
        ("hash:column=churned", 2, "'churned' is the target", "name another column"),
        ("time:column=shop", 3, "'shop' holds neither numbers alone nor dates", "mend these"),
        ("column:column=shop", 3, "'shop' holds words that name no part", "train=s00"),
        ("files:test=b.csv", 3, "no source fits test=b.csv", "collected from"),
        ("group:colum=shop", 2, "there is no setting 'colum'", "group has column"),
    ],
)
def test_what_cannot_be_split_by_is_said(nntool, ok, tmp_path, leaky, method, code, said, hint):
    root = tmp_path / "run"
    ok("collect", root, leaky)
    found = nntool("split", root, "--target", "churned", "--method", method)
    assert found.code == code, found.err
    assert said in found.message
    assert hint in found.hint
    assert not (root / "split").exists()


def test_files_are_the_parts_and_validation_is_cut(ok, tmp_path, table, write):
    header, *rows = table
    train = write("train.csv", [header, *rows[:45]])
    test = write("test.csv", [header, *rows[45:]])
    root = tmp_path / "run"
    ok("collect", root, train, test)
    said = ok("split", root, "--target", "churned", "--method", "files:test=test.csv")
    assert (parts_of(root)[45:] == 2).all()
    assert np.bincount(parts_of(root)[:45]).tolist() == [37, 8]
    assert "no row was said to validate, so 8 of 45 training rows do" in said.err


def test_rows_that_repeat_across_files_are_said(ok, tmp_path, table, write):
    header, *rows = table
    train = write("train.csv", [header, *rows[:50]])
    test = write("test.csv", [header, *rows[45:]])
    root = tmp_path / "run"
    ok("collect", root, train, test)
    ok("split", root, "--target", "churned", "--method", "files:test=@2", "--validation", 0)
    (leak,) = report_of(root)["leakage"]
    assert (leak["kind"], leak["counts"]) == ("duplicates", {"test": 5})


def test_folds_are_written_with_the_parts_and_go_with_them(ok, tmp_path, source):
    root = tmp_path / "run"
    ok("collect", root, source)
    ok("split", root, "--target", "churned", "--folds", 4)
    folds = np.load(root / "split/fold.npy")
    assert folds.dtype == np.int8
    assert ((folds == -1) == (parts_of(root) != 0)).all()
    assert set(folds) == {-1, 0, 1, 2, 3}
    before = parts_of(root)
    ok("split", root, "--target", "churned")
    assert not (root / "split/fold.npy").exists()
    assert (parts_of(root) == before).all()
