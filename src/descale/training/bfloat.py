"""16-bit training on CPUs that compute bfloat16: faster convolutions, depthwise gradients in float32.

oneDNN has no fast gradient of a depthwise convolution in bfloat16: on a CPU with AVX512-BF16 it takes
two to six times as long as in float32, and eats what the other layers gained. So the mode below runs
these layers forward in bfloat16 and backward in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware (AVX512-BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


class _DepthwiseConvolution(torch.autograd.Function):
    """Forward in bfloat16, backward in float32."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: list[int], padding: list[int], dilation: list[int]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = (stride, padding, dilation)
        return torch.conv2d(x, weight.to(x.dtype), None, stride, padding, dilation, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(), x.float(), weight, None, stride, padding, dilation,
            False, [0, 0], len(weight), [True, True, False],
        )  # fmt: skip
        return of_x.to(x.dtype), of_weight, None, None, None


class FloatDepthwiseGradients(TorchFunctionMode):
    """While active, depthwise ``conv2d`` calls under CPU autocast to bfloat16 get float32 gradients."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.conv2d and torch.is_grad_enabled() and _in_bfloat16():
            call = _arguments(*args, **(kwargs or {}))
            x, weight, bias = call["input"], call["weight"], call["bias"]
            depthwise = call["groups"] == x.shape[1] == len(weight) > 1
            if depthwise and not isinstance(call["padding"], str):
                out = _DepthwiseConvolution.apply(
                    x.to(torch.bfloat16), weight,
                    _pair(call["stride"]), _pair(call["padding"]), _pair(call["dilation"]),
                )  # fmt: skip
                return out if bias is None else out + bias.view(1, -1, 1, 1).to(out.dtype)
        return func(*args, **(kwargs or {}))


def _in_bfloat16() -> bool:
    return torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.bfloat16


def _arguments(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> dict[str, Any]:
    """The arguments of ``torch.conv2d`` by name."""
    return locals()


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
