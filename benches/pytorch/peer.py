"""The peer of the Rust benches: the same Llama-style model in PyTorch, trained and sampled as a careful user of PyTorch would.

`peer.py train NAME STEPS` or `peer.py sample BATCH NEW_TOKENS`; one line of JSON, with the keys of the Rust benches. `--device cuda` moves it to the GPU,
`--compile` compiles it, `--dtype bfloat16` runs it under autocast.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

# layers, width, heads, hidden, context, vocabulary, rows
MODELS = {
    "small": (3, 96, 4, 256, 256, 160, 32),
    "i": (4, 128, 4, 352, 256, 128, 32),
    "ii": (6, 384, 6, 1024, 512, 128, 8),
    "long": (4, 128, 4, 352, 2048, 128, 4),
}


def rotary(context, head_dim):
    """Cosines and sines of the halves convention, two tensors of shape [context, head_dim]."""
    frequencies = 10_000.0 ** (-torch.arange(0, head_dim, 2).float() / head_dim)
    angles = torch.outer(torch.arange(context).float(), frequencies)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.RMSNorm(width, eps=1e-5)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.mlp_norm = nn.RMSNorm(width, eps=1e-5)
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x, cos, sin, cache=None, position=0):
        rows, time_, width = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(rows, time_, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            cache[0][:, :, position : position + time_] = k
            cache[1][:, :, position : position + time_] = v
            k, v = cache[0][:, :, : position + time_], cache[1][:, :, : position + time_]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
        x = x + self.output(mixed.transpose(1, 2).reshape(rows, time_, width))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Decoder(nn.Module):
    def __init__(self, layers, width, heads, hidden, context, vocabulary):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.final_norm = nn.RMSNorm(width, eps=1e-5)
        self.head = nn.Linear(width, vocabulary, bias=False)
        cos, sin = rotary(context, width // heads)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, ids, caches=None, position=0):
        time_ = ids.shape[1]
        cos, sin = self.cos[position : position + time_], self.sin[position : position + time_]
        x = self.embedding(ids)
        for index, block in enumerate(self.blocks):
            x = block(x, cos, sin, None if caches is None else caches[index], position)
        return self.head(self.final_norm(x))


def train(name, steps, device, compiled, dtype):
    *shape, rows = MODELS[name]
    context, vocabulary = shape[4], shape[5]
    model = Decoder(*shape).to(device)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)
    run = torch.compile(model) if compiled else model
    seconds = []
    first = last = None
    for _ in range(steps + 3):
        batch = torch.randint(0, vocabulary, (rows, context + 1))
        start = time.perf_counter()
        batch = batch.to(device)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == "bfloat16"):
            logits = run(batch[:, :-1])
            loss = F.cross_entropy(logits.reshape(-1, vocabulary).float(), batch[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        last = loss.item()
        first = last if first is None else first
        seconds.append(time.perf_counter() - start)
    assert last < first, f"the loss did not fall: {first} to {last}"
    seconds = sorted(seconds[3:])
    tokens = rows * context
    return {"case": f"train {name}", "tokens_per_s": tokens / seconds[len(seconds) // 2], "best_tokens_per_s": tokens / seconds[0]}


@torch.inference_mode()
def sample(rows, new_tokens, device, compiled):
    shape = MODELS["i"][:4] + (new_tokens + 1, 128)
    model = Decoder(*shape).to(device).eval()
    run = torch.compile(model) if compiled else model
    head_dim = shape[1] // shape[2]
    caches = [[torch.zeros(rows, shape[2], new_tokens + 1, head_dim, device=device) for _ in range(2)] for _ in range(shape[0])]

    def once():
        ids = (1 + torch.arange(rows, device=device) % 100).unsqueeze(1)
        for position in range(new_tokens):
            logits = run(ids, caches, position)[:, -1]
            ids = torch.multinomial(torch.softmax(logits, dim=-1), 1)
        return ids.sum().item()

    once()
    speeds = []
    for _ in range(3 if rows * new_tokens > 10_000 else 5):
        start = time.perf_counter()
        once()
        speeds.append(rows * new_tokens / (time.perf_counter() - start))
    return {"case": f"sample {rows} x {new_tokens}", "tokens_per_s": statistics.median(speeds), "best_tokens_per_s": max(speeds)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "sample"])
    parser.add_argument("which", help="a model's name, or the number of rows")
    parser.add_argument("count", type=int, help="steps, or new tokens")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    if args.what == "train":
        line = train(args.which, args.count, args.device, args.compile, args.dtype)
    else:
        line = sample(int(args.which), args.count, args.device, args.compile)
    line = {key: round(value) if isinstance(value, float) else value for key, value in line.items()}
    if args.device.startswith("cuda"):
        line["device_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    line["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
