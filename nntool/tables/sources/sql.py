"""SQL databases as text: the rows of a query, fetched piece by piece through SQLAlchemy."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from nntool.errors import DataError, MachineError, UsageError
from nntool.tables.columns import unique_names
from nntool.tables.sources.reading import BATCH_ROWS, text_schema
from nntool.tables.sources.text import column_text

ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


class GoneError(DataError):
    """A source is not there, or a database cannot be reached or asked; ``why`` only of these."""

    def __init__(self, source: str, why: str, hint: str) -> None:
        super().__init__(f"{source}: {why}" if why else f"{source} is not there", hint)
        self.source = source
        self.why = why


class SqlSource:
    """The rows of a query or a table, in the order in which the database gives them.

    ``name`` is what messages call the address. The connection only reads. ``password`` is handed
    to the driver and stands in no message.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        query: str | None = None,
        table: str | None = None,
        password: str | None = None,
        password_env: str = "NNTOOL_SQL_PASSWORD",
    ) -> None:
        self._name = name
        self._password = password
        self._password_env = password_env
        self.n_rows = 0
        self.notes: list[str] = []
        self._engine = _engine(url, name, password)
        with self._told():
            self._connection = self._engine.connect()
        try:
            with self._told():
                statement = query or self._whole_table(table)
                self._rows = self._connection.execution_options(
                    stream_results=True, no_parameters=True, max_row_buffer=BATCH_ROWS
                ).exec_driver_sql(statement)
            if not self._rows.returns_rows:
                raise UsageError("--query gives no rows", "--query 'select … from …'")
        except BaseException:
            self.close()
            raise
        self.given_names = list(self._rows.keys())
        self.names, notes = unique_names(self.given_names)
        self.left_out: list[dict[str, Any]] = []
        self.notes += [f"{name}: {note}" for note in notes]
        if query and not ORDERED.search(query):
            self.notes.append(
                f"{name}: the query has no 'order by': the order of the rows is the database's"
            )

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in some of the columns."""
        places = [self.names.index(column) for column in columns]
        while True:
            with self._told():
                rows = self._rows.fetchmany(BATCH_ROWS)
            if not rows:
                return
            arrays = [
                column_text([row[place] for row in rows], column, self._name)
                for column, place in zip(columns, places, strict=True)
            ]
            self.n_rows += len(rows)
            yield pa.RecordBatch.from_arrays(arrays, schema=text_schema(columns))

    def _whole_table(self, table: str | None) -> str:
        """The query for a table, by its primary key where it has one."""
        from sqlalchemy import inspect

        inspector = inspect(self._connection)
        schema, _, name = (table or "").rpartition(".")
        known = inspector.get_table_names(schema or None) + inspector.get_view_names(schema or None)
        if table in known:  # a name with a dot in it
            schema, name = "", str(table)
        elif not table or name not in known:
            listed = ", ".join(sorted(known)) or "none"
            what = f"has no table {table!r}" if table else "has tables, and none is named"
            raise DataError(
                f"{self._name} {what}: it has {listed}", "--table NAME, or --query 'select …'"
            )
        quoted = self._engine.dialect.identifier_preparer.quote_identifier
        keys = inspector.get_pk_constraint(name, schema or None)["constrained_columns"]
        place = ".".join(quoted(part) for part in (schema, name) if part)
        order = f" ORDER BY {', '.join(map(quoted, keys))}" if keys else ""
        if not keys:
            self.notes.append(
                f"{self._name}: the table {table!r} has no primary key: the order of the rows is"
                " the database's"
            )
        return f"SELECT * FROM {place}{order}"

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the database as ours, without the password."""
        from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

        try:
            yield
        except (OperationalError, InterfaceError) as error:
            hint = "check the address, the query and whether the database is running"
            if self._password is None and not self._name.startswith("sqlite"):
                hint += f"; a password goes into the environment: export {self._password_env}=…"
            raise GoneError(self._name, self._reason(error), hint) from None
        except (DBAPIError, SQLAlchemyError, UnicodeError) as error:
            raise GoneError(self._name, self._reason(error), "mend --query or --table") from None

    def _reason(self, error: Exception) -> str:
        """What the driver said, on one line."""
        text = str(getattr(error, "orig", None) or error)
        text = " ".join(text.split())
        return text.replace(self._password, "***") if self._password else text

    def close(self) -> None:
        """End the transaction, which changed nothing, and the connection."""
        self._connection.close()
        self._engine.dispose()


def password_of(variable: str, default: str) -> str | None:
    """The password in an environment variable; None where the default one is not set."""
    found = os.environ.get(variable)
    if found is None and variable != default:
        raise UsageError(
            f"--password-env {variable}: there is no such environment variable",
            f"export {variable}=…",
        )
    return found


def _engine(url: str, name: str, password: str | None) -> Any:
    """An engine that only reads; a file of SQLite is never made."""
    try:
        import sqlalchemy
    except ImportError:
        raise MachineError(
            f"{name}: to ask databases SQLAlchemy is needed", "pip install 'nntool[sql]'"
        ) from None
    from sqlalchemy.pool import NullPool

    try:
        parsed = sqlalchemy.make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            return sqlalchemy.create_engine(
                "sqlite://",
                creator=lambda: _read_only(str(parsed.database), name),
                poolclass=NullPool,
            )
        if password is not None:
            parsed = parsed.set(password=password)
        engine = sqlalchemy.create_engine(parsed, poolclass=NullPool)
    except sqlalchemy.exc.ArgumentError:
        raise UsageError(
            f"{name} is no address of a database",
            "write sqlite:///FILE.db or postgresql://USER@HOST/DATABASE",
        ) from None
    except sqlalchemy.exc.NoSuchModuleError:
        raise UsageError(
            f"{name}: SQLAlchemy knows no such database", "postgresql://…, sqlite:///…, mysql://…"
        ) from None
    except ModuleNotFoundError as error:
        hint = "install it, or name another driver in the address: DATABASE+DRIVER://…"
        if "psycopg" in str(error.name):
            hint = "pip install 'nntool[sql]'"
        raise MachineError(f"{name}: the driver {error.name} is not installed", hint) from None
    if engine.dialect.name == "postgresql":
        return engine.execution_options(postgresql_readonly=True)
    return engine


def _read_only(database: str, name: str) -> sqlite3.Connection:
    if not Path(database).is_file():
        raise GoneError(name, f"the file {database} is not there", "check the path")
    return sqlite3.connect(f"file:{quote(str(Path(database).resolve()))}?mode=ro", uri=True)
