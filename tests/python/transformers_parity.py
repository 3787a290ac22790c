"""Loads an exported folder with transformers and compares it with the cases beside it.

Usage: python transformers_parity.py FOLDER

FOLDER/cases.json holds sequences with logits, prompts with greedy completions, and texts with ids. Prints one JSON object with what
was found, and leaves the model in FOLDER/resaved as transformers itself writes it (in shards), to be imported back.
"""

import json
import pathlib
import sys

import torch
import transformers


def logit_difference(model, sequences):
    largest = 0.0
    for case in sequences:
        found = model(torch.tensor([case["tokens"]])).logits[0]
        expected = torch.tensor(case["logits"]).view_as(found)
        largest = max(largest, (found - expected).abs().max().item())
    return largest


def identical_generations(model, cases, max_new_tokens):
    identical = 0
    for case in cases:
        prompt = torch.tensor([case["prompt"]])
        output = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=max_new_tokens
        )
        identical += output[0, prompt.shape[1] :].tolist() == case["completion"]
    return identical


def identical_texts(tokenizer, cases):
    identical = 0
    for case in cases:
        ids = tokenizer(case["text"])["input_ids"]
        decoded = tokenizer.decode(ids, skip_special_tokens=True)
        identical += ids == case["ids"] and decoded == case["decoded"]
    return identical


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = json.loads((folder / "cases.json").read_text())
    torch.set_num_threads(1)
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    faults = {kind: list(names) for kind, names in loading.items() if names}
    if type(model).__name__ != "LlamaForCausalLM" or faults:
        sys.exit(f"loaded as {type(model).__name__} with {faults}")
    with torch.no_grad():
        report = {
            "max_logit_difference": logit_difference(model, cases["sequences"]),
            "generations": {
                "compared": len(cases["generations"]),
                "identical": identical_generations(model, cases["generations"], cases["max_new_tokens"]),
            },
            "texts": {"compared": len(cases["texts"]), "identical": identical_texts(tokenizer, cases["texts"])},
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        }
    model.save_pretrained(folder / "resaved", max_shard_size="100KB")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
