"""Look for convolutions whose backward pass writes outside its buffers in channels-last at odd widths.

    LD_PRELOAD=libc_malloc_debug.so.0 MALLOC_CHECK_=3 python benchmarks/pruning/convolutions.py SEED bfloat16
    ... SEED float32 --strided-pointwise      # the kind that does it in torch 2.14: the process is aborted

Random shapes run forward and backward under glibc's checks of the heap; the last line printed before an abort
is the shape that did it. ``descale.models.layout`` keeps networks with such a layer in the plain layout.
"""

from __future__ import annotations

import argparse
import random

import torch


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("dtype", choices=["float32", "bfloat16"])
    parser.add_argument("--shapes", type=int, default=2000)
    parser.add_argument("--strided-pointwise", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    random.seed(options.seed)
    for number in range(options.shapes):
        try_one(number, getattr(torch, options.dtype), strided_pointwise=options.strided_pointwise)


def try_one(number: int, dtype: torch.dtype, *, strided_pointwise: bool) -> None:
    inputs, outputs = (random.randint(1, random.choice([20, 120])) for _ in range(2))
    kernel = 1 if strided_pointwise else random.choice([1, 1, 2, 3, 3, 3, 4, 5, 7])
    stride = 2 if strided_pointwise else 1 if kernel == 1 else random.choice([1, 1, 2, kernel])
    dilation = random.choice([1, 1, 2]) if kernel == 3 else 1
    padding = kernel // 2 * dilation if kernel > 2 else 0
    side, batch = random.choice([5, 8, 10, 16, 20, 40, 80]), random.choice([1, 2, 8, 16])
    transposed, groups = random.random() < 0.15 and not strided_pointwise, 1
    if not transposed and random.random() < 0.25:
        groups = inputs = outputs
    shape = (outputs, inputs // groups) if not transposed else (inputs, outputs)
    print(number, dtype, f"batch {batch}, {inputs} to {outputs}, side {side}, kernel {kernel}, "
          f"stride {stride}, groups {groups}, dilation {dilation}, transposed {transposed}",
          flush=True)  # fmt: skip
    layout = torch.channels_last
    x = torch.randn(batch, inputs, side, side, dtype=dtype).contiguous(memory_format=layout)
    weight = torch.randn(*shape, kernel, kernel, dtype=dtype).contiguous(memory_format=layout)
    geometry = ([stride] * 2, [padding] * 2, [dilation] * 2, transposed, [0, 0], groups)
    out = torch.ops.aten.convolution(x, weight, None, *geometry)
    gradient = torch.randn(out.shape, dtype=dtype).contiguous(memory_format=layout)
    torch.ops.aten.convolution_backward(gradient, x, weight, None, *geometry, [True, True, False])


if __name__ == "__main__":
    main()
