"""reasoning-gym itself, side by side: its items with our scores, our items with its scores."""

import json
import random

import metacot
import pytest
import reasoning_gym

COMPAT = "compat-reasoning-gym"


def tampered(answer, rng):
    """An answer with one character gone, doubled or replaced."""
    if not answer:
        return answer
    place = rng.randrange(len(answer))
    sign = rng.choice("0123456789+-*/() .")
    return rng.choice([answer[:place] + answer[place + 1 :], answer[:place] + answer[place] + answer[place:], answer[:place] + sign + answer[place + 1 :]])


def grade(env, problem, answers):
    return [row["score"] for row in metacot.grade(({"problem": problem, "answer": answer} for answer in answers), env, mode=COMPAT, threads=1)]


def test_the_call_shape_is_theirs():
    theirs, ours = reasoning_gym.create_dataset("countdown", size=4, seed=3), metacot.create_dataset("countdown", size=4, seed=3)
    for data in (theirs, ours):
        assert len(data) == 4
        entry = data[2]
        assert set(entry) == {"question", "answer", "metadata"}
        assert isinstance(entry["question"], str) and isinstance(entry["answer"], str)
        assert {"source_dataset", "source_index", "difficulty"} <= set(entry["metadata"])
        assert data.score_answer(entry["answer"], entry) == 1.0
        assert 0.0 <= data.score_answer("no", entry) < 1.0
        assert len(list(iter(data))) == 4


def test_countdown_scores_are_equal_on_their_items():
    rng = random.Random(1)
    data = reasoning_gym.create_dataset("countdown", size=60, seed=11)
    compared = 0
    for entry in data:
        problem = {"numbers": entry["metadata"]["numbers"], "target": entry["metadata"]["target"], "rules": "rational"}
        fixed = [entry["answer"], f" {entry['answer']} ", str(problem["target"]), "", "no", "1+", f"({entry['answer']})", f"{entry['answer']} = {problem['target']}"]
        answers = fixed + [tampered(entry["answer"], rng) for _ in range(12)]
        # What hangs theirs, or runs as code there, is not handed to it.
        answers = [answer for answer in answers if "**" not in answer]
        assert grade("countdown", problem, answers) == [data.score_answer(answer, entry) for answer in answers], (problem, answers)
        compared += len(answers)
    assert compared > 900


def test_puzzle24_scores_are_equal_on_their_items():
    rng = random.Random(2)
    data = reasoning_gym.create_dataset("puzzle24", size=15, seed=5)
    for entry in data:
        problem = {"numbers": entry["metadata"]["numbers"], "target": 24, "rules": "rational"}
        solution = next(iter(metacot.create_dataset("game24", size=1)))["answer"]
        answers = [solution, "24", "", "3*8", "1+2+3+4", "4*6*1*1"] + [tampered(solution, rng) for _ in range(10)]
        answers = [answer for answer in answers if "**" not in answer]
        assert grade("game24", problem, answers) == [data.score_answer(answer, entry) for answer in answers], answers


def test_shortest_path_scores_are_equal_on_their_items():
    rng = random.Random(3)
    data = reasoning_gym.create_dataset("shortest_path", size=80, seed=9)
    for entry in data:
        rows = entry["metadata"]["matrix"]
        cells = {mark: [[x, y] for y, row in enumerate(rows) for x, cell in enumerate(row) if cell == mark] for mark in "*#X"}
        problem = {"width": len(rows[0]), "height": len(rows), "walls": cells["X"], "start": cells["*"][0], "goal": cells["#"][0]}
        words = entry["answer"].split()
        answers = [entry["answer"], "infeasible", "", entry["answer"].upper(), ", ".join(words), " ".join(words + ["up", "down"]), "left right " + entry["answer"]]
        answers += [" ".join(rng.choices(["up", "down", "left", "right"], k=rng.randrange(1, 9))) for _ in range(10)]
        assert grade("maze", problem, answers) == [data.score_answer(answer, entry) for answer in answers], (problem, answers)


def test_sokoban_scores_are_equal_on_their_items():
    rng = random.Random(4)
    data = reasoning_gym.create_dataset("sokoban", size=8, seed=2, min_w=6, max_w=8, min_h=6, max_h=8)
    compared = 0
    marks = str.maketrans({"+": "#", "-": " ", "*": "@", "%": "+", "@": "$", "X": ".", "$": "*"})
    for entry in data:
        rows = [row.replace(" ", "").translate(marks) for row in entry["metadata"]["gamestr"].strip().splitlines()]
        if sum(row.count("$") + row.count("*") for row in rows) > 6:
            continue  # more boxes than our worlds have
        compared += 1
        answers = [entry["answer"], "", "so: " + entry["answer"], entry["answer"][:-1]] + ["".join(rng.choices("UDLR", k=20)) for _ in range(8)]
        assert grade("sokoban", {"rows": rows}, answers) == [data.score_answer(answer, entry) for answer in answers]
    assert compared >= 3


def test_their_scorers_take_our_answers():
    ours = metacot.create_dataset("countdown", size=40, seed=8, rules="rational")
    score = reasoning_gym.get_score_answer_fn("countdown")
    for entry in ours:
        theirs = {"question": entry["question"], "answer": None, "metadata": entry["metadata"]["problem"] | {"source_dataset": "countdown"}}
        assert score(entry["answer"], theirs) == 1.0
        assert score(entry["answer"] + "+1", theirs) < 1.0 and ours.score_answer(entry["answer"] + "+1", entry) == 0.0


@pytest.mark.parametrize("task", ["countdown", "puzzle24", "shortest_path", "sokoban", "chain_sum", "sudoku", "mini_sudoku"])
def test_their_entries_have_the_fields_that_the_importer_reads(task):
    """The names are those of `layouts/src/importer/reasoning_gym.rs`."""
    fields = {
        "countdown": ["numbers", "target"],
        "puzzle24": ["numbers"],
        "shortest_path": ["matrix"],
        "sokoban": ["gamestr"],
        "chain_sum": ["expression"],
        "sudoku": ["puzzle"],
        "mini_sudoku": ["puzzle"],
    }[task]
    entry = reasoning_gym.create_dataset(task, size=1, seed=1)[0]
    json.dumps(entry)
    assert entry["metadata"]["source_dataset"] == task and all(field in entry["metadata"] for field in fields), entry["metadata"]
