"""The reward function of verl: `reward.custom_reward_function.path` is this file, `reward.custom_reward_function.name` is `compute_score`.

`python -c "import metacot.verl; print(metacot.verl.__file__)"` says where it is. verl loads the file by itself, so its imports are absolute.
"""

from collections.abc import Mapping
from typing import Any

from metacot import _rows
from metacot.grading import open_grader
from metacot.rewards import seen_by_peer

PREFIX = "metacot/"


def compute_score(data_source: str, solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Scores a response: `score` and `acc` are 1.0 for one that solves, else 0.0; `pred` is its plan, for majority votes.

    `data_source` is `metacot/ENV`, as our layout `verl` writes it, or `countdown` with TinyZero's `target` and `numbers`, where fractions on the
    way are allowed. `ground_truth` is the problem, as an object or its JSON. `settings` are those of `metacot.grade`: `mode`, `extract`, `format`.
    No response makes it fail or wait; a `ground_truth` that is no problem raises ValueError.
    """
    env = (extra_info or {}).get("env") or data_source.removeprefix(PREFIX)
    problem = _rows.problem_of(ground_truth)
    if isinstance(problem, dict) and not data_source.startswith(PREFIX) and env == "countdown":
        problem = {"rules": _rows.FOREIGN_RULES} | problem
    mode = settings.get("mode", "strict")
    row = {"problem": problem, "response": seen_by_peer(mode, "", solution_str)}
    (verdict,) = _rows.loads(open_grader(env, **settings).grade(_rows.lines([row])))
    if "error" in verdict:
        raise ValueError(f"{data_source}: {verdict['error']}")
    acc = float(verdict["answer_correct"])
    return {"score": acc if mode == "strict" else verdict["score"], "acc": acc, "pred": "; ".join(verdict["plan"])}
