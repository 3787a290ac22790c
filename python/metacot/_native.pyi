"""The native half: JSON in and out. What it offers is documented in the modules that use it."""

from typing import final

def environments() -> list[str]: ...
def audit(
    rows: bytes,
    env: str | None = None,
    format: str | None = None,
    difficulty: str | None = None,
    settings: list[tuple[str, str]] = ...,
    transform: str | None = None,
    threads: int = 1,
) -> tuple[bytes, str]: ...
def generate(
    spec: str, out: str, layout: str = "parquet", ground_truth: str | None = None, threads: int = 1, force: bool = False
) -> str: ...
def to_parquet(path: str, out: str) -> None: ...
@final
class Grader:
    def __init__(
        self,
        env: str,
        mode: str = "strict",
        extract: str = "auto",
        format: str | None = None,
        difficulty: str | None = None,
        settings: list[tuple[str, str]] = ...,
        grader: str | None = None,
        oracle: bool = False,
    ) -> None: ...
    def grade(self, rows: bytes, threads: int = 1) -> bytes: ...

@final
class Items:
    def __init__(
        self,
        env: str,
        difficulty: str | None = None,
        settings: list[tuple[str, str]] = ...,
        split: str = "train",
        seed: int = 1,
        prompt: str | None = None,
        expansions: int = 100_000,
    ) -> None: ...
    def item(self, index: int) -> str: ...

@final
class Records:
    @staticmethod
    def generate(spec: str, threads: int) -> Records: ...
    @staticmethod
    def read(path: str) -> Records: ...
    def piece(self) -> bytes | None: ...
    def close(self) -> None: ...
