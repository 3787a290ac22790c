"""verl's reward function, and, where verl is installed, its own data set, loader and reward manager."""

import json

import metacot
import metacot.verl
import numpy
import pytest

TRUTH = {"numbers": [3, 5, 9], "target": 24}


def test_scores_are_numbers_with_what_verl_looks_for():
    compute_score = metacot.verl.compute_score
    right = compute_score("metacot/countdown", "so <answer>3*5+9</answer>", TRUTH)
    assert right == {"score": 1.0, "acc": 1.0, "pred": "3*5=15; 15+9=24"}
    for truth in (json.dumps(TRUTH), {"numbers": numpy.array([3, 5, 9]), "target": numpy.int64(24), "rules": None}):
        assert compute_score(data_source="metacot/countdown", solution_str="3*5+9", ground_truth=truth, extra_info=None)["score"] == 1.0
    for said in ("", "24", "\0\ud800", "9**9**9**9", "(" * 100_000):
        assert compute_score("metacot/countdown", said, TRUTH, {"index": 1})["score"] == 0.0
    # TinyZero's rows allow fractions on the way, ours do not.
    fraction = {"numbers": [3, 3, 8, 8], "target": 24}
    assert compute_score("countdown", "<answer>8/(3-8/3)</answer>", fraction)["score"] == 1.0
    assert compute_score("metacot/countdown", "<answer>8/(3-8/3)</answer>", fraction)["score"] == 0.0
    assert compute_score("countdown", "<answer>3*5</answer>", TRUTH, mode="compat-tinyzero") == {"score": 0.1, "acc": 0.0, "pred": "3*5=15"}
    with pytest.raises(ValueError, match="metacot/countdown"):
        compute_score("metacot/countdown", "3", {"numbers": []})


def test_verl_reads_our_rows_and_calls_our_function(tmp_path):
    verl = pytest.importorskip("verl")
    import torch
    from omegaconf import OmegaConf
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn
    from verl.workers.reward_manager import get_reward_manager_cls

    from test_trl import tokenizer

    metacot.generate("countdown", "dfs", "sos", count=6, difficulty=3, out=tmp_path / "rows", layout="verl")
    records = list(metacot.generate("countdown", "dfs", "sos", count=6, difficulty=3))
    (file,) = (tmp_path / "rows").glob("*.parquet")
    words = tokenizer(tmp_path)
    config = OmegaConf.create({"max_prompt_length": 256, "cache_dir": str(tmp_path), "filter_overlong_prompts": False})
    rows = RLHFDataset(data_files=[str(file)], tokenizer=words, config=config)
    assert len(rows) == 6
    batch = collate_fn([rows[index] for index in range(6)])
    for index in range(6):
        assert batch["data_source"][index] == "metacot/countdown"
        assert {name: list(part) if name == "numbers" else part for name, part in batch["reward_model"][index]["ground_truth"].items()} == records[index]["problem"]

    settings = {"reward": {"custom_reward_function": {"path": metacot.verl.__file__, "name": "compute_score", "reward_kwargs": {}}}}
    compute_score = get_custom_reward_fn(OmegaConf.create(settings))
    manager = get_reward_manager_cls("naive")(tokenizer=words, num_examine=0, compute_score=compute_score)
    said = [metacot_answer(record) if index % 2 == 0 else "24" for index, record in enumerate(records)]
    padded = words(said, padding=True, padding_side="right", return_tensors="pt")
    prompts = words(["p"] * 6, return_tensors="pt")
    data = verl.DataProto.from_dict(
        tensors={
            "prompts": prompts["input_ids"],
            "responses": padded["input_ids"],
            "attention_mask": torch.cat([prompts["attention_mask"], padded["attention_mask"]], dim=1),
        },
        non_tensors={name: batch[name] for name in ("data_source", "reward_model", "extra_info")},
    )
    found = manager(data, return_dict=True)
    assert found["reward_tensor"].sum(dim=1).tolist() == [1.0, 0.0] * 3
    assert found["reward_extra_info"]["acc"] == [1.0, 0.0] * 3


def metacot_answer(record):
    return f"<answer>{'; '.join(record['plan'])}</answer>"
