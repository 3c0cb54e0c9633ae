"""Between rows and records: how ids, hidden states and reports lie in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from chatfeedback.errors import NotFound
from chatfeedback.records import Example, GateReport, ReplyFeatures, Sampling

Row = dict[str, Any]


def fetch(db: Database, sql: str, *parameters: object) -> list[Row]:
    """Every row of a query, so that no statement stays open behind a generator."""
    return list(db.query(sql, parameters))


def fetch_one(db: Database, missing: str, sql: str, *parameters: object) -> Row:
    """The one row of a query; NotFound with `missing` where there is none."""
    rows = fetch(db, sql, *parameters)
    if not rows:
        raise NotFound(missing)
    return rows[0]


def insert(db: Database, table: str, record: Row) -> int:
    """Insert a row; its id."""
    columns, places = ", ".join(record), ", ".join("?" * len(record))
    cursor = db.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(record.values()))
    assert isinstance(cursor.lastrowid, int), f"{table} has no integer key"
    return cursor.lastrowid


def utc_now() -> str:
    """The time as it is stored: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def id_list(ids: Iterable[int]) -> str:
    """Ids as one parameter, for `IN (SELECT value FROM json_each(?))`."""
    return json.dumps([int(number) for number in ids])


def pack_ids(ids: Sequence[int]) -> bytes:
    """Token ids as little-endian int32."""
    return np.asarray(ids, dtype="<i4").tobytes()


def unpack_ids(blob: bytes) -> tuple[int, ...]:
    """What `pack_ids` packed."""
    return tuple(np.frombuffer(blob, dtype="<i4").tolist())


def pack_hidden(hidden: NDArray[np.float16]) -> bytes:
    """A hidden state (H,) as little-endian float16."""
    return np.asarray(hidden, dtype="<f2").tobytes()


def unpack_hidden(blob: bytes) -> NDArray[np.float16]:
    """What `pack_hidden` packed: (H,) float16."""
    return np.frombuffer(blob, dtype="<f2").astype(np.float16)


def pack_sampling(sampling: Sampling) -> str:
    """Sampling settings as JSON."""
    return json.dumps(asdict(sampling))


def unpack_sampling(text: str) -> Sampling:
    """What `pack_sampling` packed."""
    values = json.loads(text)
    return Sampling(**values | {"stop": tuple(values.get("stop", ()))})


def pack_report(report: GateReport) -> str:
    """A gate report as JSON."""
    return json.dumps(asdict(report))


def unpack_report(text: str | None) -> GateReport | None:
    """What `pack_report` packed."""
    if text is None:
        return None
    fields = json.loads(text)
    fields["reasons"] = tuple(fields["reasons"])
    fields["warnings"] = tuple(fields.get("warnings", ()))
    fields["examples"] = tuple(Example(**example) for example in fields["examples"])
    return GateReport(**fields)


def features_from(row: Row) -> ReplyFeatures:
    """The features of a row of reply_features."""
    return ReplyFeatures(
        base_key=row["base_key"],
        hidden=unpack_hidden(row["hidden"]),
        prompt_hidden=unpack_hidden(row["prompt_hidden"]),
        base_logprob=row["base_logprob"],
        n_tokens=row["n_tokens"],
    )
