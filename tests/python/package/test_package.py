"""The package as a package: typed, documented, and quick to refuse."""

import ast
import inspect
import pathlib
import subprocess
import sys
import threading
import time

import metacot
from metacot import _native

FOLDER = pathlib.Path(metacot.__file__).parent


def test_stubs_name_what_the_native_half_has():
    assert (FOLDER / "py.typed").exists()
    stub = ast.parse((FOLDER / "_native.pyi").read_text())
    for item in stub.body:
        if isinstance(item, ast.ClassDef):
            methods = {part.name for part in item.body if isinstance(part, ast.FunctionDef)} - {"__init__"}
            assert methods == {name for name in vars(getattr(_native, item.name)) if not name.startswith("__")}, item.name
    named = {item.name for item in stub.body if isinstance(item, (ast.ClassDef, ast.FunctionDef))}
    assert named == {name for name in dir(_native) if not name.startswith("__")}
    for item in (part for part in stub.body if isinstance(part, ast.FunctionDef)):
        assert [argument.arg for argument in item.args.args] == list(inspect.signature(getattr(_native, item.name)).parameters), item.name


def test_everything_public_is_documented_and_typed():
    for name in metacot.__all__:
        assert inspect.getdoc(getattr(metacot, name)), name
    assert metacot.__version__


def test_it_needs_no_other_package():
    command = [sys.executable, "-c", "import metacot, sys; print(*sys.modules)"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "pyarrow", "pandas", "datasets"} & set(loaded)


def test_long_calls_release_the_interpreter():
    ticks = []
    is_over = threading.Event()

    def tick():
        while not is_over.wait(0.001):
            ticks.append(time.perf_counter())

    ticking = threading.Thread(target=tick)
    ticking.start()
    row = {"problem": {"numbers": [3, 5, 9], "target": 24}, "answer": "3*5+9" + " " * 2_000_000}
    metacot.grade([row] * 20, threads=1)
    begin = time.perf_counter()
    _native.Grader("countdown").grade(b'{"problem":{"numbers":[3,5,9],"target":24},"answer":"3*5"}\n' * 200_000)
    end = time.perf_counter()
    is_over.set()
    ticking.join()
    assert sum(begin < moment < end for moment in ticks) > 3


def test_the_examples_of_the_documentation_run():
    import doctest

    from metacot import datasets

    assert doctest.testmod(datasets).failed == 0
