#!/usr/bin/env bash
# Everything that needs a GPU, in one command: `benches/gpu.sh [--rounds N]`. Builds with CUDA, says what it found, checks that the GPU trains as the CPU does, and
# measures training beside PyTorch (torch.compile, bfloat16, the same model) in one run that alternates both. Without a GPU it ends behind the build.
# PyTorch with CUDA comes from PyPI as in pytorch.sh. Figures go to target/gpu/.
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/gpu
mkdir -p "$out"

echo "== build" >&2
cargo build --release --features cuda
target="${CARGO_TARGET_DIR:-target}"
"$target/release/metacot" doctor | tee "$out/doctor.txt"
if ! grep -q "cuda:0 is usable" "$out/doctor.txt"; then
  echo "no GPU: built and linked, nothing else checked" >&2
  exit 0
fi

echo "== the GPU trains as the CPU does" >&2
METACOT_GPU=required cargo test --release --features cuda --test metacot -- gpu 2>&1 | tee "$out/tests.txt"

echo "== tokens per second beside PyTorch" >&2
poll() { while sleep 0.5; do nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits || exit 0; done; }
poll > "$out/memory.txt" & poller=$!
trap 'kill "$poller" 2>/dev/null || true' EXIT
for precision in single bfloat16; do
  dtype=$([ "$precision" = single ] && echo float32 || echo bfloat16)
  METACOT_FEATURES=cuda METACOT_DEVICE=cuda METACOT_PRECISION=$precision benches/pytorch.sh --only train \
    --peer "--device cuda --compile --dtype $dtype" --json "$out/$precision.json" "$@" | tee "$out/$precision.md"
done
echo "most memory of the GPU in use, MiB, both programs: $(sort -n "$out/memory.txt" | tail -1)" | tee -a "$out/bfloat16.md"
