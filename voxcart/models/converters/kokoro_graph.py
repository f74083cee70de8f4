"""Graph surgery on the published Kokoro model: float convolutions, fused vocoder blocks, cutting in two."""

import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import NodeProto, ValueInfoProto, helper, numpy_helper

_VOCODER_BLOCK = re.compile(r"generator/(?:resblocks|noise_res)\.\d+/")


class KokoroGraph:
    """The published model, taken apart and rewritten in place."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.nodes: list[NodeProto] = list(model.graph.node)
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._index()

    def _index(self) -> None:
        self.producer = {name: node for node in self.nodes for name in node.output}
        self.consumers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.consumers[name].append(node)

    def restore_float_convolutions(self) -> None:
        """Replace every dynamically quantised convolution by Conv on the published weights in float32."""
        replaced: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            if node.op_type == "ConvInteger":
                last, conv = self._float_convolution(node)
                replaced[last.name] = [conv]
        if not replaced:
            raise ValueError("the Kokoro graph has no ConvInteger node; it is not the int8 export that is expected")
        self.replace(replaced)

    def _float_convolution(self, node: NodeProto) -> tuple[NodeProto, NodeProto]:
        """The last node of the pattern around one ConvInteger, and the Conv that replaces the pattern.

        The pattern: DynamicQuantizeLinear -> ConvInteger [-> Add of the requantised bias] -> Cast -> Mul by the scales.
        """
        quantized, weight, _, weight_zero_point = node.input
        source = self._expect(self.producer[quantized], "DynamicQuantizeLinear").input[0]
        step = self._only_consumer(node)
        bias = ""
        if step.op_type == "Add":
            bias, scale = self._bias_and_weight_scale(step, node.output[0])
            step = self._only_consumer(step)
            rescale = self._only_consumer(self._expect(step, "Cast"))
        else:
            rescale = self._only_consumer(self._expect(step, "Cast"))
            product = self.producer[_other(rescale.input, step.output[0])]
            scale = self._constant_input(product)
        self._expect(rescale, "Mul")
        centred = self.array(weight).astype(np.float32) - self.array(weight_zero_point).astype(np.float32)
        name = f"{weight}_float"
        self.add_constant(name, np.asarray(centred * self.array(scale), np.float32))
        inputs = [source, name, bias] if bias else [source, name]
        conv = helper.make_node("Conv", inputs, list(rescale.output), name=node.name.removesuffix("_quant"))
        conv.attribute.extend(node.attribute)
        return rescale, conv

    def _bias_and_weight_scale(self, add: NodeProto, convolved: str) -> tuple[str, str]:
        """Names of the float bias and of the weight scale behind ``Reshape(Cast(Floor(bias / scales)))``."""
        node = self.producer[_other(add.input, convolved)]
        for op_type in ("Reshape", "Cast", "Floor"):
            node = self.producer[self._expect(node, op_type).input[0]]
        self._expect(node, "Div")
        return node.input[0], self._constant_input(self.producer[node.input[1]])

    def _constant_input(self, node: NodeProto) -> str:
        return next(name for name in node.input if name in self.constants)

    def _only_consumer(self, node: NodeProto) -> NodeProto:
        found = self.consumers[node.output[0]]
        if len(found) != 1:
            raise ValueError(f"the output of {node.name} has {len(found)} consumers instead of 1")
        return found[0]

    @staticmethod
    def _expect(node: NodeProto, op_type: str) -> NodeProto:
        if node.op_type != op_type:
            raise ValueError(f"{node.name} is {node.op_type}; {op_type} was expected")
        return node

    def fuse_vocoder_blocks(self) -> None:
        """Rewrite the adaptive normalisation and Snake activation in front of the vocoder's convolutions. Exact.

        ``conv(x' + sin(a x')^2 / a)`` with ``x' = gain * norm(x) + shift`` becomes ``conv_a(u + sin(u)^2)`` with
        ``u = InstanceNormalization(x; a * gain, a * shift)`` and 1/a multiplied into the weights: 4 passes over the
        signal instead of 11.
        """
        self.add_constant("fused/vector", np.array([-1], np.int64))
        fused: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            if node.op_type == "Sin" and _VOCODER_BLOCK.search(node.name):
                conv, block = self._fused_block(node)
                fused[conv.name] = block
        if not fused:
            raise ValueError("the Kokoro graph has no Snake activation where one is expected")
        self.replace(fused)

    def _fused_block(self, sine: NodeProto) -> tuple[NodeProto, list[NodeProto]]:
        """The convolution behind one Snake activation, and the nodes that replace it."""
        scaled = self._expect(self.producer[sine.input[0]], "Mul")
        alpha = self._constant_input(scaled)
        shifted = self._expect(self.producer[_other(scaled.input, alpha)], "Add")
        power = self._expect(self._only_consumer(sine), "Pow")
        snake = self._expect(self._only_consumer(self._only_consumer(power)), "Add")
        conv = self._expect(self._only_consumer(snake), "Conv")
        gained = next(self.producer[name] for name in shifted.input if self.producer[name].op_type == "Mul")
        normed = next(self.producer[name] for name in gained.input if self.producer[name].op_type == "Div")
        centred = self._expect(self.producer[normed.input[0]], "Sub")
        alphas = self.array(alpha).reshape(1, -1, 1)
        base = conv.name.removesuffix("/Conv")
        self.add_constant(f"{base}/weight", (self.array(conv.input[1]) / alphas).astype(np.float32))
        gain, shift = _other(gained.input, normed.output[0]), _other(shifted.input, gained.output[0])
        replacement = helper.make_node(
            "Conv", [f"{base}/snake", f"{base}/weight", conv.input[2]], list(conv.output), name=conv.name
        )
        replacement.attribute.extend(conv.attribute)
        return conv, [
            *self._vector_product(gain, alpha, f"{base}/gain"),
            *self._vector_product(shift, alpha, f"{base}/shift"),
            helper.make_node(
                "InstanceNormalization",
                [centred.input[0], f"{base}/gain", f"{base}/shift"],
                [f"{base}/normed"],
                name=f"{base}/normed",
                epsilon=1e-5,
            ),
            helper.make_node("Sin", [f"{base}/normed"], [f"{base}/sine"], name=f"{base}/sine"),
            helper.make_node("Mul", [f"{base}/sine"] * 2, [f"{base}/sine2"], name=f"{base}/sine2"),
            helper.make_node("Add", [f"{base}/normed", f"{base}/sine2"], [f"{base}/snake"], name=f"{base}/snake"),
            replacement,
        ]

    @staticmethod
    def _vector_product(factor: str, alpha: str, name: str) -> list[NodeProto]:
        return [
            helper.make_node("Mul", [factor, alpha], [f"{name}_column"], name=f"{name}_column"),
            helper.make_node("Reshape", [f"{name}_column", "fused/vector"], [name], name=name),
        ]

    def fused_convolutions(self) -> list[NodeProto]:
        """The convolutions that :meth:`fuse_vocoder_blocks` rewrote, in the order of the graph."""
        return [node for node in self.nodes if node.op_type == "Conv" and node.input[0].endswith("/snake")]

    def add_constant(self, name: str, values: np.ndarray) -> str:
        """Add a constant; returns its name."""
        self.constants[name] = numpy_helper.from_array(values, name)
        return name

    def array(self, name: str) -> np.ndarray:
        """Values of a constant."""
        return numpy_helper.to_array(self.constants[name])

    def replace(self, replaced: dict[str, list[NodeProto]]) -> None:
        """Put other nodes in the place of those with these names, and drop what nothing needs any more."""
        nodes = [new for node in self.nodes for new in replaced.get(node.name, [node])]
        needed = {value.name for value in self.model.graph.output}
        kept: list[NodeProto] = []
        for node in reversed(nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        self.nodes = kept[::-1]
        self._index()

    def rename(self, names: dict[str, str]) -> None:
        """Give values better names wherever they appear."""
        missing = [name for name in names if name not in self.producer]
        if missing:
            raise ValueError(f"the Kokoro graph has no value {missing[0]!r}")
        for node in self.nodes:
            for values in (node.input, node.output):
                for position, name in enumerate(values):
                    values[position] = names.get(name, name)
        self._index()

    def extract(self, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]) -> onnx.ModelProto:
        """The part of the graph between ``inputs`` and ``outputs`` as a checked model of its own."""
        given = {value.name for value in inputs}
        wanted = [value.name for value in outputs]
        seen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in seen or name in given or not name:
                continue
            seen.add(name)
            if name in self.producer:
                wanted.extend(self.producer[name].input)
        nodes = [node for node in self.nodes if seen.intersection(node.output)]
        used = {name for node in nodes for name in node.input}
        constants = [tensor for name, tensor in self.constants.items() if name in used]
        graph = helper.make_graph(nodes, "kokoro", inputs, outputs, constants)
        used_domains = {node.domain for node in nodes}
        opsets = [opset for opset in self.model.opset_import if opset.domain in used_domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self.model.ir_version)


def _other(names: Iterable[str], name: str) -> str:
    return next(candidate for candidate in names if candidate != name)
