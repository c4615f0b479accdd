"""Small ONNX files for tests, written byte by byte in protobuf's wire format (onnx.proto3): no writer needs to be installed.

The graphs are real ones: the runtime that loads an operator's network loads these.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

FLOAT, IR_VERSION, OPSET = 1, 8, 17
Shape = Sequence[int | str]


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(data)) + data


def value_info(name: str, shape: Shape, kind: int = FLOAT) -> bytes:
    dims = b"".join(block(1, number(1, side) if isinstance(side, int) else block(2, side)) for side in shape)
    return block(1, name) + block(2, block(1, number(1, kind) + block(2, dims)))


def tensor(name: str, values: NDArray[np.float32], external: str = "") -> bytes:
    dims = b"".join(number(1, side) for side in values.shape) + number(2, FLOAT) + block(8, name)
    if not external:
        return dims + block(9, np.ascontiguousarray(values, "<f4").tobytes())
    return dims + block(13, block(1, "location") + block(2, external)) + number(14, 1)


def ints(name: str, values: Sequence[int]) -> bytes:
    return block(1, name) + b"".join(number(8, value) for value in values) + number(20, 7)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: bytes) -> bytes:
    names = b"".join(block(1, name) for name in inputs) + b"".join(block(2, name) for name in outputs)
    return names + block(4, kind) + b"".join(block(5, attribute) for attribute in attributes)


def model(nodes: Sequence[bytes], tensors: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]) -> bytes:
    graph = b"".join(block(1, entry) for entry in nodes) + block(2, "test") + b"".join(block(5, entry) for entry in tensors)
    graph += b"".join(block(11, entry) for entry in inputs) + b"".join(block(12, entry) for entry in outputs)
    return number(1, IR_VERSION) + block(7, graph) + block(8, block(1, "") + number(2, OPSET))


def recogniser(
    weights: NDArray[np.float32], side: int = 112, more: Sequence[str] = (), bias: float = 0.0, external: str = ""
) -> bytes:
    """Mean colours of 8×8 tiles, weighted: a template that depends on the picture. `weights` is 192×dimension."""
    step = ints("strides", (side // 8, side // 8))
    nodes = [
        node("AveragePool", ["picture"], ["tiles"], ints("kernel_shape", (side // 8, side // 8)), step),
        node("Flatten", ["tiles"], ["flat"]),
        node("MatMul", ["flat", "weights"], ["mixed"]),
        node("Add", ["mixed", "bias"], ["template"]),
    ]
    tensors = [tensor("weights", weights, external), tensor("bias", np.full(weights.shape[1], bias, np.float32))]
    inputs = [value_info("picture", (1, 3, side, side)), *(value_info(name, (1,)) for name in more)]
    return model(nodes, tensors, inputs, [value_info("template", (1, weights.shape[1]))])


def rows_detector(rows: NDArray[np.float32], width: int, height: int) -> bytes:
    """Says the same rows of any picture, shifted by nothing: 0 × the picture's mean is added, so that the picture is needed."""
    nodes = [
        node("ReduceMean", ["picture"], ["mean"]),
        node("Mul", ["mean", "zero"], ["nothing"]),
        node("Add", ["rows", "nothing"], ["padded"]),
        node("Squeeze", ["padded"], ["faces"]),
    ]
    tensors = [tensor("rows", rows[None]), tensor("zero", np.zeros(1, np.float32))]
    return model(nodes, tensors, [value_info("picture", (1, 3, height, width))], [value_info("faces", ("n", rows.shape[1]))])


def fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, whole bytes and content of each field of a message."""
    at = 0
    while at < len(message):
        start = at
        key, at = _read(message, at)
        if key & 7 == 2:
            length, at = _read(message, at)
            content, at = message[at : at + length], at + length
        elif key & 7 == 0:
            value, at = _read(message, at)
            content = struct.pack(">Q", value)
        else:
            size = 4 if key & 7 == 5 else 8
            content, at = message[at : at + size], at + size
        yield key >> 3, message[start:at], content


def stripped(content: bytes) -> bytes:
    """A model without the inputs after its first: what an operator does with a graph whose constants were left as inputs."""
    out = b""
    for field, whole, graph in fields(content):
        if field != 7:
            out += whole
            continue
        seen, kept = 0, b""
        for part, bytes_of_it, _ in fields(graph):
            seen += part == 11
            kept += b"" if part == 11 and seen > 1 else bytes_of_it
        out += block(7, kept)
    return out


def _read(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at
