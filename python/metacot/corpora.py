"""Corpora: made, read record by record, and read as tables."""

import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from . import _native, _rows

if TYPE_CHECKING:
    import pyarrow


def generate(
    env: str = "countdown",
    search: str = "dfs",
    format: str = "sos",
    *,
    count: int,
    seed: int = 1,
    difficulty: object = None,
    split: str = "train",
    transform: str = "none",
    loss: str = "response",
    hold_out: Mapping[str, Any] | None = None,
    distinct: bool = False,
    expansions: int | None = None,
    settings: Mapping[str, Any] | None = None,
    threads: int | None = None,
    out: "str | os.PathLike[str] | None" = None,
    layout: str = "parquet",
    ground_truth: str | None = None,
    force: bool = False,
) -> Any:
    """Search traces, each replayed and audited: the records and the bytes of `metacot generate` with the same settings.

    Without `out`, an iterator of records; they are made on `threads` cores while it is read, and come in the same order on any number of them.
    With `out`, a folder in `layout` (parquet, jsonl, hf, trl, verl, ...), whose manifest is returned. `settings` go to the environment, the search,
    the format and the transform, whoever knows them.

    Raises ValueError for a name or setting that is not allowed, FileExistsError for a finished corpus in `out` unless `force`.
    """
    spec = {
        "env": env,
        "search": search,
        "format": format,
        "transform": transform,
        "loss": loss,
        "count": _natural("count", count),
        "seed": _natural("seed", seed),
        "difficulty": None if difficulty is None else str(difficulty),
        "split": split,
        "hold_out": _rows.pairs(hold_out),
        "distinct": distinct,
        "expansions": None if expansions is None else _natural("expansions", expansions),
        "settings": _rows.pairs(settings),
    }
    if out is None:
        return _each(_native.Records.generate(_rows.dumps(spec), _rows.threads(threads)))
    return json.loads(_native.generate(_rows.dumps(spec), os.fspath(out), layout, ground_truth, _rows.threads(threads), force))


def records(path: "str | os.PathLike[str]") -> Iterator[dict[str, Any]]:
    """The records of a corpus that holds whole records, or of a file of them, one after the other; files are checked against the manifest.

    Raises OSError or ValueError where it cannot be read or is not what its manifest says.
    """
    return _each(_native.Records.read(os.fspath(path)))


def read(path: "str | os.PathLike[str]") -> "pyarrow.Table":
    """A corpus of any layout but tokens as a table, all of it in memory; `read(path).to_pandas()` is a data frame. Needs pyarrow.

    The columns are those of the layout. The problem of a whole record is a string of JSON.

    Raises OSError or ValueError where it cannot be read or is not what its manifest says.
    """
    import pyarrow

    path = pathlib.Path(path)
    if not path.is_dir():
        return _as_parquet(path)
    manifest_path = path / "manifest.json"
    if not manifest_path.exists():
        raise ValueError(f"{path}: no manifest.json: not a finished corpus")
    manifest = json.loads(manifest_path.read_text())
    layout, files = manifest["layout"], manifest["files"]
    if layout == "tokens":
        raise ValueError(f"{path}: layout `tokens` holds no rows; read the corpus that it was made from")
    is_parquet = bool(files) and all(file["name"].endswith(".parquet") for file in files)
    if not is_parquet and (layout == "shard" or layout.startswith("jsonl")):
        return _as_parquet(path)
    tables = [_table(_checked(path, file)) for file in files]
    return pyarrow.concat_tables(tables, promote_options="permissive")


def _natural(name: str, value: int) -> int:
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{name} = {value} is not allowed; expected 0 to 2**64 - 1")
    return int(value)


def _each(source: _native.Records) -> Iterator[dict[str, Any]]:
    try:
        while (piece := source.piece()) is not None:
            yield from _rows.loads(piece)
    finally:
        source.close()


def _as_parquet(path: pathlib.Path) -> "pyarrow.Table":
    import pyarrow

    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "corpus"
        _native.to_parquet(str(path), str(out))
        files = json.loads((out / "manifest.json").read_text())["files"]
        return pyarrow.concat_tables([_table(out / file["name"]) for file in files], promote_options="permissive")


def _checked(folder: pathlib.Path, file: Mapping[str, Any]) -> pathlib.Path:
    path = folder / file["name"]
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while chunk := data.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != file["sha256"]:
        raise ValueError(f"{path}: damaged: its SHA-256 is not that of the manifest")
    return path


def _table(path: pathlib.Path) -> "pyarrow.Table":
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path, memory_map=False)
    import pyarrow
    import pyarrow.json

    with pyarrow.input_stream(str(path), compression="detect") as data:
        return pyarrow.json.read_json(data)
