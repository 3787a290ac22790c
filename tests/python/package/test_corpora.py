"""Corpora made, read and graded."""

import itertools
import json
import threading

import datasets
import metacot
import pyarrow
import pytest

OPTIONS = {"env": "countdown", "search": "dfs", "format": "sos", "difficulty": 3, "seed": 5}


def test_records_are_the_same_as_an_iterator_on_any_number_of_threads_and_as_a_folder(tmp_path):
    one = list(metacot.generate(**OPTIONS, count=300, threads=1))
    assert len(one) == 300 and one == list(metacot.generate(**OPTIONS, count=300, threads=3))
    for layout in ("jsonl", "shard", "parquet", "hf", "jsonl.zst"):
        manifest = metacot.generate(**OPTIONS, count=300, out=tmp_path / layout, layout=layout)
        assert manifest["counts"]["records"] == 300
        assert list(metacot.records(tmp_path / layout)) == one, layout
    with pytest.raises(FileExistsError, match="force=True"):
        metacot.generate(**OPTIONS, count=3, out=tmp_path / "jsonl", layout="jsonl")
    metacot.generate(**OPTIONS, count=3, out=tmp_path / "jsonl", layout="jsonl", force=True)


def test_an_iterator_that_is_left_ends_its_work():
    before = threading.active_count()
    first = list(itertools.islice(metacot.generate(**OPTIONS, count=10_000_000), 3))
    assert [record["id"] for record in first] == [0, 1, 2]
    assert threading.active_count() == before


def test_tables_have_the_rows_of_every_layout(tmp_path):
    records = list(metacot.generate(**OPTIONS, count=60))
    for layout in ("parquet", "jsonl", "jsonl.gz", "shard", "hf", "trl", "verl", "messages.jsonl.zst", "openai-rft"):
        metacot.generate(**OPTIONS, count=60, out=tmp_path / layout, layout=layout)
        table = metacot.read(tmp_path / layout)
        assert isinstance(table, pyarrow.Table) and table.num_rows == 60, layout
        if "text" in table.column_names:
            assert table.column("text").to_pylist() == [record["text"] for record in records]
            assert [json.loads(problem) for problem in table.column("problem").to_pylist()] == [record["problem"] for record in records]
    assert metacot.read(tmp_path / "parquet").to_pandas()["cost"].max() >= 2
    # The same rows as `datasets` finds.
    loaded = datasets.load_dataset(str(tmp_path / "verl"), split="train")
    assert loaded.to_list() == metacot.read(tmp_path / "verl").to_pylist()


def test_damage_is_told(tmp_path):
    metacot.generate(**OPTIONS, count=60, out=tmp_path / "a")
    (file,) = (tmp_path / "a").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:-9])
    for read in (metacot.read, lambda path: list(metacot.records(path))):
        with pytest.raises(ValueError, match="manifest|damaged|bytes"):
            read(tmp_path / "a")
        with pytest.raises((OSError, ValueError)):
            read(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no rows"):
        metacot.generate(**OPTIONS, count=3, out=tmp_path / "tokens", layout="tokens")
        metacot.read(tmp_path / "tokens")


def test_wrong_settings_are_refused_before_any_work(tmp_path):
    for options in ({"env": "chess"}, {"search": "magic"}, {"format": "latin"}, {"difficulty": "big"}, {"split": "no"}, {"settings": {"x": 1}}, {"seed": -1}, {"threads": 0}):
        with pytest.raises(ValueError, match="allowed|expected|unknown"):
            metacot.generate(**{**OPTIONS, "count": 3, **options})
    with pytest.raises(ValueError, match="unknown layout"):
        metacot.generate(**OPTIONS, count=3, out=tmp_path / "x", layout="csv")


def test_rows_are_graded_and_traces_audited():
    problem = {"numbers": [3, 5, 9], "target": 24}
    rows = [{"id": 1, "problem": problem, "answer": "3*5+9"}, {"id": 2, "problem": "24:[3, 5, 9]", "response": "so <answer>3*9</answer>"}, {"id": 3}]
    right, wrong, error = metacot.grade(rows)
    assert right["answer_correct"] and right["plan"] == ["3*5=15", "15+9=24"]
    assert not wrong["answer_correct"] and "error" in error
    (scored,) = metacot.grade(rows[:1], grader={"type": "program"})
    assert scored["score"] == 1.0
    records = list(metacot.generate(**OPTIONS, count=50))
    assert all(row["clean"] for row in metacot.audit(records))
    records[7]["text"] = records[7]["text"].replace("=", "=1", 1)
    totals = metacot.audit_totals(records)
    assert (totals["rows"], totals["clean"], totals["errors"]) == (50, 49, 0)
    with pytest.raises(ValueError):
        metacot.audit(records, env="chess")
