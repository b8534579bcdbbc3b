"""The layers of the house: what each folder may import, in modules and in functions.

cli -> steps -> { nn | tables | report | run } -> settings -> errors
"""

import ast
import sys
from pathlib import Path

import pytest

import nntool

ROOT = Path(nntool.__file__).parent

LAYERS = {
    "cli": ({"typer", "settings", "errors"}, {"rich", "steps", "run", "rapidfuzz"}),
    "steps": (
        {"run", "settings", "errors"},
        {"numpy", "joblib", "threadpoolctl", "msgspec", "nn", "tables", "report"},
    ),
    "nn": ({"numpy"}, {"scipy"}),
    "tables": (
        {"numpy", "pyarrow", "settings", "errors"},
        {"pandas", "sklearn", "scipy", "rapidfuzz", "openpyxl", "sqlalchemy"},
    ),
    "report": ({"numpy"}, {"matplotlib", "jinja2"}),
    "run": ({"filelock", "msgspec", "settings", "errors"}, set()),
    "settings": ({"msgspec", "errors"}, {"tomllib", "tomli_w"}),
    "errors": (set(), set()),
}
"""For each folder: what may be imported at the top of a module, and what only inside functions."""

MODULES = [
    pytest.param(path, id=str(path.relative_to(ROOT)))
    for path in sorted(ROOT.rglob("*.py"))
    if path.parent != ROOT or path.name == "errors.py"
]
SAME_FLOOR = {"nn", "tables", "report", "run"}


def layer_of(path):
    """The folder (or errors.py) that a module stands in."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree):
    """Every import: the module's name, whether it is made at the top, whether for types only."""

    def walk(node, at_top, for_types):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_top, for_types
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            for alias in node.names:
                package = node.module == "nntool"
                yield f"nntool.{alias.name}" if package else node.module, at_top, for_types
        else:
            inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for child in ast.iter_child_nodes(node):
                yield from walk(child, at_top and not inner, for_types or types)

    yield from walk(tree, True, False)


def named(module):
    """A folder of ours, or a distribution of others; None for the standard library."""
    first, _, rest = module.partition(".")
    if first == "nntool":
        return rest.partition(".")[0] or None
    if first in sys.stdlib_module_names and first != "tomllib":
        return None
    return first


@pytest.mark.parametrize("path", MODULES)
def test_a_module_imports_what_its_layer_may(path):
    layer = layer_of(path)
    at_top, inside = LAYERS[layer]
    for module, is_at_top, for_types in imports(ast.parse(path.read_text())):
        name = named(module)
        if name in (None, layer, "__version__") or (for_types and name not in LAYERS):
            continue  # another's type is no import when the program runs
        if is_at_top and not for_types:
            assert name in at_top, f"{path}: {module} at the top of a module of {layer}"
        else:
            assert name in at_top | inside, f"{path}: {module} in {layer}"


def test_folders_of_one_floor_never_import_each_other():
    for layer, allowed in LAYERS.items():
        if layer in SAME_FLOOR:
            assert not (allowed[0] | allowed[1]) & (SAME_FLOOR - {layer})


def test_every_folder_is_in_the_table():
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(LAYERS)
    assert {layer_of(p.values[0]) for p in MODULES} == folders | {"errors"}


def writes_to_the_person(tree):
    """Lines that print, or write to the standard streams themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("print", "pprint.pprint", "typer.echo", "typer.secho"):
                yield node.lineno, called
            if called in ("sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write"):
                yield node.lineno, called


@pytest.mark.parametrize("path", MODULES)
def test_only_the_output_of_the_command_line_prints(path):
    found = list(writes_to_the_person(ast.parse(path.read_text())))
    if path == ROOT / "cli" / "output.py":
        assert found
    elif path == ROOT / "cli" / "main.py":  # the version and the help, by typer's own means
        assert {called for _, called in found} <= {"typer.echo"}
    else:
        assert not found


@pytest.mark.parametrize("path", MODULES)
def test_names_of_artifacts_are_spelled_in_one_place(path):
    """``run/names.py`` alone spells the files of a run directory."""
    from nntool.run import names

    artifacts = {
        value
        for key, value in vars(names).items()
        if key.isupper() and isinstance(value, str) and "/" in value
    }
    spelled = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    if path == ROOT / "run" / "names.py":
        assert len(artifacts) > 15
    else:
        assert not spelled & artifacts


def test_no_module_draws_from_the_global_random_state():
    for path in (parameter.values[0] for parameter in MODULES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                text = ast.unparse(node)
                assert not text.startswith("random."), f"{path}: {text}"
                if text.startswith("np.random."):
                    assert node.attr in ("Generator", "default_rng", "SeedSequence", "PCG64"), path
