"""TRL's own trainer takes our verifier as its reward function."""

import pickle

import datasets
import metacot
import pytest
import torch
import transformers
import trl

PROBLEM = {"numbers": [3, 5, 9], "target": 24}


def test_completions_of_both_kinds_are_graded():
    reward = metacot.Reward("countdown")
    said = ["<answer>3*5+9</answer>", "I think \\boxed{9 + 3*5}", "24", "", "\0\ud800", "9**9**9**9"]
    wanted = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    columns = {"ground_truth": [PROBLEM] * 6, "id": list(range(6))}
    assert reward(prompts=["p"] * 6, completions=said, completion_ids=None, trainer_state=None, **columns) == wanted
    chats = [[{"role": "assistant", "content": text}] for text in said]
    prompts = [[{"role": "user", "content": "p"}]] * 6
    assert reward(prompts=prompts, completions=chats, **columns) == wanted
    parts = [[{"role": "assistant", "content": [{"type": "text", "text": text}]}] for text in said]
    assert reward(prompts=prompts, completions=parts, **columns) == wanted
    assert pickle.loads(pickle.dumps(reward))(prompts=prompts, completions=chats, **columns) == wanted


def test_problems_are_found_where_data_sets_have_them():
    text = '{"numbers":[3,5,9],"target":24}'
    entry = {"problem": PROBLEM}
    for columns in (
        {"ground_truth": [text]},
        {"ground_truth": [PROBLEM | {"rules": None}]},
        {"problem": ["24:[3, 5, 9]"]},
        {"label": [text]},
        {"metadata": [entry]},
        {"target": [24], "nums": [[3, 5, 9]]},
        {"target": [torch.tensor(24)], "numbers": [torch.tensor([3, 5, 9])]},
    ):
        assert metacot.Reward("countdown")(["p"], ["3*5+9"], **columns) == [1.0], columns
    assert metacot.Reward()(["p", "q"], ["3*5+9", "right"], env=["countdown", "maze"], problem=[PROBLEM, "size 2 1 start 0 0 goal 1 0"]) == [1.0, 1.0]
    with pytest.raises(ValueError, match="has no problem"):
        metacot.Reward("countdown")(["p"], ["3"])
    with pytest.raises(ValueError, match="not a problem of countdown"):
        metacot.Reward("countdown")(["p"], ["3"], problem=["three"])
    with pytest.raises(ValueError, match="no environment"):
        metacot.Reward()(["p"], ["3"], problem=[PROBLEM])


def test_rows_of_tinyzero_have_one_verdict_here_and_in_verl():
    import metacot.verl

    said, numbers, target = "<answer>(5/3)*9+9</answer>", [5, 3, 9, 9], 24
    verl = metacot.verl.compute_score("countdown", said, {"target": target, "numbers": numbers})["score"]
    for columns in ({"target": [target], "nums": [numbers]}, {"target": [target], "numbers": [numbers]}):
        assert metacot.Reward("countdown")(["p"], [said], **columns) == [verl] == [1.0]
        assert metacot.Reward("countdown", rules="sos")(["p"], [said], **columns) == [0.0]
    ours = {"target": target, "numbers": numbers}
    assert metacot.Reward("countdown")(["p"], [said], problem=[ours]) == [metacot.verl.compute_score("metacot/countdown", said, ours)["score"]] == [0.0]


def test_modes_give_the_numbers_of_peers():
    tinyzero = metacot.Reward("countdown", mode="compat-tinyzero")
    assert tinyzero.__name__ == "metacot_countdown_tinyzero"
    said = ["<answer>3*5+9</answer>", "<answer>3*5</answer>", "3*5+9", "<answer>3*5+9</answer>\nDone."]
    for prompt in ("User: ... Assistant: Let me solve this.\n<think>", "a chat prompt"):
        assert tinyzero([prompt] * 4, said, problem=[PROBLEM] * 4) == [1.0, 0.1, 0.0, 0.0]
    short = metacot.Reward("countdown", value=lambda verdict: verdict["answer_correct"] - 0.1 * len(verdict["plan"]))
    assert short(["p"], ["3*5+9"], problem=[PROBLEM]) == pytest.approx([0.8])


def tokenizer(tmp_path):
    """Bytes as tokens: all that a random model needs."""
    import tokenizers

    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<pad>", "<eos>", *alphabet])}
    plain = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    plain.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = tokenizers.decoders.ByteLevel()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>")
    made.chat_template = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    return made


@pytest.mark.parametrize("is_chat", [False, True])
def test_grpo_trains_two_steps_on_a_tiny_random_llama(tmp_path, is_chat):
    torch.manual_seed(0)
    words = tokenizer(tmp_path)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id, bos_token_id=words.eos_token_id,
    )
    entries = metacot.create_dataset("countdown", size=8, difficulty=3, format=None if is_chat else "sos")
    rows = [
        {"prompt": [{"role": "user", "content": entry["question"][:40]}] if is_chat else entry["question"], "problem": entry["metadata"]["problem"]}
        for entry in entries
    ]
    seen = []

    class Watched(metacot.Reward):
        def __call__(self, *arguments, **columns):
            numbers = super().__call__(*arguments, **columns)
            seen.append((len(columns["completions"]), numbers))
            return numbers

    trainer = trl.GRPOTrainer(
        model=transformers.LlamaForCausalLM(config),
        reward_funcs=[Watched("countdown"), metacot.Reward("countdown", mode="compat-tinyzero")],
        args=trl.GRPOConfig(
            output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=4, num_generations=4, max_completion_length=8, report_to="none",
            use_cpu=True, bf16=False, logging_steps=1, save_strategy="no", disable_tqdm=True,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=words,
    )
    result = trainer.train()
    assert result.global_step == 2 and len(seen) == 2
    assert all(count == 4 and all(number in (0.0, 1.0) for number in numbers) for count, numbers in seen)
    assert any("rewards/metacot_countdown/mean" in log for log in trainer.state.log_history), trainer.state.log_history
