"""How fast blocks of full size run bit-true:
python -m benchmarks.bit_true [--formats w8a8 fp8 bf16] [BLOCK...]

One layer of LLaMA-7B and one block of Sana-1.6B with random weights, in number formats, on the CPU
and on the GPU if there is one: seconds per run and multiply-accumulates per second, and whether
both give the same bits. The first run of each is not counted.
"""

from __future__ import annotations

import argparse
import time

import torch

from frontends.models.build import build
from frontends.torch_export.tracer import trace
from lego.ir.kinds import total_macs
from lego.quantise.apply import in_formats
from lego.quantise.scheme import SCHEMES
from sim.bit_true import BIT_TRUE
from sim.calibrate import observed, prepared
from sim.compare import given_to
from sim.network import execute

BLOCKS = ("llama_7b_block", "sana_1_6b_block")


def devices() -> list[str]:
    """The CPU, and CUDA where there is a GPU."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def measured(name: str, formats: list[str]) -> None:
    """Print a row per scheme and device."""
    sample = build(name, device="cpu")
    traced = trace(sample.module, sample.args, sample.kwargs, name=name)
    given = given_to(traced, sample.module, sample.args, sample.kwargs)
    ranges = observed(traced.network, [given])
    for key in formats:
        made = in_formats(traced.network, SCHEMES[key])
        ready = prepared(made, given, ranges)
        results = []
        for device in devices():
            seconds, outputs = _timed(made.network, {k: v.to(device) for k, v in ready.items()})
            results.append(outputs)
            same = all(torch.equal(a, b) for a, b in zip(results[0], outputs, strict=True))
            verdict = "" if len(results) == 1 else "same bits" if same else "DIFFERENT"
            rate = total_macs(traced.network) / seconds / 1e9
            print(
                f"{name:20} {key:12} {device:5} {seconds:9.2f} s {rate:9.2f} GMAC/s  {verdict}",
                flush=True,
            )


def _timed(network, values):  # type: ignore[no-untyped-def]
    """Seconds of the second run, and the outputs on the CPU."""
    for _ in range(2):
        start = time.perf_counter()
        found = execute(network, values, arithmetic=BIT_TRUE)
        outputs = [found[name].cpu() for name in network.outputs]
        seconds = time.perf_counter() - start
    return seconds, outputs


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("blocks", nargs="*", default=BLOCKS)
    parser.add_argument("--formats", nargs="+", default=["w8a8", "fp8", "bf16"], choices=SCHEMES)
    options = parser.parse_args()
    for name in options.blocks:
        measured(name, options.formats)


if __name__ == "__main__":
    main()
