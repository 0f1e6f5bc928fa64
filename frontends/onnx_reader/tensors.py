"""Tensors of ONNX files as PyTorch's."""

from __future__ import annotations

import torch
from onnx import TensorProto, numpy_helper
from torch import Tensor

__all__ = ["DTYPES", "tensor_of"]

DTYPES: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.INT8: torch.int8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.BOOL: torch.bool,
}


def tensor_of(proto: TensorProto) -> Tensor:
    """The tensor's values.

    Raises ValueError for a type that no buffer has, or values that don't fill the shape.
    """
    if proto.data_type not in DTYPES:
        raise ValueError(f"its element type is number {proto.data_type}")
    array = numpy_helper.to_array(proto)
    if proto.data_type == TensorProto.BFLOAT16:
        return torch.from_numpy(array.view("int16").copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())
