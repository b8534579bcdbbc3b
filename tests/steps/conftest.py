"""What tests of the steps share: many rows, commands in processes of their own, ways to train."""

import subprocess
import sys

import pytest

from nntool.nn.members import choosing


@pytest.fixture
def many(source, tmp_path):
    """More rows than one chunk."""
    header, _, rows = source.read_text().partition("\n")
    path = tmp_path / "many.csv"
    path.write_text(header + "\n" + rows * 700)
    return path


@pytest.fixture
def started():
    """Start a command in a process of its own, which does not outlive the test."""
    processes = []

    def start(*words, **streams):
        words = [sys.executable, "-m", "nntool", *map(str, words)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        processes.append(subprocess.Popen(words, **streams))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ended(started):
    """Run a command to its end: exit code, standard output and error."""

    def end(*words, **streams):
        process = started(*words, **streams)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err.decode()

    return end


@pytest.fixture(params=["together", "one by one"])
def way(request, monkeypatch):
    """Members make their updates together, or each by itself."""
    is_together = request.param == "together"
    monkeypatch.setattr(choosing, "worth_batching", lambda *_: is_together)
    return request.param
