"""Verifiers as reward functions with the signature that TRL's GRPO and RLOO trainers call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import _rows
from .grading import open_grader

#: Columns that hold a whole problem, the first found counts.
PROBLEM_COLUMNS = ("ground_truth", "problem", "label")
MARKS = ("Assistant:", "<|im_start|>assistant")


def text_of(completion: Any) -> str:
    """The text of a completion: itself, or what the assistant says last in a list of messages."""
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence):
        raise TypeError(f"a completion of type {type(completion).__name__} is not allowed; expected text or a list of messages")
    said = [message for message in completion if message.get("role", "assistant") == "assistant"]
    content = said[-1].get("content") if said else None
    if isinstance(content, str) or content is None:
        return content or ""
    return "".join(part.get("text") or "" for part in content)


def seen_by_peer(mode: str, prompt: str, completion: str) -> str:
    """What a peer that looks for the assistant's mark has to be shown; completions come without it."""
    if mode != "compat-tinyzero" or any(mark in completion for mark in MARKS):
        return completion
    return prompt + completion if any(mark in prompt for mark in MARKS) else f"{MARKS[0]} {completion}"


class Reward:
    """A verifier as a reward function: `Reward("countdown")(prompts, completions, ground_truth=[...])` gives one number a completion.

    The problem of a completion is in the column `ground_truth` (an object or its JSON, as our layouts `trl` and `verl` have it), `problem` or `label`,
    in an entry's `metadata`, or, for countdown, in the columns `target` and `nums` or `numbers`, which are TinyZero's: there fractions on the way are
    allowed (rules `rational`), as they are for `metacot.verl.compute_score` with `data_source="countdown"`; `rules` says otherwise. The environment is
    `env`, or that of the column `env`. A right answer is worth 1, any other 0; in a `mode` such as compat-tinyzero, what that peer would give. `format` audits completions as
    traces of that format instead of looking for their final answer. `value` turns a verdict row into a number and replaces all of this.

    No completion makes it fail or wait; a problem that is missing or malformed raises ValueError. It pickles if `value` does.
    """

    def __init__(
        self,
        env: str | None = None,
        *,
        mode: str = "strict",
        extract: str = "auto",
        format: str | None = None,
        difficulty: object = None,
        settings: Mapping[str, Any] | None = None,
        rules: str | None = None,
        value: Callable[[dict[str, Any]], float] | None = None,
        threads: int | None = None,
        name: str | None = None,
    ) -> None:
        self.env = env
        self.mode = mode
        self.options = {"extract": extract, "format": format, "difficulty": difficulty, "settings": dict(settings or {})}
        self.rules = rules
        self.value = value
        self.threads = _rows.threads(threads)
        #: What trainers log it as.
        self.__name__ = name or "_".join(filter(None, ["metacot", env, None if mode == "strict" else mode.removeprefix("compat-")])).replace("-", "_")
        if env is not None:
            open_grader(env, mode, **self.options)

    def __call__(self, prompts: Sequence[Any] | None = None, completions: Sequence[Any] = (), **columns: Any) -> list[float]:
        verdicts = self.verdicts(prompts, completions, **columns)
        return [self._number(verdict) for verdict in verdicts]

    def verdicts(self, prompts: Sequence[Any] | None = None, completions: Sequence[Any] = (), **columns: Any) -> list[dict[str, Any]]:
        """The verdict rows behind the numbers."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for index, completion in enumerate(completions):
            env = self.env if self.env is not None else self._cell(columns, "env", index)
            if env is None:
                raise ValueError("no environment: give Reward(env) or a column `env`")
            prompt = prompts[index] if prompts is not None and isinstance(prompts[index], str) else ""
            response = seen_by_peer(self.mode, prompt, text_of(completion))
            rows.setdefault(str(env), []).append({"id": index, "problem": self._problem(columns, index), "response": response})
        verdicts: list[dict[str, Any]] = [{}] * len(completions)
        for env, part in rows.items():
            graded = open_grader(env, self.mode, **self.options).grade(_rows.lines(part), min(self.threads, 1 + len(part) // 256))
            for verdict in _rows.loads(graded):
                if "error" in verdict:
                    raise ValueError(f"row {verdict['id']}: {verdict['error']}")
                verdicts[verdict["id"]] = verdict
        return verdicts

    def _number(self, verdict: dict[str, Any]) -> float:
        if self.value is not None:
            return float(self.value(verdict))
        return float(verdict["answer_correct"] if self.mode == "strict" else verdict["score"])

    @staticmethod
    def _cell(columns: Mapping[str, Any], name: str, index: int) -> Any:
        return columns[name][index] if columns.get(name) is not None else None

    def _problem(self, columns: Mapping[str, Any], index: int) -> Any:
        found = next((cell for name in PROBLEM_COLUMNS if (cell := self._cell(columns, name, index)) is not None), None)
        metadata = self._cell(columns, "metadata", index)
        if found is None and metadata is not None:
            found = _rows.problem_of(metadata)["problem"]
        target = self._cell(columns, "target", index)
        if found is None and target is not None:
            numbers = next((cell for name in ("nums", "numbers") if (cell := self._cell(columns, name, index)) is not None), None)
            found = {"rules": _rows.FOREIGN_RULES, "numbers": numbers, "target": target}
        if found is None:
            raise ValueError(f"row {index} has no problem: expected a column {', '.join(PROBLEM_COLUMNS)}, metadata, or target and nums; got {', '.join(columns)}")
        problem = _rows.problem_of(found)
        return problem | {"rules": self.rules} if self.rules is not None and isinstance(problem, dict) else problem
