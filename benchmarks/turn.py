"""How long a spoken turn takes, at rising load: ``python benchmarks/turn.py --state-dir DIR --sessions 1 2 4 8``.

Runs ``voxcart bench turn`` for each number of sessions until fewer than 95 % of the turns are answered or the median
time to first audio is over the budget, and prints one table. The open question is where the budget breaks.
"""

import argparse
import json
import subprocess
import sys

BUDGET_MS = 1_800


def main() -> int:
    """Returns the exit status: 0 when the first load kept the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--address")
    parser.add_argument("--state-dir")
    options = parser.parse_args()
    given = {"address": options.address, "state-dir": options.state_dir}
    where = [f"--{name}={value}" for name, value in given.items() if value]
    print(f"{'sessions':>8}{'answered':>10}{'final p50':>11}{'audio p50':>11}{'audio p95':>11}{'cpu %':>8}")
    kept = []
    for num_sessions in options.sessions:
        command = [sys.executable, "-m", "voxcart", "bench", "turn", "--json"]
        command += ["--sessions", str(num_sessions), "--turns", str(options.turns), *where]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if not done.stdout:
            return 1
        report = json.loads(done.stdout)
        kept.append(print_row(report))
        if not kept[-1]:
            break
    return 0 if kept and kept[0] else 1


def print_row(report: dict) -> bool:
    """Prints one load's line; says whether it kept the budget."""
    answered = 1 - report["failed"] / report["turns"]
    final, audio = report["speech_end_to_final_ms"], report["speech_end_to_first_audio_ms"]
    cpu = report.get("under_load", {}).get("cpu_percent_of_one_core", "-")
    print(
        f"{report['sessions']:>8}{answered:>10.0%}{final['p50'] or '-':>11}{audio['p50'] or '-':>11}"
        f"{audio['p95'] or '-':>11}{cpu:>8}",
        flush=True,
    )
    return answered >= 0.95 and audio["p50"] is not None and audio["p50"] <= BUDGET_MS


if __name__ == "__main__":
    sys.exit(main())
