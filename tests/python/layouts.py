"""Reads corpora with the packages that people use, and writes files of theirs for us to read.

Usage: python layouts.py FOLDER

FOLDER/records.jsonl holds the records; FOLDER/LAYOUT the corpus in each layout. Prints one JSON object: what each reader found, compared
here with the records. Leaves FOLDER/foreign/*.parquet, written by pyarrow, pandas and polars, with the expected rows beside each.
"""

import json
import os
import pathlib
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", HF_HOME=tempfile.mkdtemp())

import datasets  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402
import polars  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.parquet  # noqa: E402

datasets.disable_progress_bars()
COLUMNS = "id env search format transform split canonical_key text prompt_len plan cost stop expanded generated loss_spans".split()


def whole(row):
    problem = row["problem"]
    problem = json.loads(problem) if isinstance(problem, str) else problem
    return {name: row[name] for name in COLUMNS} | {"problem": {k: v for k, v in problem.items() if v is not None}}


def halves(record):
    length = record["prompt_len"]
    raw = record["text"].encode()
    return raw[:length].decode(), raw[length:].decode()


def expected(name, record):
    prompt, completion = halves(record)
    user = [{"role": "user", "content": prompt}]
    env, truth = record["env"], record["problem"]
    common = {"env": env, "format": record["format"], "id": record["id"]}
    return {
        "text": {"text": record["text"]},
        "prompt-completion": {"prompt": prompt, "completion": completion},
        "messages": {"messages": user + [{"role": "assistant", "content": completion}]},
        "trl": {"prompt": prompt, "ground_truth": truth, **common},
        "verl": {
            "data_source": f"metacot/{env}",
            "prompt": user,
            "ability": "search",
            "reward_model": {"style": "rule", "ground_truth": truth},
            "extra_info": {
                "split": record["split"],
                "index": record["id"],
                "env": env,
                "format": record["format"],
                "transform": record["transform"],
                "problem": truth,
            },
        },
        "open-instruct": {"messages": user, "ground_truth": truth, "dataset": f"metacot_{env}"},
        "openrlhf": {"input": prompt, "label": truth, "datasource": f"metacot/{env}"},
        "openai-rft": {
            "messages": user,
            "ground_truth": truth,
            "reference_answer": None if record["plan"] is None else "; ".join(record["plan"]),
            **common,
        },
    }[name]


def plain(value):
    """JSON strings as what they say, so that both ways to write a ground truth compare equal."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value.startswith('{"'):
        return json.loads(value)
    return value


def data_files(folder):
    return [folder / file["name"] for file in json.loads((folder / "manifest.json").read_text())["files"]]


def check_data_sets(root, records):
    found = {}
    for folder in sorted(root.iterdir()):
        if not (folder / "README.md").exists() or folder.name == "tokens":
            continue
        shape, rows = folder.name.split(".")[0], {}
        for config in datasets.get_dataset_config_names(str(folder)):
            for split in datasets.get_dataset_split_names(str(folder), config):
                loaded = datasets.load_dataset(str(folder), config, split=split)
                # The card states as many rows as there are: it was read, not ignored.
                assert loaded.info.splits[split].num_examples == len(loaded), (folder, loaded.info.splits)
                streamed = list(datasets.load_dataset(str(folder), config, split=split, streaming=True))
                assert plain(streamed) == plain(loaded.to_list()), folder
                rows[config, split] = loaded.to_list()
        is_whole = shape in ("jsonl", "parquet", "hf")
        wanted = {}
        for record in records:
            config = f"{record['env']}-{record['format']}" if shape == "hf" else "default"
            wanted.setdefault((config, record["split"].replace("-", "_")), []).append(record if is_whole else expected(shape, record))
        got = {key: [whole(row) if is_whole else plain(row) for row in part] for key, part in rows.items()}
        assert got == wanted, folder
        found[folder.name] = sum(map(len, rows.values()))
    return found


def check_tables(root, records):
    (path,) = [path for path in data_files(root / "parquet") if "train" in path.name]
    train = [record for record in records if record["split"] == "train"]
    by_reader = {
        "pyarrow": pyarrow.parquet.read_table(path).to_pylist(),
        "polars": polars.read_parquet(path).to_dicts(),
        "pandas": json.loads(pandas.read_parquet(path, dtype_backend="pyarrow").to_json(orient="records")),
    }
    for reader, rows in by_reader.items():
        assert [whole(row) for row in rows] == train, reader
    return {reader: len(rows) for reader, rows in by_reader.items()}


def check_tokens(folder, records):
    """Reads as llm.c and nanoGPT do: header of 256 integers, then a flat array."""
    documents = []
    names = data_files(folder)
    for path in [path for path in names if path.suffix == ".bin"]:
        header = numpy.fromfile(path, dtype="<i4", count=256)
        assert header[0] == 20240520 and header[1] == 1
        tokens = numpy.memmap(path, dtype="<u2", mode="r", offset=1024)
        assert len(tokens) == header[2]
        starts = numpy.fromfile(path.with_suffix(".idx"), dtype="<u8")
        for start, end in zip(starts[:-1], starts[1:]):
            document = tokens[start:end]
            assert document[-1] == 256
            documents.append(bytes(document[:-1].astype(numpy.uint8)).decode())
    assert sorted(documents) == sorted(record["text"] for record in records)
    return len(documents)


def write_foreign(folder):
    folder.mkdir()
    rows = [{"target": 10 + index, "nums": list(range(1, 4 + index % 2))} for index in range(1000)]
    table = pyarrow.Table.from_pylist(rows)
    frame = pandas.DataFrame(rows)
    pyarrow.parquet.write_table(table, folder / "snappy.parquet", compression="snappy", row_group_size=300)
    pyarrow.parquet.write_table(table, folder / "zstd-v2.parquet", compression="zstd", data_page_version="2.0")
    pyarrow.parquet.write_table(table, folder / "gzip-plain.parquet", compression="gzip", use_dictionary=False)
    pyarrow.parquet.write_table(table, folder / "two-levels.parquet", compression="none", use_compliant_nested_type=False)
    frame.to_parquet(folder / "pandas.parquet")
    polars.DataFrame(rows).write_parquet(folder / "polars.parquet", compression="zstd")
    datasets.Dataset.from_list(rows).to_parquet(folder / "datasets.parquet")
    return sorted(path.name for path in folder.glob("*.parquet"))


def main():
    root = pathlib.Path(sys.argv[1])
    records = [json.loads(line) for line in (root / "records.jsonl").read_text().splitlines()]
    layouts = root / "layouts"
    report = {
        "data_sets": check_data_sets(layouts, records),
        "tables": check_tables(layouts, records),
        "tokens": check_tokens(layouts / "tokens", records),
        "foreign": write_foreign(root / "foreign"),
        "versions": {package.__name__: package.__version__ for package in (datasets, pyarrow, polars, pandas)},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
