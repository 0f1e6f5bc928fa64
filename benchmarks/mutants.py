"""How many mutants of generated Verilog the test bench catches. Prints a table and the rest.

python benchmarks/mutants.py --seeds 5        40 mutants per design and seed; a minute per seed
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sim.equivalence import proven_equivalent
from tests.sim.test_mutants import DESIGNS, failing, mutated


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    rest = []
    print(f"{'design':32} seed  mutants  caught  proven equivalent  neither")
    for name, text in DESIGNS.items():
        for seed in range(1, seeds + 1):
            top, made = mutated(text, seed)
            control, *caught = failing(made, text)
            assert not control, "the unchanged design fails"
            missed = [m for m, c in zip(made[1:], caught, strict=True) if not c]
            neither = [
                m.what for m in missed if not proven_equivalent(made[0].verilog, m.verilog, top)
            ]
            row = (sum(caught), len(missed) - len(neither), len(neither))
            print(
                f"{name:32} {seed:4} {len(caught):8} {row[0]:7} {row[1]:18} {row[2]:8}", flush=True
            )
            rest += [f"{name} {seed}: {what}" for what in neither]
    print("\nneither caught nor proven equivalent:", *rest, sep="\n  ")


if __name__ == "__main__":
    main()
