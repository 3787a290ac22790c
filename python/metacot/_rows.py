"""Python values as rows of JSON, and back."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


#: The rules of Countdown rows that are not ours, such as those of Countdown-Tasks: TinyZero divides as Python does, so that fractions pass.
FOREIGN_RULES = "rational"


def _plain(value: Any) -> Any:
    """What `json` does not know: arrays and numbers of NumPy, scalars of pyarrow, mappings and sequences of any other kind."""
    for name in ("tolist", "as_py"):
        if hasattr(value, name):
            return getattr(value, name)()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is not allowed in a row; expected what JSON has")


def dumps(value: Any) -> str:
    """One line of JSON; any string is allowed."""
    return json.dumps(value, default=_plain, separators=(",", ":"))


def lines(rows: Iterable[Any]) -> bytes:
    return "".join(dumps(row) + "\n" for row in rows).encode()


def loads(rows: bytes) -> Iterator[Any]:
    return map(json.loads, rows.splitlines())


def problem_of(value: Any) -> Any:
    """A problem as rows have it: an object without the columns that only other rows have, or the text of a prompt."""
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        text = value.lstrip()
        if not text.startswith("{"):
            return value
        value = json.loads(text)
    if not isinstance(value, Mapping):
        value = _plain(value)
    return {name: part for name, part in value.items() if part is not None} if isinstance(value, Mapping) else value


def pairs(settings: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Settings as the command line would have them."""
    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return ",".join(map(str, value)) if isinstance(value, (list, tuple, set, range)) else str(value)

    return [(name, text(value)) for name, value in (settings or {}).items() if value is not None]


def threads(count: int | None) -> int:
    if count is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count < 1:
        raise ValueError(f"threads = {count} is not allowed; expected at least 1")
    return count
