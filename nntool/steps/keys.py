"""The key of pseudonyms: from a file or the environment, never kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nntool.errors import DataError, UsageError
from nntool.settings.clean import MISSING_VALUES
from nntool.settings.collect import CollectSettings

if TYPE_CHECKING:
    from nntool.tables.sources.shaping import Shape

SHORT_KEY = 16


def key_of(settings: CollectSettings, folder: Path | None = None) -> bytes:
    """The key's bytes, without a line end; a file is looked for in ``folder``, then here."""
    if settings.key_file is not None:
        return _of_file(settings.key_file, folder)
    found = os.environb.get(os.fsencode(settings.key_env), b"")
    if not found.strip():
        names = ", ".join(settings.pseudonymize)
        is_there = settings.key_env in os.environ
        raise UsageError(
            f"to pseudonymize {names} a key is needed, and the environment variable"
            f" {settings.key_env} is {'empty' if is_there else 'not set'}",
            f"export {settings.key_env}=$(cat FILE)",
        )
    return found


def _of_file(name: str, folder: Path | None) -> bytes:
    places = [base / name for base in (folder, Path()) if base is not None]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DataError(
            f"--key-file {name} is not there", "check the path; without the key no row can be read"
        )
    try:
        found = path.read_bytes().rstrip(b"\r\n")
    except PermissionError:
        raise DataError(f"--key-file {name} may not be read", f"ls -l {name}") from None
    if not found.strip():
        raise UsageError(f"--key-file {name} is empty", f"openssl rand -hex 32 > {name}")
    return found


def cautions(key: bytes) -> list[str]:
    """What to say of a key that can be guessed."""
    if len(key) >= SHORT_KEY:
        return []
    return [
        f"the key of --pseudonymize has {len(key)} bytes: who guesses it can try out values"
        " (openssl rand -hex 32 makes a long one)"
    ]


def shape(settings: CollectSettings, key: bytes) -> Shape:
    """What the settings do to each source."""
    from nntool.tables.sources.shaping import Shape

    return Shape(
        rename=settings.rename,
        drop=settings.drop,
        pseudonymize=settings.pseudonymize,
        key=key,
        missing_values=MISSING_VALUES,
    )
