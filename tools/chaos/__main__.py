"""Rounds of faults for some minutes, and what came of them; exit code 1 if anything is wrong."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tools.chaos.run import run

# A round is short enough to be looked into when it fails.
_KILLS = 60
_KILLS_A_SUSPENSION = 6


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    options = parser.parse_args()
    totals: dict[str, Counter[str]] = {}
    seed, wrong, began = options.seed, 0, time.monotonic()
    while time.monotonic() - began < options.minutes * 60:
        folder = Path(tempfile.mkdtemp(prefix="openhours-chaos-"))
        folder.chmod(0o755)
        outcome = run(folder, seed, _KILLS, suspend_every=_KILLS_A_SUSPENSION)
        print(f"seed {seed}: {outcome.seconds:.0f} s, {len(outcome.problems)} wrong", flush=True)
        for problem in outcome.problems:
            print(f"  {problem}; see {folder}", flush=True)
        if not outcome.problems:
            shutil.rmtree(folder)
        for name, counts in outcome.counts().items():
            totals.setdefault(name, Counter()).update(counts)
        wrong += len(outcome.problems)
        seed += 1
    print(f"{seed - options.seed} rounds, {time.monotonic() - began:.0f} s")
    for name, counts in totals.items():
        each = ", ".join(f"{count:,} {what}" for what, count in counts.most_common())
        print(f"{name}: {counts.total():,} ({each})")
    print(f"wrong: {wrong}")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
