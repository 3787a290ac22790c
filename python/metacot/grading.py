"""Verdicts of answers, and of every statement of a trace."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from . import _native, _rows


@lru_cache(maxsize=64)
def _grader(env: str, mode: str, extract: str, format: str | None, difficulty: str | None, settings: tuple, grader: str | None, oracle: bool) -> _native.Grader:
    return _native.Grader(env, mode, extract, format, difficulty, list(settings), grader, oracle)


def open_grader(
    env: str,
    mode: str = "strict",
    extract: str = "auto",
    format: str | None = None,
    difficulty: object = None,
    settings: Mapping[str, Any] | None = None,
    grader: Mapping[str, Any] | None = None,
    oracle: bool = False,
) -> _native.Grader:
    """A grader; those of equal settings are one."""
    size = None if difficulty is None else str(difficulty)
    return _grader(env, mode, extract, format, size, tuple(_rows.pairs(settings)), None if grader is None else _rows.dumps(grader), oracle)


def grade(
    rows: Iterable[Mapping[str, Any]],
    env: str = "countdown",
    *,
    mode: str = "strict",
    extract: str = "auto",
    format: str | None = None,
    difficulty: object = None,
    settings: Mapping[str, Any] | None = None,
    grader: Mapping[str, Any] | None = None,
    oracle: bool = False,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Grades rows `{"id", "problem", "answer" | "response"}`, as `metacot grade` does.

    `answer` is a final answer, `response` a whole completion, whose answer is found by `extract` (auto, answer, boxed, assistant, plain), or
    which is audited as a text in `format`. `problem` is an object or the text of a prompt. Each row gives a verdict, in order: `answer_correct`, `optimal`,
    `format_ok`, `trace_valid`, `plan`, `cost`, `defects`, `reason`; with a `mode` such as compat-tinyzero, or a `grader`, also `score`. A malformed
    row gives `error` and spoils nothing else.

    Raises ValueError for a name or setting that is not allowed.
    """
    chosen = open_grader(env, mode, extract, format, difficulty, settings, grader, oracle)
    return list(_rows.loads(chosen.grade(_rows.lines(rows), _rows.threads(threads))))


def audit(
    rows: Iterable[Mapping[str, Any]],
    env: str | None = None,
    format: str | None = None,
    *,
    difficulty: object = None,
    settings: Mapping[str, Any] | None = None,
    transform: str | None = None,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Audits traces statement by statement, as `metacot audit` does.

    Rows are records of a corpus, `{"id", "problem", "response"}`, or `{"id", "text"}` with the problem in the text; `env` and `format` and `transform`
    (such as "retry mode=multi") are those of rows that do not name theirs. Each gives `clean`, `solved` and `defects`, each with its kind, the index of its statement, the byte range and the text.

    Raises ValueError for a name or setting that is not allowed.
    """
    return _audit(rows, env, format, difficulty, settings, transform, threads)[0]


def audit_totals(
    rows: Iterable[Mapping[str, Any]],
    env: str | None = None,
    format: str | None = None,
    *,
    difficulty: object = None,
    settings: Mapping[str, Any] | None = None,
    transform: str | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """What `audit` finds, counted: `rows`, `clean`, `solved`, `errors`, and `defects` by kind."""
    return _audit(rows, env, format, difficulty, settings, transform, threads)[1]


def _audit(rows: Any, env: Any, format: Any, difficulty: Any, settings: Any, transform: Any, threads: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    size = None if difficulty is None else str(difficulty)
    found, total = _native.audit(_rows.lines(rows), env, format, size, _rows.pairs(settings), transform, _rows.threads(threads))
    return list(_rows.loads(found)), json.loads(total)
