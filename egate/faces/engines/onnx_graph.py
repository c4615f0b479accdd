"""Running one ONNX graph on one thread: the only user of onnxruntime among the faces.

The rule: a graph is refused at the start, in words, unless it takes exactly one picture of the described size and gives finite
numbers. Graphs whose constants were never folded ask for inputs that nobody feeds; weights outside the file would escape its
hash. Both are refused. Only the processor is used, and no code beside the runtime's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from egate.faces.engine import Frame
from egate.faces.engines.onnx_description import InputForm
from egate.model.errors import DeviceError

Values = NDArray[np.float32]

_QUIET = 4
"""Only fatal lines: what the runtime says about a graph, we say ourselves."""

_NOWHERE = "/proc/self/no-such-folder"
"""Where weights outside the graph's file would be looked for: they are covered by no hash."""

_NAMED = 3
"""So many superfluous inputs are named; a graph may have hundreds."""


class OnnxGraph:
    """One loaded graph; raises DeviceError for one that cannot be used."""

    def __init__(self, content: bytes, form: InputForm, what: str) -> None:
        self._form, self._what = form, what
        self._session = _session(content, form, what)
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            self._refuse_inputs([entry.name for entry in inputs])
        if inputs[0].type != "tensor(float)":
            raise self._unusable(f"its input is {inputs[0].type}, not tensor(float)")
        self._check_shape(list(inputs[0].shape))
        self._input = inputs[0].name
        self.outputs: tuple[str, ...] = tuple(entry.name for entry in self._session.get_outputs())

    def output(self, name: str) -> str:
        """The output to use: the named one, or the only one; raises DeviceError."""
        if name in self.outputs:
            return name
        if not name and len(self.outputs) == 1:
            return self.outputs[0]
        known = ", ".join(self.outputs[:_NAMED])
        raise self._unusable(f"it has no output {name}, but {known}" if name else f"it has several outputs ({known}): name one")

    def run(self, picture: Frame, output: str) -> Values:
        """The output for a BGR picture of the described size; raises DeviceError for a failure or numbers that are none."""
        try:
            result = self._session.run([output], {self._input: self._prepared(picture)})[0]
        except Exception as error:  # the binding's errors have no base of their own; their texts may show shapes only
            raise self._unusable(f"it stopped with {type(error).__name__}") from None
        if not isinstance(result, np.ndarray) or not np.issubdtype(result.dtype, np.floating):
            raise self._unusable("its output is no array of real numbers")
        if not np.isfinite(result).all():
            raise self._unusable("its output holds NaN or infinity")
        return result.astype(np.float32)

    def _prepared(self, picture: Frame) -> Values:
        """Colours, normalisation and layout as described."""
        form = self._form
        ordered = picture[:, :, ::-1] if form.colours == "rgb" else picture
        values = (ordered.astype(np.float32) * form.scale - np.asarray(form.mean, np.float32)) / np.asarray(form.std, np.float32)
        turned = values.transpose(2, 0, 1) if form.layout == "nchw" else values
        return np.ascontiguousarray(turned[None], np.float32)

    def _check_shape(self, shape: list[object]) -> None:
        """Fixed sizes must be the described ones; free ones (names, None) may be anything."""
        form = self._form
        size = [form.height_px, form.width_px]
        wanted = [1, 3, *size] if form.layout == "nchw" else [1, *size, 3]
        if len(shape) != 4 or any(isinstance(a, int) and a not in (b, -1) for a, b in zip(shape, wanted, strict=True)):
            raise self._unusable(f"its input is {_shape(shape)}, the description makes {_shape(wanted)}")

    def _refuse_inputs(self, names: list[str]) -> None:
        if not names:
            raise self._unusable("it takes no input")
        surplus = names[1:]
        named = ", ".join(surplus[:_NAMED]) + (", …" if len(surplus) > _NAMED else "")
        raise self._unusable(
            f"it asks for {len(surplus)} inputs beside its picture ({named}), which nobody feeds: "
            "fold them into constants or strip them, and pin the new file"
        )

    def _unusable(self, how: str) -> DeviceError:
        return DeviceError(f"use the {self._what}", how)


def _session(content: bytes, form: InputForm, what: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    if form.fold_quantised:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above: no common base
        words = " ".join(str(error).split())[:160]
        raise DeviceError(f"use the {what}", f"onnxruntime {onnxruntime.__version__} does not load it: {words}") from None


def _shape(shape: Sequence[object]) -> str:
    return "×".join(str(side) if isinstance(side, int) else "?" for side in shape)
