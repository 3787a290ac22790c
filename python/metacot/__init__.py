"""Verifiable search problems, exact verifiers and search-trace corpora.

Problems come as data sets with random access (`create_dataset`), verifiers as reward functions (`Reward` for TRL, `metacot.verl` for
verl) and as rows (`grade`, `audit`), corpora as iterators, folders and tables (`generate`, `records`, `read`).
"""

from importlib.metadata import version as _version

from .corpora import generate, read, records
from .datasets import Dataset, Entry, create_dataset, environments, get_score_answer_fn
from .grading import audit, audit_totals, grade
from .rewards import Reward

__all__ = [
    "Dataset",
    "Entry",
    "Reward",
    "audit",
    "audit_totals",
    "create_dataset",
    "environments",
    "generate",
    "get_score_answer_fn",
    "grade",
    "read",
    "records",
]
__version__ = _version("metacot")
