"""Makes random Llama checkpoints with transformers and says what they compute, for import to be compared with.

Usage: python transformers_random.py FOLDER

Writes FOLDER/NAME with a checkpoint and FOLDER/NAME.json with logits of sequences and greedy completions of prompts, for each NAME printed.
"""

import json
import pathlib
import sys

import torch
import transformers

SHAPE = dict(
    vocab_size=97, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=112, max_position_embeddings=128,
    initializer_range=0.1, bos_token_id=1, eos_token_id=2, pad_token_id=0,
)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
# name: configuration, data type on the disk, size of a shard
CHECKPOINTS = {
    "grouped-llama3": (dict(num_key_value_heads=2, rope_theta=500_000.0, rope_scaling=LLAMA3), torch.float32, "1GB"),
    "tied-linear-shards": (dict(tie_word_embeddings=True, rope_scaling=dict(rope_type="linear", factor=4.0)), torch.float32, "60KB"),
    "single-key-bfloat16": (dict(num_key_value_heads=1, rms_norm_eps=1e-5), torch.bfloat16, "1GB"),
}
PROMPTS, NEW_TOKENS = 100, 40


def tokens(seed, count):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, SHAPE["vocab_size"], (count,), generator=generator).tolist()


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    for seed, (name, (changes, dtype, shard)) in enumerate(CHECKPOINTS.items()):
        torch.manual_seed(seed)
        config = transformers.LlamaConfig(**SHAPE, **changes)
        transformers.LlamaForCausalLM(config).to(dtype).save_pretrained(folder / name, max_shard_size=shard)
        model = transformers.LlamaForCausalLM.from_pretrained(folder / name).float().eval()
        sequences, generations = [], []
        with torch.no_grad():
            for count in (1, 33, 128):
                ids = tokens(1000 + count, count)
                sequences.append({"tokens": ids, "logits": model(torch.tensor([ids])).logits.flatten().tolist()})
            for index in range(PROMPTS):
                prompt = tokens(index, 1 + index % 7)
                ids = torch.tensor([prompt])
                output = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS)
                generations.append({"prompt": prompt, "completion": output[0, len(prompt) :].tolist()})
        (folder / f"{name}.json").write_text(json.dumps({"sequences": sequences, "generations": generations, "new_tokens": NEW_TOKENS}))
        print(name)


if __name__ == "__main__":
    main()
