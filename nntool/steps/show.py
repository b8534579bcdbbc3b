"""``show``: any artifact as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, BinaryIO

from nntool.errors import StaleError, UsageError
from nntool.run import names
from nntool.run.directory import Run
from nntool.steps.performing import read_json


def show(root: str, wanted: str, stdout: BinaryIO) -> None:
    """Write the main artifact of a step, or one of its files, as CSV."""
    run = Run.existing(root)
    artifact = _artifact(run, wanted)
    path = run.checked(artifact)
    SHOWN_BY[path.suffix](run, artifact, path, stdout)
    stdout.flush()


def _artifact(run: Run, wanted: str) -> str:
    """The artifact that a step or a file name means."""
    step = names.maker(wanted)
    known = [*names.ORDER, *run.tries()]
    if step not in known:
        raise UsageError(f"{step!r} is no step", "choose from " + ", ".join(known))
    entry = run.entry(step)
    if entry is None:
        raise StaleError(f"{step} has not run in {run.root}", run.command(step))
    if wanted == step:
        return names.MAIN_ARTIFACT.get(step) or names.beside(step, names.TRAIN_HISTORY)
    if wanted not in entry.writes:
        raise UsageError(
            f"{step} has no file {wanted!r}", "choose from " + ", ".join(sorted(entry.writes))
        )
    return wanted


def _show_parquet(run: Run, artifact: str, path: Path, stdout: BinaryIO) -> None:
    from nntool.tables import parquet
    from nntool.tables.csv.writing import write_batch, write_header

    write_header(stdout, parquet.names(path))
    for batch in parquet.batches(path):
        write_batch(stdout, batch)


def _show_array(run: Run, artifact: str, path: Path, stdout: BinaryIO) -> None:
    import numpy as np

    from nntool.tables import answers, arrays
    from nntool.tables.csv.writing import write_batch, write_header

    array = arrays.load(path)
    columns = array.reshape(len(array), -1).T
    header = _column_names(run, artifact, len(columns))
    write_header(stdout, header)
    shown = [answers.row_numbers(np.ascontiguousarray(column)) for column in columns]
    if shown:
        write_batch(stdout, answers.batch(shown, header))


def _column_names(run: Run, artifact: str, n: int) -> list[str]:
    """The produced names of a feature matrix; else the file's own name."""
    if artifact in (names.TRANSFORM_NUMERIC, names.TRANSFORM_CATEGORICAL):
        from nntool.tables import transforming

        kind = "numeric" if artifact == names.TRANSFORM_NUMERIC else "codes"
        state = read_json(run.checked(names.TRANSFORM_STATE))["features"]
        return [c["name"] for c in transforming.produced(state) if c["kind"] == kind]
    stem = artifact.rpartition("/")[2].partition(".")[0]
    return [stem] if n == 1 else [f"{stem}_{i}" for i in range(n)]


def _show_csv(run: Run, artifact: str, path: Path, stdout: BinaryIO) -> None:
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            stdout.write(block)


def _show_json(run: Run, artifact: str, path: Path, stdout: BinaryIO) -> None:
    """A list of kept columns as one column; any other JSON as a path and a value for each leaf."""
    if artifact == names.SELECT_COLUMNS:
        features = read_json(run.checked(names.SELECT_REPORT))["features"]
        header = ["feature", "source", "columns", "kept", "reason", "score", "rank"]
        body = [[len(f[key]) if key == "columns" else f[key] for key in header] for f in features]
        _write_rows(stdout, header, body)
    else:
        _write_rows(stdout, ["path", "value"], list(_leaves("", read_json(path))))


def _leaves(place: str, value: Any) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{place}.{key}" if place else key, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(f"{place}[{number}]", inner)
    else:
        yield [place, value]


def _show_arrays(run: Run, artifact: str, path: Path, stdout: BinaryIO) -> None:
    """Every number of an .npz: the array's name, the place in it, the value."""
    import numpy as np

    from nntool.tables import arrays

    header, body = ["array", "index", "value"], []
    for name, array in arrays.load_npz(path).items():
        for index, value in np.ndenumerate(array):
            body.append([name, " ".join(map(str, index)), value])
    _write_rows(stdout, header, body)


def _write_rows(stdout: BinaryIO, header: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    stdout.write(text.getvalue().encode())


SHOWN_BY = {
    ".parquet": _show_parquet,
    ".npy": _show_array,
    ".csv": _show_csv,
    ".json": _show_json,
    ".npz": _show_arrays,
}
