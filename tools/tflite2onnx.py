#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Convert a float16 or float32 TFLite detector to an ONNX file that OpenCV 4.6 and later read.

usage: tflite2onnx.py IN.tflite OUT.onnx      (Debian: python3-numpy python3-onnx; TensorFlow is not needed)

TFLite keeps pictures as NHWC, ONNX as NCHW: weights are transposed here, and each RESHAPE of a picture is preceded by a
Transpose back to NHWC, because its result (rows of boxes or scores) is in TFLite's order. The ONNX network takes
"image", float32 [1][3][height][width], and gives "boxes" [1][anchors][4] and "scores" [1][anchors][classes], both
undecoded. Only the operators that SSD MobileNet and MediaPipe's face detectors use are known; any other ends the conversion
with its number.
"""
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Operator numbers and enums: tensorflow/lite/schema/schema.fbs.
ADD, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE, RESHAPE = 0, 2, 3, 4, 6, 22
MAX_POOL_2D, RELU, RESIZE_BILINEAR, PAD = 17, 19, 23, 34
ACTIVATION_NONE, ACTIVATION_RELU6 = 0, 3
PADDING_VALID = 1
TENSOR_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
# OpenCV 4.6 reads Clip only as it was before opset 11: its limits as attributes. Resize has its half pixels from 11 on.
OPSET, OPSET_RESIZE = 9, 11


class Table:
    """A table of a flatbuffer file: fields by their number in the schema."""

    def __init__(self, data, offset):
        self.data = data
        self.offset = offset
        self.vtable = offset - self._read('i', offset)

    def _read(self, kind, offset):
        return struct.unpack_from('<' + kind, self.data, offset)[0]

    def _field(self, number):
        entry = 4 + 2 * number
        if entry >= self._read('H', self.vtable):
            return 0
        relative = self._read('H', self.vtable + entry)
        return self.offset + relative if relative else 0

    def _vector(self, number):
        at = self._field(number)
        if not at:
            return 0, 0
        at += self._read('I', at)
        return at + 4, self._read('I', at)

    def number(self, number, kind, default=0):
        at = self._field(number)
        return self._read(kind, at) if at else default

    def table(self, number):
        at = self._field(number)
        return Table(self.data, at + self._read('I', at)) if at else None

    def tables(self, number):
        at, count = self._vector(number)
        return [Table(self.data, p + self._read('I', p)) for p in range(at, at + 4 * count, 4)]

    def integers(self, number):
        at, count = self._vector(number)
        return list(struct.unpack_from('<%di' % count, self.data, at))

    def bytes(self, number):
        at, count = self._vector(number)
        return self.data[at:at + count]


class Network:
    """The one subgraph of a TFLite model: its tensors' shapes, its constants and its operators."""

    def __init__(self, data):
        if data[4:8] != b'TFL3':
            raise ValueError('no TFLite model (bytes 4 to 8 are %r, wanted "TFL3")' % data[4:8])
        model = Table(data, struct.unpack_from('<I', data)[0])
        self.codes = [max(c.number(0, 'b'), c.number(3, 'i')) for c in model.tables(1)]
        graph = model.tables(2)[0]
        buffers = model.tables(4)
        tensors = graph.tables(0)
        self.shapes = [t.integers(0) for t in tensors]
        self.inputs, self.outputs = graph.integers(1), graph.integers(2)
        self.operators = graph.tables(3)
        self.constants = {}
        for i, tensor in enumerate(tensors):
            raw = buffers[tensor.number(2, 'I')].bytes(0)
            if raw:
                self.constants[i] = np.frombuffer(raw, TENSOR_TYPES[tensor.number(1, 'b')]).reshape(self.shapes[i])


class Converter:
    """Collects ONNX nodes and initializers, operator by operator."""

    def __init__(self, network):
        self.network = network
        self.nodes, self.initializers = [], []
        self.names = {}
        self.opset = OPSET_RESIZE if RESIZE_BILINEAR in network.codes else OPSET
        self.rows = set()  # tensors that have left the picture's order: results of RESHAPE and CONCATENATION

    def name(self, tensor):
        return self.names.get(tensor, 't%d' % tensor)

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def convolution(self, op, depthwise):
        source, weight, bias = op.integers(1)
        (target,) = op.integers(2)
        options = op.table(4)
        # TFLite: [out][h][w][in], depthwise [1][h][w][channels]. ONNX: [out][in per group][h][w].
        weights = self.network.constants[weight].astype(np.float32)
        weights = weights.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        kernel = weights.shape[2:]
        strides = [options.number(2, 'i', 1), options.number(1, 'i', 1)]
        activation = options.number(4 if depthwise else 3, 'b')
        if activation not in (ACTIVATION_NONE, ACTIVATION_RELU6):
            raise ValueError('activation %d is not known' % activation)
        target = self.name(target)
        unclipped = target + '_linear' if activation == ACTIVATION_RELU6 else target
        self.node('Conv', [self.name(source), self.constant(target + '_weight', weights),
                           self.constant(target + '_bias', self.network.constants[bias].astype(np.float32))], unclipped,
                  kernel_shape=kernel, strides=strides, group=weights.shape[0] if depthwise else 1,
                  pads=padding(options.number(0, 'b'), self.network.shapes[source][1:3], kernel, strides))
        if activation == ACTIVATION_RELU6:
            self.node('Clip', [unclipped], target, min=0.0, max=6.0)

    def reshape(self, op):
        source = op.integers(1)[0]
        (target,) = op.integers(2)
        name = self.name(source)
        if source not in self.rows:
            self.node('Transpose', [name], name + '_nhwc', perm=[0, 2, 3, 1])
            name += '_nhwc'
        self.rows.add(target)
        shape = np.array(self.network.shapes[target], np.int64)
        self.node('Reshape', [name, self.constant(self.name(target) + '_shape', shape)], self.name(target))

    def pool(self, op):
        (source,), (target,) = op.integers(1), op.integers(2)
        options = op.table(4)
        strides = [options.number(2, 'i', 1), options.number(1, 'i', 1)]
        kernel = [options.number(4, 'i', 1), options.number(3, 'i', 1)]
        self.node('MaxPool', [self.name(source)], self.name(target), kernel_shape=kernel, strides=strides,
                  pads=padding(options.number(0, 'b'), self.network.shapes[source][1:3], kernel, strides))

    def pad(self, op):
        source, amounts = op.integers(1)
        (target,) = op.integers(2)
        batch, rows, columns, channels = self.network.constants[amounts].tolist()
        pads = np.array([batch, channels, rows, columns], np.int64).T.ravel()
        name = self.name(target)
        if self.opset == OPSET_RESIZE:
            self.node('Pad', [self.name(source), self.constant(name + '_pads', pads)], name)
        else:
            self.node('Pad', [self.name(source)], name, pads=pads.tolist())

    def resize(self, op):
        source = op.integers(1)[0]
        (target,) = op.integers(2)
        name, options = self.name(target), op.table(4)
        kind = 'align_corners' if options.number(2, 'b') else 'half_pixel' if options.number(3, 'b') else 'asymmetric'
        before, after = self.network.shapes[source], self.network.shapes[target]
        scales = np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
        self.node('Resize', [self.name(source), self.constant(name + '_roi', np.zeros(0, np.float32)),
                             self.constant(name + '_scales', scales)], name, mode='linear', coordinate_transformation_mode=kind)

    def operator(self, op):
        code = self.network.codes[op.number(0, 'I')]
        inputs, outputs = op.integers(1), op.integers(2)
        if code == DEQUANTIZE and inputs[0] in self.network.constants:
            self.network.constants[outputs[0]] = self.network.constants[inputs[0]].astype(np.float32)
        elif code in (CONV_2D, DEPTHWISE_CONV_2D):
            self.convolution(op, code == DEPTHWISE_CONV_2D)
        elif code == ADD:
            self.node('Add', [self.name(i) for i in inputs], self.name(outputs[0]))
        elif code == RELU:
            self.node('Relu', [self.name(inputs[0])], self.name(outputs[0]))
        elif code == MAX_POOL_2D:
            self.pool(op)
        elif code == PAD:
            self.pad(op)
        elif code == RESIZE_BILINEAR:
            self.resize(op)
        elif code == RESHAPE:
            self.reshape(op)
        elif code == CONCATENATION and self.rows.issuperset(inputs):
            self.rows.add(outputs[0])
            self.node('Concat', [self.name(i) for i in inputs], self.name(outputs[0]), axis=op.table(4).number(0, 'i'))
        else:
            raise ValueError('operator %d is not known' % code)


def padding(kind, size, kernel, strides):
    """TFLite's "same" puts the odd row or column at the end; ONNX wants [top, left, bottom, right]."""
    if kind == PADDING_VALID:
        return [0, 0, 0, 0]
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, strides)]
    begin = [t // 2 for t in total]
    return begin + [t - b for t, b in zip(total, begin)]


def convert(data):
    network = Network(data)
    converter = Converter(network)
    (image,) = network.inputs
    boxes, scores = sorted(network.outputs, key=lambda tensor: network.shapes[tensor][-1])
    if network.shapes[boxes][-1] < 4:  # one class, and so one score
        boxes, scores = scores, boxes
    converter.names = {image: 'image', boxes: 'boxes', scores: 'scores'}
    for op in network.operators:
        converter.operator(op)
    batch, height, width, channels = network.shapes[image]
    describe = lambda tensor, shape: helper.make_tensor_value_info(converter.name(tensor), TensorProto.FLOAT, shape)
    graph = helper.make_graph(converter.nodes, 'detector', [describe(image, [batch, channels, height, width])],
                              [describe(t, network.shapes[t]) for t in (boxes, scores)], converter.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', converter.opset)], producer_name='tflite2onnx.py')
    model.ir_version = 6
    onnx.checker.check_model(model)
    return model


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split('\n\n')[1])
    with open(sys.argv[1], 'rb') as file:
        data = file.read()
    try:
        onnx.save(convert(data), sys.argv[2])
    except (ValueError, KeyError, IndexError, struct.error) as error:
        sys.exit('tflite2onnx: %s cannot be converted: %s' % (sys.argv[1], error))


if __name__ == '__main__':
    main()
