"""Environments as data sets with random access, in the call shape of reasoning-gym."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypedDict

from . import _native, _rows
from .grading import open_grader


class Entry(TypedDict):
    """A problem: what is asked, one right answer, and what both are made of."""

    question: str
    answer: str | None
    metadata: dict[str, Any]


def environments() -> list[str]:
    """The names that `create_dataset` takes."""
    return _native.environments()


def create_dataset(name: str, **settings: Any) -> "Dataset":
    """A data set of problems.

    `size` is the number of items and `seed` their root seed; item `i` depends on the settings, the seed and `i` alone. `difficulty` is the size of
    the problems, `split` the part of the problem space (train, val, test share no problem, whatever the seed), `format` a text format whose
    prompt is the question instead of plain words, `mode` whose score `score_answer` gives. All other settings go to the environment, such as
    `rules="rational"` for countdown.

    >>> data = create_dataset("countdown", size=2, seed=7, difficulty=3)
    >>> [data.score_answer(entry["answer"], entry) for entry in data]
    [1.0, 1.0]

    Raises ValueError for a name or setting that is not allowed.
    """
    return Dataset(name, **settings)


class Dataset(Sequence[Entry]):
    """Problems of one environment; made by `create_dataset`."""

    def __init__(
        self,
        name: str,
        size: int = 500,
        seed: int = 1,
        *,
        difficulty: object = None,
        split: str = "train",
        format: str | None = None,
        mode: str = "strict",
        **settings: Any,
    ) -> None:
        if size < 0:
            raise ValueError(f"size = {size} is not allowed; expected at least 0")
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"seed = {seed} is not allowed; expected 0 to 2**64 - 1")
        self.name = name
        self.size = size
        self.seed = seed
        self.config: dict[str, Any] = {"size": size, "seed": seed, "difficulty": difficulty, "split": split, "format": format, "mode": mode, **settings}
        self._items = _native.Items(name, None if difficulty is None else str(difficulty), _rows.pairs(settings), split, seed, format)
        self._score = get_score_answer_fn(name, mode=mode)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self.size))]
        place = index.__index__()
        if place < 0:
            place += self.size
        if not 0 <= place < self.size:
            raise IndexError(f"index {index} is not in a data set of {self.size}")
        return json.loads(self._items.item(place))

    def __iter__(self) -> Iterator[Entry]:
        return (self[index] for index in range(self.size))

    def score_answer(self, answer: str | None, entry: Entry) -> float:
        """How good an answer to an entry is, from 0 to 1. Any text is an answer; `None` is worth what an empty one is."""
        return self._score(answer, entry)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.name, self.config)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {', '.join(f'{name}={value!r}' for name, value in self.config.items())})"


def _rebuild(name: str, config: dict[str, Any]) -> Dataset:
    return Dataset(name, **config)


def get_score_answer_fn(name: str, *, mode: str = "strict") -> Callable[[str | None, Entry], float]:
    """The scorer of an environment: 1 for an answer that solves, else 0; in another `mode`, what that peer would give."""
    open_grader(name, mode)

    def score_answer(answer: str | None, entry: Entry) -> float:
        row = {"problem": entry["metadata"]["problem"], "answer": answer}
        (verdict,) = _rows.loads(open_grader(name, mode).grade(_rows.lines([row])))
        if "error" in verdict:
            raise ValueError(verdict["error"])
        return float(verdict["answer_correct"] if mode == "strict" else verdict["score"])

    return score_answer
