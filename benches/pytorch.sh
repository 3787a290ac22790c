#!/usr/bin/env bash
# Training and sampling beside PyTorch, alternated in one run on this machine: `benches/pytorch.sh [--rounds N] [--threads N] [--only CASE] [--json FILE]`.
# PyTorch comes from PyPI into target/bench-python; METACOT_PYTHON names an interpreter that has it already. The product needs none of this.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${METACOT_PYTHON:-}"
if [ -z "$python" ]; then
  python=target/bench-python/bin/python
  [ -x "$python" ] || python3 -m venv target/bench-python
  "$python" -m pip install -q --disable-pip-version-check torch numpy
fi
# Paths of the built benches, from cargo's own messages.
built() {
  cargo bench --bench "$1" --no-run --message-format=json ${METACOT_FEATURES:+--features "$METACOT_FEATURES"} 2>/dev/null |
    "$python" -c 'import json,sys; print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["kind"] == ["bench"]][-1])'
}
echo "building the benches" >&2
exec "$python" benches/pytorch/compare.py --train "$(built train)" --sample "$(built sample)" --sgemm "$(built sgemm)" "$@"
