"""Alternates our benches and their PyTorch peer, case by case, and prints the ratios: medians over rounds, with the lowest and highest ratio of a round.

Called by `benches/pytorch.sh`, which builds and installs what it needs.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

PEER = pathlib.Path(__file__).parent / "peer.py"
# case: arguments of the bench, arguments of the peer
CASES = {
    "train i": ("train", ["i", "12"], ["train", "i", "12"]),
    "train ii": ("train", ["ii", "6"], ["train", "ii", "6"]),
    "train long": ("train", ["long", "8"], ["train", "long", "8"]),
    "sample 1 x 256": ("sample", ["1", "256"], ["sample", "1", "256"]),
    "sample 32 x 256": ("sample", ["32", "256"], ["sample", "32", "256"]),
    "sample 128 x 256": ("sample", ["128", "256"], ["sample", "128", "256"]),
    "sample 32 x 2047": ("sample", ["32", "2047"], ["sample", "32", "2047"]),
}


def run(command, threads):
    """The lines of JSON of a program on so many threads: our benches read the variable where they take no argument."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": str(threads)})
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", required=True, help="the built bench `train`")
    parser.add_argument("--sample", required=True, help="the built bench `sample`")
    parser.add_argument("--sgemm", required=True, help="the built bench `sgemm`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of both programs; all cores where left out")
    parser.add_argument("--only", help="a part of the cases' names")
    parser.add_argument("--peer", default="", help="more arguments of the peer, such as --device cuda --compile --dtype bfloat16")
    parser.add_argument("--json", help="file for the figures of every round")
    args = parser.parse_args()
    programs = {"train": args.train, "sample": args.sample}
    threads = args.threads
    peak = run([args.sgemm], threads)[0 if threads == 1 else -1]["gflops"]
    print(f"threads of both: {threads}; sgemm peak: {peak} GFLOP/s\n")
    print("| case | metacot tok/s | PyTorch tok/s | ratio (lowest-highest round) | metacot MB | PyTorch MB | memory ratio | share of sgemm peak |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    rounds = {}
    for case, (program, ours, theirs) in CASES.items():
        if args.only and args.only not in case:
            continue
        pairs = []
        # The decoder takes threads and, as many a thread as it has left alone, slots as arguments.
        ours = ours + ([str(threads), str(32 * threads)] if program == "sample" else [])
        commands = [
            [programs[program], *ours, "--bench"],
            [sys.executable, str(PEER), *theirs, "--threads", str(threads), *args.peer.split()],
        ]
        for number in range(args.rounds):
            # In turns the other way round, so that neither always meets the machine as the other left it.
            pair = [None, None]
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                pair[side] = run(commands[side], threads)[0]
            pairs.append(pair)
        rounds[case] = pairs
        ratios = [mine["tokens_per_s"] / peer["tokens_per_s"] for mine, peer in pairs]
        mine = statistics.median(mine["tokens_per_s"] for mine, _ in pairs)
        peer = statistics.median(peer["tokens_per_s"] for _, peer in pairs)
        memory = [statistics.median(side["peak_mb"] for side in sides) for sides in zip(*pairs)]
        flops = [mine["gflops"] for mine, _ in pairs if "gflops" in mine]
        share = f"{statistics.median(flops) / peak:.0%}" if flops else ""
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(f"| {case} | {mine:.0f} | {peer:.0f} | **{statistics.median(ratios):.2f}** ({spread}) | {memory[0]:.0f} | {memory[1]:.0f} | {memory[0] / memory[1]:.2f} | {share} |", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"threads": threads, "sgemm_gflops": peak, "rounds": rounds}, indent=1))


if __name__ == "__main__":
    main()
