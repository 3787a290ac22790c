"""Environments as data sets."""

import pickle
import time

import metacot
import pytest


@pytest.mark.parametrize("name", metacot.environments())
def test_items_are_solved_by_their_answers_and_by_nothing_else(name):
    data = metacot.create_dataset(name, size=20, seed=7)
    assert len(data) == 20
    entries = list(data)
    assert [data[index] for index in range(20)] == entries
    assert data[-1] == entries[19] and data[3:5] == entries[3:5]
    for index, entry in enumerate(entries):
        assert set(entry) == {"question", "answer", "metadata"}
        assert {"source_dataset", "source_index", "difficulty", "problem"} <= set(entry["metadata"])
        assert (entry["metadata"]["source_dataset"], entry["metadata"]["source_index"]) == (name, index)
        assert entry["question"] and entry["answer"]
        assert data.score_answer(entry["answer"], entry) == 1.0, entry
        for wrong in (None, "", "\0", "9**9**9**9", "I do not know", "\ud800", "(" * 100_000):
            assert data.score_answer(wrong, entry) == 0.0
    assert metacot.get_score_answer_fn(name)(entries[0]["answer"], entries[0]) == 1.0
    with pytest.raises(IndexError):
        data[20]


def test_items_depend_on_seed_and_index_alone():
    few, many = metacot.create_dataset("countdown", size=5, seed=42), metacot.create_dataset("countdown", size=500, seed=42)
    assert list(few) == many[:5]
    other = metacot.create_dataset("countdown", size=500, seed=43)
    questions = {entry["question"] for entry in many}
    assert sum(entry["question"] in questions for entry in other) <= 5
    assert pickle.loads(pickle.dumps(many))[17] == many[17]


def test_settings_reach_the_environment_and_wrong_ones_are_refused():
    data = metacot.create_dataset("countdown", size=3, difficulty=3, rules="rational", split="test", format="sos")
    assert data[0]["question"].startswith("Current State: ")
    assert data[0]["metadata"]["problem"]["rules"] == "rational"
    for name, settings in [
        ("chess", {}),
        ("countdown", {"colour": "red"}),
        ("countdown", {"rules": "mine"}),
        ("countdown", {"difficulty": 99}),
        ("countdown", {"split": "none"}),
        ("countdown", {"format": "none"}),
        ("countdown", {"mode": "compat-none"}),
        ("maze", {"mode": "compat-tinyzero"}),
        ("countdown", {"size": -1}),
        ("countdown", {"seed": -1}),
    ]:
        with pytest.raises(ValueError, match="allowed|expected|it scores"):
            metacot.create_dataset(name, **settings)


def test_hostile_answers_get_their_verdict_at_once():
    data = metacot.create_dataset("countdown", size=1, difficulty=4)
    entry = data[0]
    for answer in ("9**" * 300_000 + "9", "(" * 500_000, "x" * 1_000_000, "\0" * 1_000_000, "é" * 500_000, "__import__('os').system('true')"):
        begin = time.perf_counter()
        assert data.score_answer(answer, entry) == 0.0
        assert time.perf_counter() - begin < 2.0
