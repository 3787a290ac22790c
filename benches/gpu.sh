#!/usr/bin/env bash
# Everything that needs a GPU, in one command: `benches/gpu.sh [--rounds N]`. Builds with CUDA, says what it found, checks that the GPU trains as the CPU does, and
# measures training beside PyTorch (torch.compile, bfloat16, the same model) in one run that alternates both. Without a GPU it ends behind the build; with
# several, the tests train on all of them too, and training on one and on two is measured in turns.
# PyTorch with CUDA comes from PyPI as in pytorch.sh, and so do NVRTC and the headers of CUDA where the machine has no toolkit. Figures go to target/gpu/.
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/gpu
mkdir -p "$out"

echo "== build" >&2
cargo build --release --features cuda
target="${CARGO_TARGET_DIR:-target}"
doctor() { "$target/release/metacot" doctor | tee "$out/doctor.txt"; }
doctor
# Kernels are compiled at run time. Where there is no toolkit for that, its parts come from PyPI, of the driver's version of CUDA, as it loads nothing newer.
if grep -q "kernels of a GPU are compiled at run time" "$out/doctor.txt"; then
  read -r major minor < <(python3 -c 'import ctypes
version = ctypes.c_int()
ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
print(version.value // 1000, version.value % 1000 // 10)')
  case "$major" in
    12) parts=(nvidia-cuda-{nvrtc,runtime,nvcc,cccl}-cu12) ;;
    *) parts=(nvidia-cuda-{nvrtc,runtime,crt,cccl}) ;;
  esac
  echo "== compiler and headers of CUDA $major.$minor from PyPI" >&2
  python3 -m venv "$out/python"
  "$out/python/bin/python" -m pip install -q --disable-pip-version-check "${parts[@]/%/==$major.$minor.*}"
  mkdir -p "$out/cuda"
  cp -rsf "$PWD/$out"/python/lib/python3*/site-packages/nvidia/*/{include,lib} "$out/cuda/"
  export CUDA_PATH="$PWD/$out/cuda" LD_LIBRARY_PATH="$PWD/$out/cuda/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  doctor
fi
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

if ! grep -q "cuda:1 is usable" "$out/doctor.txt"; then
  echo "one GPU: training on several was checked with two threads on it, and not measured" >&2
  exit 0
fi

# A step of two batches has one for each GPU: the work is the same, and the ratio is the speed-up. A step of one batch is cut in two.
echo "== tokens per second on one GPU and on two, in turns" >&2
cargo bench --features cuda --bench train --no-run
: > "$out/two.jsonl"
for round in 1 2 3; do
  for accumulation in 2 1; do
    for model in i ii long; do
      for device in cuda:0 cuda:0,1; do
        line=$(METACOT_DEVICE=$device METACOT_PRECISION=bfloat16 METACOT_ACCUMULATION=$accumulation cargo bench -q --features cuda --bench train -- "$model" 20 | grep '^{')
        echo "{\"device\": \"$device\", \"batches\": $accumulation, \"round\": $round, \"run\": $line}" >> "$out/two.jsonl"
      done
    done
  done
done
python3 - "$out/two.jsonl" <<'END' | tee "$out/two.md"
import collections, json, statistics, sys
speeds = collections.defaultdict(dict)
for row in map(json.loads, open(sys.argv[1])):
    speeds[row["run"]["case"], row["batches"]].setdefault(row["device"], []).append(row["run"]["tokens_per_s"])
print("| case | batches of a step | one GPU, tok/s | two GPUs, tok/s | ratio (lowest-highest round) |")
print("| --- | --- | --- | --- | --- |")
for (case, batches), of in speeds.items():
    one, two = of["cuda:0"], of["cuda:0,1"]
    ratios = [b / a for a, b in zip(one, two)]
    print(f"| {case} | {batches} | {statistics.median(one):.0f} | {statistics.median(two):.0f} | **{statistics.median(ratios):.2f}** ({min(ratios):.2f}-{max(ratios):.2f}) |")
END
