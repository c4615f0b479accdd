"""Engines beyond the two that come along: any ONNX network by its description, and operators' programs over a pipe."""
