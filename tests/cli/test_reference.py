"""The reference pages: every option under its group, every choice with what is known of it."""

import importlib.util
import re
from pathlib import Path

import pytest

from nntool.settings.about import ABOUT
from nntool.settings.model import fields
from nntool.settings.steps import STEPS
from nntool.steps import choices

SCRIPT = Path(__file__).parents[2] / "docs" / "make_reference.py"
REGISTRIES = sorted({f.registry for model in STEPS.values() for f in fields(model) if f.registry})


@pytest.fixture(scope="module")
def make_reference():
    spec = importlib.util.spec_from_file_location("make_reference", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(make_reference):
    return make_reference.pages()


def test_the_page_of_train_has_a_table_for_each_group(pages):
    parts = re.split(r"(?m)^### (.*)$", pages["train.md"])
    tables = dict(zip(parts[1::2], parts[2::2], strict=True))
    for field in fields(STEPS["train"])[:-1]:
        assert f"| `{field.name}` |" in tables[field.group]


@pytest.mark.parametrize("registry", REGISTRIES)
def test_the_page_of_methods_has_each_choice_with_its_words_and_settings(
    make_reference, pages, registry
):
    title = make_reference.title_of(registry)
    section = re.split(r"(?m)^## ", pages["methods.md"].partition(f"\n## {title}\n")[2])[0]
    for name in choices.names(registry):
        found = choices.described(registry, name)
        assert f"`{name}`" in section
        for line in found["doc"].splitlines():
            shown = line.removeprefix("Use: ").strip()
            assert shown in section or shown.replace("|", "\\|") in section
        for setting in found["settings"]:
            assert f"| `{setting['name']}` | " in section
        for fact in found["facts"]:
            assert f"\n- {fact}\n" in section


def test_the_page_of_methods_has_the_options_that_are_methods(pages):
    section = pages["methods.md"].partition("\n## Options of train\n")[2]
    for option, doc in choices.methods_of("train").items():
        entry = re.split(r"(?m)^### ", section.partition(f"\n### `{option}`\n")[2])[0]
        assert all(line.removeprefix("Use: ") in entry for line in doc.splitlines())


@pytest.mark.parametrize("name", ABOUT)
def test_an_option_that_is_a_method_has_equation_source_and_use(name):
    first, use = ABOUT[name].split("\nUse: ")
    assert re.search(r"\b(1[89]|20)\d\d\b|arXiv \d{4}\.\d{5}", first)
    assert use.endswith(".")
    assert name in [field.name for field in fields(STEPS["train"])]


@pytest.mark.parametrize("blank", ["", "\n"])
def test_when_to_use_a_choice_stands_out(make_reference, blank):
    doc = f"One rule.\n\nθ ← θ − ηg. Someone 1951.\n{blank}Use: for a start;\nit is simple."
    lines = make_reference._entry({"name": "sgd", "doc": doc, "settings": [], "facts": []})
    fence = lines.index("```text")
    assert lines[fence + 1 : fence + 3] == ["θ ← θ − ηg. Someone 1951.", "```"]
    assert lines[-1] == "**Use:** for a start; it is simple."


def test_every_link_of_the_pages_leads_somewhere(pages):
    for text in pages.values():
        for page, anchor in re.findall(r"\]\(([\w-]*\.md)?(?:#([\w-]+))?\)", text):
            target = pages[page or "methods.md"]
            headings = re.findall(r"(?m)^##+ (.*)$", target)
            assert not anchor or anchor in [h.lower().replace(" ", "-") for h in headings]


def test_no_cell_of_a_table_breaks_its_row(pages):
    for text in pages.values():
        columns = 0
        for line in text.splitlines():
            n = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
            assert not (n and columns) or n == columns, line
            columns = n
