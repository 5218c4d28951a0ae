"""Makes `cases.bin`: graphs of one operator (a few of two), their inputs and onnxruntime's answers.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
    python tests/operators/make.py

The file, compressed with zlib, is a sequence of ONNX models, each after its length as four bytes, little endian. `doc_string` is a case's name,
`producer_version` who answered. The initialiser `answer` is what must come out. What goes in is the initialiser
`input:NAME`, or, if there is none, the ramp whose bounds and start `metadata_props` give under NAME. Every input is f32
and every answer is cast to f32. Nothing is random: the same versions make the same bytes.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

CASES = []
RAMPS = {}
ANSWERED = {"onnxruntime": 0, "onnx": 0, "numpy": 0}


def ramp(*shape, low=-3.0, high=3.0, start=0):
    """Numbers over low..high in an order without a pattern, none twice in 251 and none at 0."""
    k = np.arange(int(np.prod(shape, dtype=np.int64))) + start
    numbers = ((((97 * k + 13) % 251) + 0.37) / 251 * (high - low) + low).astype(np.float32).reshape(shape)
    RAMPS[numbers.tobytes()] = f"{low} {high} {start}"
    return numbers


def ints(*values):
    return np.array(values, np.int64)


def node(op, inputs, outputs=("y",), domain="", **attributes):
    return helper.make_node(op, list(inputs), list(outputs), domain=domain, **attributes)


def case(name, op, inputs, constants=(), opset=17, nodes=None, outputs=("y",), order=None, domain="", functions=(), imports=(),
         cast=True, answer=None, **attributes):
    """One case: the node `op`, or `nodes` that end in `y`. `constants` lists inputs that are stored in the graph."""
    inputs = {"x": inputs} if isinstance(inputs, np.ndarray) else dict(inputs)
    constants = dict(constants)
    order = order if order is not None else [*inputs, *constants]
    nodes = nodes or [node(op, order, outputs, domain, **attributes)]
    if cast:
        last = {"op": "Identity"} if opset < 6 else {"op": "Cast", "to": TensorProto.FLOAT}
        nodes = [*nodes, node(inputs=["y"], outputs=["answered"], **last)]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in inputs.items()],
        [helper.make_tensor_value_info("answered", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    sets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in imports)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8, functions=list(functions))
    add(name, model, inputs, answer)


def add(name, model, inputs, answer):
    """`answer` is for what neither runs any more."""
    if "-v" in sys.argv:
        print(name, flush=True)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        if answer is not None:
            raise NotImplementedError
        answer = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"]).run(None, inputs)[0]
        who = "onnxruntime"
    except Exception as refused:
        try:
            if answer is not None:
                raise NotImplementedError
            answer, who = ReferenceEvaluator(model).run(None, inputs)[0], "onnx"
        except Exception as also:
            who = "numpy"
            if answer is None:
                print(f"{name}: nobody answers: {str(refused)[:160]} / {str(also)[:160]}", file=sys.stderr)
                return
    answer = np.asarray(answer, np.float32)
    if not np.isfinite(answer).all():
        print(f"{name}: the answer is not finite", file=sys.stderr)
        return
    ANSWERED[who] += 1
    model.doc_string = name
    model.producer_version = f"{who} {dict(onnxruntime=ort, onnx=onnx, numpy=np)[who].__version__}"
    helper.set_model_props(model, {k: RAMPS[v.tobytes()] for k, v in inputs.items() if v.tobytes() in RAMPS})
    model.graph.initializer.extend(numpy_helper.from_array(v, f"input:{k}") for k, v in inputs.items() if v.tobytes() not in RAMPS)
    model.graph.initializer.append(numpy_helper.from_array(answer, "answer"))
    CASES.append((name, model.SerializeToString(deterministic=True)))


def activations():
    x = ramp(1, 2, 4, 3)
    small, positive = ramp(1, 2, 4, 3, low=-0.95, high=0.95), ramp(1, 2, 4, 3, low=0.05, high=4.0)
    for op in ["Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Abs", "Neg", "Exp", "Erf", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Atan",
               "Asinh", "Floor", "Ceil", "Round", "Sign", "HardSwish", "Identity"]:
        case(op.lower(), op, x)
    for op in ["Log", "Sqrt", "Reciprocal"]:
        case(op.lower(), op, positive)
    for op in ["Acos", "Asin", "Atanh"]:
        case(op.lower(), op, small)
    case("acosh", "Acosh", positive + np.float32(1))
    case("mish", "Mish", x, opset=18)
    case("large-softplus", "Softplus", ramp(1, 2, 4, 3, low=-100, high=100))
    case("large-sigmoid", "Sigmoid", ramp(1, 2, 4, 3, low=-100, high=100))
    case("large-tanh", "Tanh", ramp(1, 2, 4, 3, low=-100, high=100))
    case("large-mish", "Mish", ramp(1, 2, 4, 3, low=-60, high=60), opset=18)
    case("large-erf", "Erf", ramp(1, 2, 4, 3, low=-9, high=9))
    case("halves-round", "Round", np.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 3.5]], np.float32))
    case("gelu", "Gelu", x, opset=20)
    case("gelu-tanh", "Gelu", x, opset=20, approximate="tanh")
    case("gelu-none", "Gelu", x, opset=20, approximate="none")
    case("swish", "Swish", x, opset=24)
    case("swish-alpha", "Swish", x, opset=24, alpha=1.7)
    for alpha in [None, 0.5, 2.0]:
        given = {} if alpha is None else {"alpha": alpha}
        for op in ["Celu", "Elu", "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Selu"]:
            case(f"{op.lower()}-{alpha}", op, x, **given)
    case("leakyrelu-negative", "LeakyRelu", x, alpha=-0.3)
    case("leakyrelu-0", "LeakyRelu", x, alpha=0.0)
    case("elu-negative", "Elu", x, alpha=-0.7)
    case("hardsigmoid-both", "HardSigmoid", x, alpha=0.4, beta=0.3)
    case("selu-both", "Selu", x, alpha=1.3, gamma=2.0)
    case("shrink", "Shrink", x)
    case("shrink-soft", "Shrink", x, lambd=1.0, bias=0.7)
    for shape in [(1,), (2, 1, 1), (2, 4, 3), (1, 2, 4, 3), (3,), (4, 1), ()]:
        case(f"prelu-{'x'.join(map(str, shape))}", "PRelu", x, {"slope": ramp(*shape, start=5)})
    case("prelu-1-on-matrix", "PRelu", ramp(2, 5), {"slope": ramp(5)})
    for name, low, high in [("both", -1.0, 1.5), ("low", -0.5, None), ("high", None, 0.7), ("none", None, None)]:
        constants = {k: np.array(v, np.float32) for k, v in [("low", low), ("high", high)] if v is not None}
        order = ["x", "low" if low is not None else "", "high" if high is not None else ""]
        while order[-1] == "":
            order.pop()
        case(f"clip-{name}", "Clip", x, constants, order=order)
        given = {k: v for k, v in [("min", low), ("max", high)] if v is not None}
        case(f"clip-6-{name}", "Clip", x, opset=6 if name != "none" else 10, **given)
    case("clip-empty-max", "", x, {"l": np.float32(-1)}, nodes=[node("Clip", ["x", "l", ""])])
    case("clip-crossed", "Clip", x, {"low": np.float32(1.0), "high": np.float32(-1.0)})
    case("clip-computed", "Clip", {"x": x, "low": np.array(-1, np.float32), "high": np.array(2, np.float32)})
    for op in ["Softmax", "LogSoftmax", "Hardmax"]:
        for axis in [None, 0, 1, 2, -1, -2]:
            given = {} if axis is None else {"axis": axis}
            case(f"{op.lower()}-13-axis-{axis}", op, ramp(2, 3, 4), opset=13, **given)
            case(f"{op.lower()}-11-axis-{axis}", op, ramp(2, 3, 4), opset=11, **given)
        case(f"{op.lower()}-11-4d", op, x, opset=11)
        case(f"{op.lower()}-13-4d", op, x, opset=13, axis=1)
        case(f"{op.lower()}-9-4d-axis-3", op, x, opset=9, axis=3)
    case("softmax-large", "Softmax", ramp(1, 6, low=-200, high=200))
    case("logsoftmax-large", "LogSoftmax", ramp(1, 6, low=-200, high=200))
    case("hardmax-ties", "Hardmax", np.array([[1, 3, 3, 2], [0, 0, 0, 0]], np.float32))


def arithmetic():
    a, b = ramp(1, 3, 2, 4), ramp(3, 1, 1, start=7)
    for op, compute in [("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide)]:
        case(f"{op.lower()}-broadcast", op, {"a": a, "b": b})
        case(f"{op.lower()}-same", op, {"a": a, "b": ramp(1, 3, 2, 4, start=31)})
        case(f"{op.lower()}-constant-first", op, {"a": a}, {"c": np.float32(1.7)}, order=["c", "a"])
        case(f"{op.lower()}-6-axis", op, {"a": a, "b": ramp(3, start=7)}, opset=6, broadcast=1, axis=1,
             answer=compute(a, ramp(3, 1, 1, start=7)))
        case(f"{op.lower()}-6", op, {"a": a, "b": ramp(4, start=7)}, opset=6, broadcast=1, answer=compute(a, ramp(4, start=7)))
    for op in ["Max", "Min", "Sum", "Mean"]:
        case(f"{op.lower()}-3", op, {"a": a, "b": b, "c": ramp(4, start=9)})
        case(f"{op.lower()}-1", op, {"a": a})
    base = ramp(1, 3, 4, low=-2, high=2)
    for e in [2.0, 3.0, 0.0, 1.0, -1.0, -2.0]:
        case(f"pow-{e}", "Pow", base, {"e": np.float32(e)})
    for e in [0.5, -0.5, 1.7]:
        case(f"pow-{e}", "Pow", np.abs(base) + np.float32(0.1), {"e": np.float32(e)})
    for e in [2, 3, 0, -1]:
        case(f"pow-int-{e}", "Pow", base, {"e": np.array(e, np.int64)})
    case("pow-int32-tensor", "Pow", base, {"e": np.array([0, 1, 2, 3], np.int32)})
    case("pow-tensor", "Pow", {"x": np.abs(base) + np.float32(0.1), "e": ramp(4)})
    case("mod-fmod", "Mod", {"a": a, "b": b}, fmod=1)
    case("mod-fmod-constant", "Mod", a, {"b": np.float32(-1.3)}, fmod=1)
    for fmod in [0, 1]:
        values = {"i": np.array([-7, -3, 5, 8], np.int64), "d": np.array([3, -2, -3, 3], np.int64)}
        case(f"mod-int-{fmod}", "", a, values, nodes=[node("Mod", ["i", "d"], ["m"], fmod=fmod), node("Cast", ["m"], ["f"], to=1),
                                                     node("Mul", ["x", "f"])])
    case("div-int", "", a, {"i": np.array([-7, -3, 5, 8], np.int64), "d": np.array([2, 2, 3, -3], np.int64)},
         nodes=[node("Div", ["i", "d"], ["m"]), node("Cast", ["m"], ["f"], to=1), node("Mul", ["x", "f"])])
    for op in ["Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual"]:
        case(op.lower(), op, {"a": np.round(a), "b": np.round(b)})
    for op in ["And", "Or", "Xor"]:
        case(op.lower(), "", {"a": a, "b": b}, {"zero": np.float32(0)},
             nodes=[node("Greater", ["a", "zero"], ["p"]), node("Less", ["b", "zero"], ["q"]), node(op, ["p", "q"])])
    case("not", "", {"a": a}, {"zero": np.float32(0)}, nodes=[node("Greater", ["a", "zero"], ["p"]), node("Not", ["p"])])
    case("where", "", {"a": a, "b": b}, {"zero": np.float32(0)}, nodes=[node("Greater", ["a", "zero"], ["p"]), node("Where", ["p", "a", "b"])])
    case("where-scalar", "", {"a": a}, {"zero": np.float32(0), "no": np.float32(-9)},
         nodes=[node("Greater", ["a", "zero"], ["p"]), node("Where", ["p", "a", "no"])])
    case("where-widens", "", {"a": ramp(3, 1), "b": ramp(1, 4, start=3)}, {"c": np.array([[True], [False], [True]])},
         nodes=[node("Where", ["c", "a", "b"])])
    case("isnan", "", {"a": a}, {"zero": np.float32(0)}, nodes=[node("Log", ["a"], ["n"]), node("IsNaN", ["n"])])
    case("isinf", "", {"a": np.array([[0, 1, 2, 0]], np.float32)}, nodes=[node("Log", ["a"], ["n"]), node("IsInf", ["n"], detect_positive=0)])
    case("isinf-positive", "", {"a": np.array([[0, 1, 2, 0]], np.float32)}, nodes=[node("Log", ["a"], ["n"]), node("IsInf", ["n"], detect_negative=0)])
    case("cast-int", "Cast", a, to=TensorProto.INT64)
    case("cast-int32", "Cast", a, to=TensorProto.INT32)
    case("cast-bool", "Cast", np.round(a), to=TensorProto.BOOL)
    case("cast-uint8", "", np.abs(a) * np.float32(40), nodes=[node("Cast", ["x"], to=TensorProto.UINT8)])
    case("bitshift", "", a, {"i": np.array([1, 2, 3, 4], np.uint8), "n": np.array([1, 1, 2, 2], np.uint8)},
         nodes=[node("BitShift", ["i", "n"], ["m"], direction="LEFT"), node("Cast", ["m"], ["f"], to=1), node("Mul", ["x", "f"])])


def products():
    case("matmul", "MatMul", {"a": ramp(2, 3), "b": ramp(3, 4)})
    case("matmul-batch", "MatMul", {"a": ramp(2, 1, 2, 3), "b": ramp(3, 3, 4)})
    case("matmul-vector-right", "MatMul", {"a": ramp(2, 2, 3), "b": ramp(3)})
    case("matmul-vector-left", "MatMul", {"a": ramp(3), "b": ramp(2, 3, 4)})
    case("matmul-vectors", "MatMul", {"a": ramp(3), "b": ramp(3, start=9)})
    for ta in [0, 1]:
        for tb in [0, 1]:
            a, b = ramp(*((3, 2) if ta else (2, 3))), ramp(*((4, 3) if tb else (3, 4)), start=5)
            case(f"gemm-{ta}{tb}", "Gemm", {"a": a, "b": b}, {"c": ramp(4)}, transA=ta, transB=tb, alpha=0.7, beta=1.3)
    for shape in [(1,), (), (2, 1), (1, 4), (2, 4)]:
        case(f"gemm-c-{'x'.join(map(str, shape))}", "Gemm", {"a": ramp(2, 3), "b": ramp(3, 4)}, {"c": ramp(*shape)}, beta=0.5)
    case("gemm-no-c", "Gemm", {"a": ramp(2, 3), "b": ramp(3, 4)}, alpha=2.0)
    case("gemm-beta-0", "Gemm", {"a": ramp(2, 3), "b": ramp(3, 4)}, {"c": ramp(4)}, beta=0.0)
    case("gemm-alpha-0", "Gemm", {"a": ramp(2, 3), "b": ramp(3, 4)}, {"c": ramp(4)}, alpha=0.0)
    case("gemm-empty-c", "", {"a": ramp(2, 3), "b": ramp(3, 4)}, nodes=[node("Gemm", ["a", "b", ""])])
    case("gemm-6", "Gemm", ramp(1, 3), {"b": ramp(3, 4), "c": ramp(4)}, opset=6, broadcast=1)
    for equation, shapes in [("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]), ("ij->ji", [(2, 3)]), ("ii->i", [(3, 3)]), ("ij->", [(2, 3)]),
                             ("i,j->ij", [(2,), (3,)]), ("...ij,...jk->...ik", [(2, 2, 3), (2, 3, 2)]), ("ij,jk", [(2, 3), (3, 2)]),
                             ("bhid,bhjd->bhij", [(1, 2, 2, 3), (1, 2, 2, 3)]), ("bi,bi->b", [(2, 3), (2, 3)]), ("ba", [(2, 3)]),
                             ("i,ij,j->", [(2,), (2, 3), (3,)])]:
        names = ["a", "b", "c"][: len(shapes)]
        case(f"einsum-{equation}", "Einsum", {n: ramp(*s, start=i) for i, (n, s) in enumerate(zip(names, shapes))}, equation=equation)


def convolutions():
    x = ramp(1, 2, 6, 5)
    w = ramp(3, 2, 3, 2, low=-1, high=1, start=3)
    variants = {
        "plain": {}, "bias": {"bias": True}, "pads": {"pads": [1, 0, 2, 1]}, "strides": {"strides": [2, 1]},
        "dilations": {"dilations": [2, 1]}, "same-upper": {"auto_pad": "SAME_UPPER"}, "same-lower": {"auto_pad": "SAME_LOWER"},
        "valid": {"auto_pad": "VALID"}, "same-upper-strides": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        "same-lower-strides": {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, "same-upper-strides-3": {"auto_pad": "SAME_UPPER", "strides": [3, 4]},
        "same-lower-dilations": {"auto_pad": "SAME_LOWER", "dilations": [2, 3]}, "same-upper-dilations": {"auto_pad": "SAME_UPPER", "dilations": [2, 3]},
        "kernel-shape": {"kernel_shape": [3, 2], "pads": [1, 1, 1, 1], "strides": [2, 2]},
        "notset": {"auto_pad": "NOTSET", "pads": [1, 1, 0, 0]},
        "valid-and-pads": {"auto_pad": "VALID", "pads": [0, 0, 0, 0]},
    }
    for name, given in variants.items():
        given = dict(given)
        constants = {"w": w, **({"b": ramp(3)} if given.pop("bias", False) else {})}
        case(f"conv-{name}", "Conv", x, constants, **given)
    case("conv-same-upper-and-pads", "Conv", x, {"w": w}, auto_pad="SAME_UPPER", pads=[0, 0, 0, 0])
    case("conv-same-lower-and-pads", "Conv", x, {"w": w}, auto_pad="SAME_LOWER", pads=[1, 1, 1, 1], strides=[2, 2])
    case("conv-group", "Conv", ramp(1, 4, 5, 5), {"w": ramp(6, 2, 3, 3), "b": ramp(6)}, group=2)
    case("conv-depthwise", "Conv", ramp(1, 3, 5, 5), {"w": ramp(3, 1, 3, 3)}, group=3, pads=[1, 1, 1, 1])
    case("conv-depthwise-2", "Conv", ramp(1, 2, 5, 5), {"w": ramp(4, 1, 3, 3), "b": ramp(4)}, group=2, strides=[2, 2], pads=[1, 1, 1, 1])
    case("conv-depthwise-same-lower", "Conv", ramp(1, 3, 5, 6), {"w": ramp(3, 1, 2, 2)}, group=3, auto_pad="SAME_LOWER", strides=[2, 1])
    case("conv-1x1", "Conv", x, {"w": ramp(3, 2, 1, 1)}, strides=[2, 2])
    case("conv-1d", "Conv", ramp(1, 2, 7), {"w": ramp(3, 2, 3)}, pads=[1, 0])
    case("conv-3d", "Conv", ramp(1, 2, 3, 4, 3), {"w": ramp(2, 2, 2, 2, 2)})
    case("conv-batch", "Conv", ramp(2, 2, 4, 4), {"w": ramp(2, 2, 2, 2)})
    case("conv-empty-bias", "", x, {"w": w}, nodes=[node("Conv", ["x", "w", ""])])
    case("conv-computed-weights", "Conv", {"x": x, "w": w, "b": ramp(3)})
    w = ramp(2, 3, 3, 2, low=-1, high=1, start=3)
    x = ramp(1, 2, 4, 3)
    variants = {
        "plain": {}, "strides": {"strides": [2, 3]}, "pads": {"pads": [1, 0, 1, 1]}, "output-padding": {"strides": [2, 3], "output_padding": [1, 1]},
        "dilations": {"dilations": [2, 2]}, "output-shape": {"strides": [2, 2], "output_shape": [9, 8]},
        "same-upper": {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, "same-lower": {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        "output-shape-same-lower": {"auto_pad": "SAME_LOWER", "strides": [3, 2], "output_shape": [11, 5]},
        "output-shape-same-upper": {"auto_pad": "SAME_UPPER", "strides": [3, 2], "output_shape": [11, 5]},
        "valid": {"auto_pad": "VALID", "strides": [2, 2]},
    }
    for name, given in variants.items():
        case(f"convtranspose-{name}", "ConvTranspose", x, {"w": w, "b": ramp(3)}, **given)
    case("convtranspose-group", "ConvTranspose", ramp(1, 4, 3, 3), {"w": ramp(4, 2, 2, 2)}, group=2, strides=[2, 2])
    case("convtranspose-depthwise", "ConvTranspose", ramp(1, 3, 3, 3), {"w": ramp(3, 1, 2, 2)}, group=3, strides=[2, 2])


def pooling():
    x = ramp(1, 2, 6, 7)
    variants = {
        "plain": {"kernel_shape": [2, 3]}, "strides": {"kernel_shape": [3, 2], "strides": [2, 2]},
        "pads": {"kernel_shape": [3, 3], "pads": [1, 0, 0, 1]}, "pads-strides": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        "ceil": {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, "ceil-3": {"kernel_shape": [3, 3], "strides": [2, 3], "ceil_mode": 1},
        "ceil-pads": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
        "ceil-pads-right": {"kernel_shape": [2, 2], "strides": [3, 3], "pads": [0, 0, 1, 1], "ceil_mode": 1},
        "ceil-drop": {"kernel_shape": [2, 2], "strides": [3, 4], "pads": [1, 1, 1, 1], "ceil_mode": 1},
        "same-upper": {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]},
        "same-lower": {"kernel_shape": [3, 2], "auto_pad": "SAME_LOWER", "strides": [2, 2]},
        "same-lower-1": {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"}, "same-upper-1": {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
        "valid": {"kernel_shape": [3, 3], "auto_pad": "VALID", "strides": [2, 2]},
        "valid-ceil": {"kernel_shape": [3, 3], "auto_pad": "VALID", "strides": [2, 2], "ceil_mode": 1},
        "global": {"kernel_shape": [6, 7]},
    }
    dilated = {"dilated": {"kernel_shape": [2, 2], "dilations": [2, 3]}, "dilated-pads": {"kernel_shape": [3, 2], "dilations": [2, 2], "pads": [1, 1, 1, 1]},
               "dilated-ceil": {"kernel_shape": [2, 2], "dilations": [2, 2], "strides": [2, 3], "ceil_mode": 1}}
    for name, given in {**variants, **dilated}.items():
        opset = 19
        case(f"maxpool-{name}", "MaxPool", x, opset=opset if "dilated" in name else 12, **given)
        case(f"averagepool-{name}", "AveragePool", x, opset=opset, **given)
        case(f"averagepool-counted-{name}", "AveragePool", x, opset=opset, count_include_pad=1, **given)
        case(f"lppool-{name}", "LpPool", x, opset=18, **given)
    case("averagepool-11-ceil-pads", "AveragePool", x, opset=11, **variants["ceil-pads"])
    case("averagepool-11-counted-ceil-pads", "AveragePool", x, opset=11, count_include_pad=1, **variants["ceil-pads"])
    for op in ["MaxPool", "AveragePool", "LpPool"]:
        case(f"{op.lower()}-same-and-pads", op, x, opset=12, kernel_shape=[3, 2], auto_pad="SAME_UPPER", pads=[0, 0, 0, 0])
    case("averagepool-7-pads", "AveragePool", x, opset=7, **variants["pads-strides"])
    case("maxpool-8-pads", "MaxPool", x, opset=8, **variants["pads-strides"])
    case("maxpool-negative-pads-strides", "MaxPool", x - np.float32(10), opset=12, **variants["pads-strides"])
    case("maxpool-1d", "MaxPool", ramp(1, 2, 7), opset=12, kernel_shape=[3], strides=[2], pads=[1, 1])
    case("maxpool-3d", "MaxPool", ramp(1, 2, 3, 4, 3), opset=12, kernel_shape=[2, 2, 2])
    case("averagepool-1d", "AveragePool", ramp(1, 2, 7), opset=12, kernel_shape=[3], strides=[2], pads=[1, 1])
    case("averagepool-3d", "AveragePool", ramp(1, 2, 3, 4, 3), opset=12, kernel_shape=[2, 2, 2])
    for order in [0, 1]:
        case(f"maxpool-indices-{order}", "", x, nodes=[node("MaxPool", ["x"], ["m", "y"], kernel_shape=[2, 2], strides=[2, 2], storage_order=order)], opset=12)
    for p in [1, 2, 3]:
        case(f"lppool-p-{p}", "LpPool", x, opset=18, kernel_shape=[2, 3], strides=[2, 1], p=p)
        case(f"lppool-11-p-{p}", "LpPool", x, opset=11, kernel_shape=[3, 2], pads=[1, 1, 0, 0], p=p)
        case(f"globallppool-p-{p}", "GlobalLpPool", x, p=p)
    case("lppool-group-1d", "LpPool", ramp(1, 3, 6), opset=18, kernel_shape=[3])
    case("globallppool", "GlobalLpPool", x)
    case("globallppool-1d", "GlobalLpPool", ramp(1, 3, 6))
    case("globallppool-3d", "GlobalLpPool", ramp(1, 2, 3, 2, 2), p=3)
    for op in ["GlobalAveragePool", "GlobalMaxPool"]:
        case(op.lower(), op, x)
        case(f"{op.lower()}-1d", op, ramp(1, 3, 6))
        case(f"{op.lower()}-3d", op, ramp(1, 2, 3, 2, 2))
        case(f"{op.lower()}-batch", op, ramp(2, 2, 3, 3))


def lrn(x, size):
    """ONNX's definition: onnxruntime refuses even sizes, onnx's own reference leaves the last channel out."""
    window = lambda c: x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1]
    return np.stack([x[:, c] / (1.5 + 0.3 / size * (window(c) ** 2).sum(1)) ** 0.6 for c in range(x.shape[1])], 1)


def normalization():
    x = ramp(2, 4, 3, 2)
    four = {"scale": ramp(4, low=0.5, high=2), "bias": ramp(4), "mean": ramp(4, start=3), "var": ramp(4, low=0.2, high=3, start=9)}
    for opset in [7, 9, 14, 15]:
        case(f"batchnormalization-{opset}", "BatchNormalization", x, four, opset=opset, epsilon=1e-3)
    case("batchnormalization-default", "BatchNormalization", x, four)
    case("batchnormalization-2d", "BatchNormalization", ramp(2, 4), four)
    case("batchnormalization-3d", "BatchNormalization", ramp(2, 4, 3), four)
    case("batchnormalization-conv", "", ramp(1, 2, 4, 4), {**four, "w": ramp(4, 2, 3, 3)},
         nodes=[node("Conv", ["x", "w"], ["c"]), node("BatchNormalization", ["c", *four], epsilon=0.1)])
    case("batchnormalization-small-variance", "BatchNormalization", x, {**four, "var": np.full(4, 1e-6, np.float32)}, epsilon=1e-5)
    two = {"scale": four["scale"], "bias": four["bias"]}
    case("instancenormalization", "InstanceNormalization", x, two)
    case("instancenormalization-epsilon", "InstanceNormalization", x, two, epsilon=0.3)
    case("instancenormalization-1d", "InstanceNormalization", ramp(2, 4, 5), two)
    case("groupnormalization-18", "GroupNormalization", x, {"scale": ramp(2, low=0.5, high=2), "bias": ramp(2)}, opset=18, num_groups=2)
    case("groupnormalization-21", "GroupNormalization", x, two, opset=21, num_groups=2, epsilon=0.01)
    case("groupnormalization-21-3d", "GroupNormalization", ramp(1, 4, 5), two, opset=21, num_groups=2)
    case("layernormalization", "LayerNormalization", x, {"scale": ramp(2), "bias": ramp(2)})
    case("layernormalization-axis-1", "LayerNormalization", x, {"scale": ramp(4, 3, 2), "bias": ramp(4, 3, 2)}, axis=1)
    case("layernormalization-axis-2", "LayerNormalization", x, {"scale": ramp(3, 2), "bias": ramp(3, 2)}, axis=-2, epsilon=0.2)
    case("layernormalization-no-bias", "LayerNormalization", x, {"scale": ramp(2)})
    case("layernormalization-scalar", "LayerNormalization", x, {"scale": ramp(1), "bias": ramp(1)}, axis=1)
    case("layernormalization-mean", "", x, {"s": ramp(2), "b": ramp(2)}, nodes=[node("LayerNormalization", ["x", "s", "b"], ["n", "y"])])
    case("layernormalization-inverse", "", x, {"s": ramp(2), "b": ramp(2)}, nodes=[node("LayerNormalization", ["x", "s", "b"], ["n", "", "y"])])
    case("rmsnormalization", "RMSNormalization", x, {"s": ramp(2)}, opset=23)
    case("rmsnormalization-axis-1", "RMSNormalization", x, {"s": ramp(4, 3, 2)}, opset=23, axis=1, epsilon=0.1)
    for size in [1, 2, 3, 4, 5]:
        case(f"lrn-{size}", "LRN", ramp(1, 5, 2, 2), size=size, alpha=0.3, beta=0.6, bias=1.5, answer=lrn(ramp(1, 5, 2, 2), size) if size % 2 == 0 else None)
    case("lrn-default", "LRN", ramp(1, 5, 2, 2), size=3)
    for p in [1, 2]:
        for axis in [-1, 1, 2]:
            case(f"lpnormalization-{p}-axis-{axis}", "LpNormalization", x, p=p, axis=axis)
    case("lpnormalization-default", "LpNormalization", x)
    case("meanvariancenormalization", "MeanVarianceNormalization", x)
    case("meanvariancenormalization-axes", "MeanVarianceNormalization", x, axes=[0, 3])


def reductions():
    x = ramp(2, 3, 2, 2)
    positive = ramp(2, 3, 2, 2, low=0.1, high=2)
    for op in ["ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"]:
        data = positive if op == "ReduceLogSum" else x
        old = {} if op == "ReduceSum" else {"opset": 17}
        for name, axes in [("axes", [2, 3]), ("negative", [-1, 1]), ("one", [1])]:
            for keep in [0, 1]:
                if op == "ReduceSum":
                    case(f"{op.lower()}-{name}-{keep}", op, data, {"axes": ints(*axes)}, keepdims=keep)
                else:
                    case(f"{op.lower()}-{name}-{keep}", op, data, axes=axes, keepdims=keep, **old)
                case(f"{op.lower()}-18-{name}-{keep}", op, data, {"axes": ints(*axes)}, opset=18, keepdims=keep)
        case(f"{op.lower()}-all", op, data)
        case(f"{op.lower()}-all-0", op, data, keepdims=0, opset=18)
        case(f"{op.lower()}-noop", op, data, opset=18, noop_with_empty_axes=1)
        case(f"{op.lower()}-empty", op, data, {"axes": np.zeros(0, np.int64)}, opset=18)
    case("reducesum-11", "ReduceSum", x, opset=11, axes=[-1, -2], keepdims=0)
    case("reducelogsumexp-large", "ReduceLogSumExp", ramp(2, 4, low=-150, high=150), axes=[1])
    for op in ["ArgMax", "ArgMin"]:
        for axis in [0, -1, 2]:
            case(f"{op.lower()}-axis-{axis}", op, ramp(2, 3, 4), axis=axis)
            case(f"{op.lower()}-axis-{axis}-no", op, ramp(2, 3, 4), axis=axis, keepdims=0)
        ties = np.array([[1, 3, 3, 2, 1], [0, 0, 0, 0, 0]], np.float32)
        case(f"{op.lower()}-ties", op, ties, axis=1)
        case(f"{op.lower()}-ties-last", op, ties, axis=1, select_last_index=1)
    for largest in [0, 1]:
        for output in ["values", "indices"]:
            outs = ["y", "i"] if output == "values" else ["v", "y"]
            case(f"topk-{largest}-{output}", "", ramp(2, 6), {"k": ints(3)}, nodes=[node("TopK", ["x", "k"], outs, largest=largest)])
            case(f"topk-axis-0-{largest}-{output}", "", ramp(4, 3), {"k": ints(2)}, nodes=[node("TopK", ["x", "k"], outs, largest=largest, axis=0)])
    for exclusive in [0, 1]:
        for reverse in [0, 1]:
            for axis in [1, -1]:
                case(f"cumsum-{exclusive}{reverse}-{axis}", "CumSum", ramp(2, 3, 2), {"axis": np.array(axis, np.int32 if axis == 1 else np.int64)},
                     exclusive=exclusive, reverse=reverse)


def arrangement():
    x = ramp(2, 3, 4)
    for name, start, end, axes, steps in [("plain", [0, 1], [2, 3], [0, 1], None), ("negative", [-3], [-1], [2], None), ("reverse", [-1], [-100], [2], [-1]),
                                          ("reverse-2", [3], [0], [2], [-2]), ("steps", [0], [100], [-1], [3]), ("no-axes", [0, 1, 1], [2, 3, 9], None, None),
                                          ("max", [1], [2**63 - 1], [1], None), ("reverse-all", [2**62], [-(2**63)], [1], [-1]), ("reverse-clamped", [9], [0], [2], [-1])]:
        constants = {"s": ints(*start), "e": ints(*end)}
        if axes is not None:
            constants["a"] = ints(*axes)
        if steps is not None:
            constants["t"] = ints(*steps)
        case(f"slice-{name}", "Slice", x, constants)
    case("slice-1", "Slice", x, opset=9, axes=[1, -1], starts=[1, -3], ends=[100, -1])
    case("slice-1-no-axes", "Slice", x, opset=9, starts=[0, 1], ends=[2, 3])
    for axis in [0, 1, -1]:
        case(f"gather-axis-{axis}", "Gather", x, {"i": ints(1, 0, -1)}, axis=axis)
    case("gather-matrix", "Gather", x, {"i": np.array([[0, -2], [1, 1]], np.int64)}, axis=1)
    case("gather-scalar", "Gather", x, {"i": np.array(-1, np.int64)}, axis=2)
    case("gather-int32", "Gather", x, {"i": np.array([2, -3], np.int32)}, axis=1)
    case("gatherelements", "GatherElements", ramp(2, 3), {"i": np.array([[0, -1, 1], [-2, 0, 1]], np.int64)}, axis=0)
    case("gatherelements-1", "GatherElements", ramp(2, 3), {"i": np.array([[0, -1], [-2, 2]], np.int64)}, axis=-1)
    case("gathernd", "GatherND", x, {"i": np.array([[0, 1], [1, -1]], np.int64)})
    case("gathernd-batch", "GatherND", x, {"i": np.array([[1], [-1]], np.int64)}, batch_dims=1)
    indices, updates = np.array([[0, -1, 1], [1, 0, -2]], np.int64), ramp(2, 3, start=40)
    case("scatterelements", "ScatterElements", ramp(2, 3), {"i": np.array([[0, 1, 1], [1, 0, 0]], np.int64), "u": updates}, axis=0)
    case("scatterelements-negative", "ScatterElements", ramp(2, 4), {"i": np.array([[0, -1], [-2, 0]], np.int64), "u": ramp(2, 2, start=40)}, axis=-1)
    for reduction in ["add", "mul", "max", "min"]:
        case(f"scatterelements-{reduction}", "ScatterElements", ramp(2, 3), {"i": indices, "u": updates}, axis=0, opset=18, reduction=reduction)
        case(f"scatternd-{reduction}", "ScatterND", ramp(3, 2), {"i": np.array([[0], [0], [2]], np.int64), "u": ramp(3, 2, start=30)}, opset=18, reduction=reduction)
    case("scatternd", "ScatterND", ramp(3, 2), {"i": np.array([[1, 0], [-1, 1]], np.int64), "u": ramp(2, start=30)})
    for name, parts, given in [("even", None, {"outputs": 2}), ("uneven", [1, 3], {"outputs": 2}), ("three", [2, 1, 1], {"outputs": 3})]:
        names = [f"p{i}" for i in range(given["outputs"])]
        inputs = ["x"] + ([] if parts is None else ["s"])
        constants = {} if parts is None else {"s": ints(*parts)}
        case(f"split-{name}", "", x, constants, nodes=[node("Split", inputs, names, axis=-1), node("Concat", names[::-1], axis=-1)])
        legacy = {} if parts is None else {"split": parts}
        case(f"split-11-{name}", "", x, opset=11, nodes=[node("Split", ["x"], names, axis=2, **legacy), node("Concat", names[::-1], axis=2)])
    case("split-18-uneven", "", ramp(2, 7), opset=18, nodes=[node("Split", ["x"], ["a", "b", "c"], axis=1, num_outputs=3), node("Concat", ["c", "b", "a"], axis=1)])
    case("split-skipped", "", x, nodes=[node("Split", ["x"], ["unused", "y"], axis=-1)])
    case("concat", "Concat", {"a": x, "b": ramp(2, 1, 4)}, axis=1)
    case("concat-negative", "Concat", {"a": x, "b": ramp(2, 3, 2)}, axis=-1)
    case("transpose", "Transpose", x, perm=[1, 2, 0])
    case("transpose-default", "Transpose", x)
    for axis in [0, 1, 2, 3, -1]:
        case(f"flatten-{axis}", "Flatten", x, axis=axis)
    case("flatten-default", "Flatten", x)
    for name, shape in [("plain", [4, 6]), ("minus", [3, -1]), ("zero", [0, -1]), ("zero-middle", [2, 0, -1]), ("one", [-1]), ("four", [1, 2, -1, 2])]:
        case(f"reshape-{name}", "Reshape", x, {"s": ints(*shape)})
    case("reshape-1", "Reshape", x, opset=1, shape=[6, -1], answer=x.reshape(6, 4))
    case("cast-1", "Cast", x, opset=5, to="INT32", answer=np.trunc(x))
    case("cast-1-f16", "Cast", x, opset=5, to="FLOAT16", answer=x)
    case("concat-1", "Concat", {"a": x, "b": ramp(2, 1, 4)}, opset=1, answer=np.concatenate([x, ramp(2, 1, 4)], 1))
    case("reshape-4", "Reshape", x, {"s": ints(6, 4)}, opset=4 + 1)
    y = ramp(1, 3, 1, 2, 1)
    for name, axes in [("one", [0]), ("negative", [-1]), ("unordered", [4, 0, 2]), ("two", [2, 0]), ("mixed", [-1, 0])]:
        case(f"squeeze-{name}", "Squeeze", y, {"axes": ints(*axes)})
        case(f"squeeze-11-{name}", "Squeeze", y, opset=11, axes=axes)
        case(f"squeeze-constant-{name}", "", {"x": ramp(3, 2)}, {"c": y, "axes": ints(*axes)},
             nodes=[node("Squeeze", ["c", "axes"], ["q"]), node("ReduceSum", ["q"], ["r"], keepdims=0), node("Mul", ["x", "r"])])
    case("squeeze-all", "Squeeze", y)
    case("squeeze-11-all", "Squeeze", y, opset=11)
    for name, axes in [("one", [0]), ("negative", [-1]), ("unordered", [4, 0]), ("two", [1, 3]), ("mixed", [-1, 0]), ("mixed-2", [3, -5])]:
        case(f"unsqueeze-{name}", "Unsqueeze", x, {"axes": ints(*axes)})
        case(f"unsqueeze-11-{name}", "Unsqueeze", x, opset=11, axes=axes)
    case("expand", "Expand", ramp(3, 1), {"s": ints(2, 1, 4)})
    case("expand-smaller", "Expand", ramp(2, 3, 4), {"s": ints(3, 1)})
    case("tile", "Tile", ramp(1, 2, 3), {"r": ints(2, 1, 3)})
    pads = ints(0, 1, 2, 0, 0, 1)
    for mode in ["constant", "reflect", "edge"]:
        case(f"pad-{mode}", "Pad", ramp(1, 3, 4), {"p": pads}, mode=mode)
        case(f"pad-2-{mode}", "Pad", ramp(1, 3, 4), opset=10, mode=mode, pads=[0, 1, 2, 0, 0, 1])
    case("pad-wrap", "Pad", ramp(1, 3, 4), {"p": pads}, mode="wrap", opset=19)
    case("pad-value", "Pad", ramp(1, 3, 4), {"p": pads, "v": np.float32(7.5)})
    case("pad-2-value", "Pad", ramp(1, 3, 4), opset=10, pads=[0, 1, 2, 0, 0, 1], value=-2.5)
    case("pad-negative", "Pad", ramp(1, 3, 4), {"p": ints(0, -1, 1, 0, 0, -1)})
    case("pad-negative-reflect", "Pad", ramp(1, 3, 4), {"p": ints(0, -1, 1, 0, 0, -1)}, mode="reflect")
    case("pad-edge-value", "Pad", ramp(1, 3, 4), {"p": pads, "v": np.float32(7.5)}, mode="edge")
    case("pad-reflect-value", "Pad", ramp(1, 3, 4), {"p": pads, "v": np.float32(7.5)}, mode="reflect")
    case("pad-reflect-empty", "", ramp(1, 3, 4), {"p": pads}, nodes=[node("Pad", ["x", "p", ""], mode="reflect")])
    case("pad-computed", "", ramp(1, 1, 3), {"one": ints(1)}, nodes=[node("Shape", ["x"], ["s"]), node("Mul", ["s", "one"], ["t"]), node("Concat", ["t", "t"], ["p"], axis=0), node("Pad", ["x", "p"])])
    case("pad-axes", "Pad", ramp(1, 3, 4), {"p": ints(1, 2, 0, 1), "v": np.float32(1), "a": ints(-1, 1)}, opset=18)
    case("pad-1-value-tensor", "Pad", ramp(1, 3, 4), {"p": pads, "v": np.array(3.0, np.float32)})
    for upper in [0, 1]:
        for k in [None, -1, 1]:
            case(f"trilu-{upper}-{k}", "Trilu", ramp(3, 4), {} if k is None else {"k": np.array(k, np.int64)}, upper=upper)
    case("trilu-3d", "Trilu", ramp(2, 3, 3), upper=0)
    case("spacetodepth", "SpaceToDepth", ramp(1, 2, 4, 6), blocksize=2)
    case("spacetodepth-3", "SpaceToDepth", ramp(1, 1, 3, 6), blocksize=3)
    for mode in [None, "DCR", "CRD"]:
        case(f"depthtospace-{mode}", "DepthToSpace", ramp(1, 8, 2, 3), blocksize=2, **({} if mode is None else {"mode": mode}))
    case("depthtospace-crd-batch", "DepthToSpace", ramp(2, 4, 1, 3), blocksize=2, mode="CRD")
    case("spacetodepth-batch", "SpaceToDepth", ramp(2, 2, 2, 4), blocksize=2)
    case("onehot", "", ramp(3, 4), {"i": ints(0, -1, 2), "d": ints(4), "v": np.array([-1, 2], np.float32)}, nodes=[node("OneHot", ["i", "d", "v"], ["h"]), node("Mul", ["x", "h"])])
    case("range", "", ramp(4), {"a": np.array(1.0, np.float32), "b": np.array(3.0, np.float32), "c": np.array(0.5, np.float32)}, nodes=[node("Range", ["a", "b", "c"], ["r"]), node("Mul", ["x", "r"])])
    case("range-down", "", ramp(3), {"a": np.array(7, np.int64), "b": np.array(1, np.int64), "c": np.array(-2, np.int64)},
         nodes=[node("Range", ["a", "b", "c"], ["r"]), node("Cast", ["r"], ["f"], to=1), node("Mul", ["x", "f"])])
    case("shape-slice", "", x, nodes=[node("Shape", ["x"], start=1, end=-1)])
    case("shape-start", "", x, nodes=[node("Shape", ["x"], start=-2)])
    case("size", "", x, nodes=[node("Size", ["x"])])
    case("eyelike", "", ramp(3, 4), nodes=[node("EyeLike", ["x"], ["e"], k=1), node("Add", ["x", "e"])])
    case("constantofshape", "", x, nodes=[node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["c"], value=helper.make_tensor("v", 1, [1], [1.5])), node("Add", ["x", "c"])])
    case("constantofshape-default", "", x, nodes=[node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"])])
    case("nonzero", "", np.array([[1, 0, 2], [0, 3, 0]], np.float32), nodes=[node("NonZero", ["x"])])
    case("compress", "Compress", ramp(2, 4), {"c": np.array([True, False, True, True])}, axis=1)
    case("dropout-7", "Dropout", x, opset=7, ratio=0.5)
    case("dropout-13", "Dropout", x, {"r": np.float32(0.5)}, opset=13)
    case("dropout-13-off", "Dropout", x, {"r": np.float32(0.5), "t": np.array(False)}, opset=13)
    case("dropout-mask", "", x, nodes=[node("Dropout", ["x"], ["d", "y"])], opset=13)
    for attribute, value in [("value_float", 1.5), ("value_floats", [1.0, 2.0, 3.0, 4.0])]:
        case(f"constant-{attribute}", "", x, nodes=[node("Constant", [], ["c"], **{attribute: value}), node("Mul", ["x", "c"])])
    for attribute, value in [("value_int", 2), ("value_ints", [1, 2, 3, 4])]:
        case(f"constant-{attribute}", "", x, nodes=[node("Constant", [], ["c"], **{attribute: value}), node("Cast", ["c"], ["f"], to=1), node("Mul", ["x", "f"])])
    case("castlike", "", x, {"t": np.zeros(1, np.int32)}, nodes=[node("CastLike", ["x", "t"])])
    case("reversesequence", "ReverseSequence", ramp(4, 3), {"n": ints(1, 2, 4)})
    case("centercroppad", "CenterCropPad", x, {"s": ints(4, 2)}, opset=18, axes=[1, 2])
    case("col2im", "Col2Im", ramp(1, 4, 4), {"i": ints(3, 3), "b": ints(2, 2)}, opset=18)
    case("det", "Det", ramp(2, 2))
    case("unique", "", np.array([1, 3, 2, 1], np.float32), nodes=[node("Unique", ["x"])])
    case("affinegrid-gridsample", "", ramp(1, 1, 3, 3), {"t": np.array([[[0.7, 0.2, 0.1], [-0.2, 0.9, 0.0]]], np.float32), "s": ints(1, 1, 3, 3)}, opset=20,
         nodes=[node("AffineGrid", ["t", "s"], ["g"]), node("GridSample", ["x", "g"])])


def resampling():
    x = ramp(1, 2, 4, 3)
    scales = {"up": [1, 1, 2, 3], "down": [1, 1, 0.5, 0.7], "uneven": [1, 1, 1.6, 0.6]}
    modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    for mode in ["nearest", "linear", "cubic"]:
        for transform in modes:
            for name, scale in scales.items():
                if mode == "cubic" and name == "up" and transform != "half_pixel":
                    continue
                case(f"resize-{mode}-{transform}-{name}", "", x, {"s": np.array(scale, np.float32)}, opset=13,
                     nodes=[node("Resize", ["x", "", "s"], mode=mode, coordinate_transformation_mode=transform)])
    for nearest in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
        for transform in ["half_pixel", "asymmetric"]:
            case(f"resize-{nearest}-{transform}", "", x, {"s": np.array([1, 1, 2, 0.5], np.float32)}, opset=13,
                 nodes=[node("Resize", ["x", "", "s"], mode="nearest", nearest_mode=nearest, coordinate_transformation_mode=transform)])
    for mode in ["nearest", "linear", "cubic"]:
        for size in [(7, 5), (2, 2), (1, 1)]:
            case(f"resize-sizes-{mode}-{size[0]}x{size[1]}", "", x, {"n": ints(1, 2, *size)}, opset=13, nodes=[node("Resize", ["x", "", "", "n"], mode=mode)])
    case("resize-10", "Resize", x, {"s": np.array([1, 1, 2, 2], np.float32)}, opset=10)
    case("resize-10-linear", "Resize", x, {"s": np.array([1, 1, 2, 1.5], np.float32)}, opset=10, mode="linear")
    case("resize-11", "Resize", x, {"r": np.zeros(0, np.float32), "s": np.array([1, 1, 2, 2], np.float32)}, opset=11, mode="linear")
    case("resize-11-sizes", "Resize", x, {"r": np.zeros(0, np.float32), "s": np.zeros(0, np.float32), "n": ints(1, 2, 5, 7)}, opset=11, mode="linear",
         coordinate_transformation_mode="align_corners")
    case("resize-exclude-outside", "", x, {"s": np.array([1, 1, 1.5, 0.8], np.float32)}, opset=13, nodes=[node("Resize", ["x", "", "s"], mode="cubic", exclude_outside=1)])
    case("resize-cubic-a", "", x, {"s": np.array([1, 1, 1.5, 1.8], np.float32)}, opset=13, nodes=[node("Resize", ["x", "", "s"], mode="cubic", cubic_coeff_a=-0.5)])
    case("resize-crop", "", x, {"r": np.array([0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2], np.float32), "n": ints(1, 2, 3, 4)}, opset=13,
         nodes=[node("Resize", ["x", "r", "", "n"], mode="linear", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=9.0)])
    for mode in ["linear", "cubic"]:
        case(f"resize-antialias-{mode}", "", ramp(1, 1, 6, 5), {"n": ints(1, 1, 3, 2)}, opset=18, nodes=[node("Resize", ["x", "", "", "n"], mode=mode, antialias=1)])
    case("resize-axes", "", x, {"n": ints(5, 6)}, opset=18, nodes=[node("Resize", ["x", "", "", "n"], mode="linear", axes=[2, 3])])
    case("resize-axes-turned", "", x, {"n": ints(5, 6)}, opset=18, nodes=[node("Resize", ["x", "", "", "n"], mode="linear", axes=[3, 2])])
    case("resize-scales-axes", "", x, {"s": np.array([2, 1.5], np.float32)}, opset=18, nodes=[node("Resize", ["x", "", "s"], mode="nearest", axes=[2, 3])])
    for policy in ["not_larger", "not_smaller"]:
        case(f"resize-{policy}", "", x, {"n": ints(7, 7)}, opset=18, nodes=[node("Resize", ["x", "", "", "n"], mode="nearest", axes=[2, 3], keep_aspect_ratio_policy=policy)])
    case("resize-half-pixel-symmetric", "", x, {"s": np.array([1, 1, 1.6, 0.6], np.float32)}, opset=19,
         nodes=[node("Resize", ["x", "", "s"], mode="linear", coordinate_transformation_mode="half_pixel_symmetric")])
    case("resize-computed-sizes", "", x, {"two": ints(2), "b": ints(0), "e": ints(2), "f": ints(4)}, opset=13,
         nodes=[node("Shape", ["x"], ["sh"]), node("Slice", ["sh", "b", "e"], ["front"]), node("Slice", ["sh", "e", "f"], ["back"]),
                node("Mul", ["back", "two"], ["big"]), node("Concat", ["front", "big"], ["n"], axis=0), node("Resize", ["x", "", "", "n"], mode="linear")])
    for mode in ["nearest", "linear"]:
        for name, scale in [("2", [1, 1, 2, 2]), ("uneven", [1, 1, 1.5, 3])]:
            case(f"upsample-9-{mode}-{name}", "Upsample", x, {"s": np.array(scale, np.float32)}, opset=9, mode=mode)
            case(f"upsample-7-{mode}-{name}", "Upsample", x, opset=7, mode=mode, scales=[float(s) for s in scale])
    grid = ramp(1, 3, 4, 2, low=-1.3, high=1.3)
    for mode in ["bilinear", "nearest", "bicubic"]:
        for padding in ["zeros", "border", "reflection"]:
            for align in [0, 1]:
                case(f"gridsample-{mode}-{padding}-{align}", "GridSample", {"x": ramp(1, 1, 4, 3), "g": grid}, opset=16, mode=mode, padding_mode=padding, align_corners=align)
    case("gridsample-20-linear", "GridSample", {"x": ramp(1, 1, 4, 3), "g": grid}, opset=20, mode="linear")
    case("roialign", "RoiAlign", {"x": ramp(1, 1, 5, 5), "r": np.array([[0.5, 0.5, 3, 4]], np.float32)}, {"b": ints(0)}, output_height=2, output_width=2, sampling_ratio=2)
    case("maxunpool", "", ramp(1, 1, 4, 4), nodes=[node("MaxPool", ["x"], ["m", "i"], kernel_shape=[2, 2], strides=[2, 2]), node("MaxUnpool", ["m", "i"], kernel_shape=[2, 2], strides=[2, 2])])
    case("maxroipool", "MaxRoiPool", {"x": ramp(1, 1, 5, 5), "r": np.array([[0, 0, 0, 3, 4]], np.float32)}, pooled_shape=[2, 2])


def transformers():
    q, k, v = ramp(1, 2, 3, 4), ramp(1, 2, 3, 4, start=50), ramp(1, 2, 3, 4, start=90)
    case("attention", "Attention", {"q": q, "k": k, "v": v}, opset=23)
    case("attention-scale", "Attention", {"q": q, "k": k, "v": v}, opset=23, scale=0.3)
    case("attention-causal", "Attention", {"q": q, "k": k, "v": v}, opset=23, is_causal=1)
    x, bias = ramp(2, 4), ramp(4)
    case("microsoft-gelu", "Gelu", x, domain="com.microsoft", imports=["com.microsoft"])
    case("microsoft-biasgelu", "BiasGelu", x, {"b": bias}, domain="com.microsoft", imports=["com.microsoft"])
    case("microsoft-fastgelu", "FastGelu", x, {"b": bias}, domain="com.microsoft", imports=["com.microsoft"])
    case("microsoft-fastgelu-plain", "FastGelu", x, domain="com.microsoft", imports=["com.microsoft"])
    case("microsoft-quickgelu", "QuickGelu", x, domain="com.microsoft", imports=["com.microsoft"], alpha=1.5)
    case("microsoft-fusedconv", "FusedConv", ramp(1, 2, 4, 4), {"w": ramp(2, 2, 2, 2)}, domain="com.microsoft", imports=["com.microsoft"], activation="Relu")
    case("microsoft-skiplayernorm", "SkipLayerNormalization", {"x": ramp(1, 2, 4), "s": ramp(1, 2, 4, start=9)}, {"g": bias, "b": ramp(4, start=3)},
         domain="com.microsoft", imports=["com.microsoft"], epsilon=0.01)
    case("microsoft-fusedmatmul", "FusedMatMul", {"a": ramp(2, 3), "b": ramp(4, 3)}, domain="com.microsoft", imports=["com.microsoft"], transB=1, alpha=0.5)


def halves_and_doubles():
    for name, kind, numbers in [("f16", TensorProto.FLOAT16, np.float16), ("f64", TensorProto.DOUBLE, np.float64)]:
        x = ramp(1, 4)
        start = node("Cast", ["x"], ["h"], to=kind)
        case(f"{name}-gemm", "", x, {"w": ramp(4, 3).astype(numbers), "b": ramp(3).astype(numbers)}, nodes=[start, node("Gemm", ["h", "w", "b"])])
        case(f"{name}-gemm-transposed", "", x, {"w": ramp(3, 4).astype(numbers), "b": ramp(3).astype(numbers)}, nodes=[start, node("Gemm", ["h", "w", "b"], transB=1, alpha=0.5)])
        case(f"{name}-clip", "", x, {"l": numbers(-1), "h2": numbers(1)}, nodes=[start, node("Clip", ["h", "l", "h2"])])
        case(f"{name}-constant", "", x, nodes=[start, node("Constant", [], ["c"], value=helper.make_tensor("c", kind, [4], [0.5, 1, 2, -3])), node("Mul", ["h", "c"])])
        case(f"{name}-constantofshape", "", x, nodes=[start, node("Shape", ["h"], ["s"]), node("ConstantOfShape", ["s"], ["c"], value=helper.make_tensor("v", kind, [1], [1.5])), node("Add", ["h", "c"])])
        case(f"{name}-eyelike", "", ramp(3, 3), nodes=[node("Cast", ["x"], ["h"], to=kind), node("EyeLike", ["h"], ["e"], dtype=kind), node("Add", ["h", "e"])])
        case(f"{name}-conv", "", ramp(1, 2, 4, 4), {"w": ramp(2, 2, 3, 3).astype(numbers), "b": ramp(2).astype(numbers)}, nodes=[node("Cast", ["x"], ["h"], to=kind), node("Conv", ["h", "w", "b"])])
        case(f"{name}-castlike", "", x, {"t": np.zeros(1, numbers)}, nodes=[node("CastLike", ["x", "t"], ["h"]), node("Add", ["h", "t"])])
    # Half precision saturates at 65504: what is larger becomes an infinity there, and is one no more in f32.
    case("f16-large", "", np.array([[1e5, -1e5, 3.0, -3.0]], np.float32), {"l": np.float16(-60000), "u": np.float16(60000)},
         nodes=[node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16), node("Clip", ["h", "l", "u"])])
    case("bf16-mul", "", np.array([[-1.25, 0.5, 2.0, 3.5]], np.float32), nodes=[node("Cast", ["x"], ["h"], to=TensorProto.BFLOAT16),
                                            node("Constant", [], ["c"], value=helper.make_tensor("c", TensorProto.BFLOAT16, [4], [0.5, 1, 2, -3])),
                                            node("Cast", ["h"], ["a"], to=1), node("Cast", ["c"], ["b"], to=1), node("Mul", ["a", "b"])], opset=19)


def control():
    x = ramp(1, 3, 1, 2)
    f = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    def branches(**outer):
        yes = helper.make_graph([node("Squeeze", ["x", "axes"], ["t"])], "yes", [], [f("t")])
        no = helper.make_graph([node("Identity", ["x"], ["e"])], "no", [], [f("e")])
        return dict(then_branch=yes, else_branch=no)

    for name, at in [("squeezed", 2), ("kept", 1)]:
        case(f"if-{name}", "", x, {"i": ints(at), "one": ints(1), "axes": ints(at)}, opset=13,
             nodes=[node("Shape", ["x"], ["s"]), node("Gather", ["s", "i"], ["d"]), node("Equal", ["d", "one"], ["c"]), node("If", ["c"], ["t0"], **branches()),
                    node("Relu", ["t0"])])
    case("if-constant", "", x, {"c": np.array(True), "axes": ints(2)}, opset=13, nodes=[node("If", ["c"], ["y"], **branches())])
    case("if-constant-no", "", x, {"c": np.array([False]), "axes": ints(2)}, opset=13, nodes=[node("If", ["c"], ["y"], **branches())])
    inner = node("If", ["c2"], ["n"], **branches())
    outer = helper.make_graph([inner, node("Neg", ["n"], ["t"])], "outer", [], [f("t")])
    plain = helper.make_graph([node("Constant", [], ["t"], value_float=1.0), ], "plain", [], [f("t")])
    case("if-nested", "", x, {"c": np.array(True), "c2": np.array(False), "axes": ints(2)}, opset=13, nodes=[node("If", ["c"], ["y"], then_branch=outer, else_branch=plain)])
    stored = helper.make_graph([node("Add", ["x", "k"], ["t"])], "stored", [], [f("t")], [numpy_helper.from_array(np.float32(2.5), "k")])
    case("if-stored", "", x, {"c": np.array(True), "k0": np.float32(1)}, opset=13, nodes=[node("If", ["c"], ["y"], then_branch=stored, else_branch=plain)])
    case("if-twice", "", x, {"c": np.array(True), "d": np.array(True)}, opset=13,
         nodes=[node("If", ["c"], ["a"], then_branch=stored, else_branch=plain), node("If", ["d"], ["b"], then_branch=stored, else_branch=plain), node("Add", ["a", "b"])])
    two = lambda flip: helper.make_graph([node("Neg", ["x"], ["p"]), node("Abs", ["x"], ["q"])], "two", [], [f("q"), f("p")] if flip else [f("p"), f("q")])
    case("if-two-outputs", "", x, {"c": np.array(False)}, opset=13, nodes=[node("If", ["c"], ["a", "b"], then_branch=two(False), else_branch=two(True)), node("Sub", ["a", "b"])])
    passing = helper.make_graph([], "passing", [], [f("x")])
    case("if-of-the-picture", "", x, {"zero": np.float32(0)}, opset=13,
         nodes=[node("ReduceSum", ["x"], ["r"], keepdims=0), node("Greater", ["r", "zero"], ["c"]), node("If", ["c"], ["y"], **{k: v for k, v in dict(then_branch=stored, else_branch=plain).items()})])
    sets = [helper.make_opsetid("", 17)]
    leaky = helper.make_function("own", "Leaky", ["a"], ["r"], [
        helper.make_node("Constant", [], ["half"], value_float=0.5), helper.make_node("Mul", ["a", "half"], ["m"]), helper.make_node("Max", ["a", "m"], ["r"])], sets)
    case("function", "", x, nodes=[node("Leaky", ["x"], ["l"], domain="own"), node("Leaky", ["l"], ["y"], domain="own")], functions=[leaky], imports=["own"])
    elu = helper.make_node("Elu", ["a"], ["r"])
    elu.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="strength"))
    with_attribute = helper.make_function("own", "Strong", ["a"], ["r"], [elu], sets, attributes=["strength"])
    case("function-attribute", "", x, nodes=[node("Strong", ["x"], domain="own", strength=0.3)], functions=[with_attribute], imports=["own"])
    default = helper.make_function("own", "Default", ["a"], ["r"], [elu], sets, attribute_protos=[helper.make_attribute("strength", 0.4)])
    case("function-default", "", x, nodes=[node("Default", ["x"], domain="own")], functions=[default], imports=["own"])
    nested = helper.make_function("own", "Twice", ["a"], ["r"], [helper.make_node("Leaky", ["a"], ["m"], domain="own"), helper.make_node("Leaky", ["m"], ["r"], domain="own")],
                                  [*sets, helper.make_opsetid("own", 1)])
    case("function-nested", "", x, nodes=[node("Twice", ["x"], domain="own")], functions=[nested, leaky], imports=["own"])
    shadow = helper.make_function("own", "Relu", ["a"], ["r"], [helper.make_node("Neg", ["a"], ["r"])], sets)
    case("function-shadow", "", x, nodes=[node("Relu", ["x"], domain="own")], functions=[shadow], imports=["own"])
    branch = helper.make_graph([node("Leaky", ["x"], ["t"], domain="own")], "b", [], [f("t")])
    case("function-in-if", "", x, {"c": np.array(True)}, nodes=[node("If", ["c"], ["y"], then_branch=branch, else_branch=plain)], functions=[leaky], imports=["own"])
    body = helper.make_graph([node("Identity", ["cond"], ["cond2"]), node("Mul", ["v", "v"], ["v2"])], "body",
                             [helper.make_tensor_value_info("i", 7, []), helper.make_tensor_value_info("cond", 9, []), f("v")], [helper.make_tensor_value_info("cond2", 9, []), f("v2")])
    case("loop", "", x, {"n": np.array(2, np.int64), "c": np.array(True)}, nodes=[node("Loop", ["n", "c", "x"], ["y"], body=body)])
    named = [helper.make_node("Relu", ["x"], ["y"], name="x")]
    case("node-named-as-input", "", x, nodes=named)
    case("nodes-of-one-name", "", x, nodes=[helper.make_node("Relu", ["x"], ["a"], name="n"), helper.make_node("Neg", ["a"], ["y"], name="n")])
    case("node-named-as-constant", "", x, {"k": np.float32(2)}, nodes=[helper.make_node("Mul", ["x", "k"], ["y"], name="k")])
    case("unsorted-dead-node", "", x, nodes=[node("Relu", ["x"]), node("Neg", ["x"], ["unused"])])
    case("identity-chain", "", x, nodes=[node("Identity", ["x"], ["a"]), node("Identity", ["a"])])
    case("optional-empty-outputs", "", x, {"s": ramp(3), "b": ramp(3), "m": ramp(3), "v": ramp(3, low=0.5, high=1)}, nodes=[node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"])])


def main():
    for part in [activations, arithmetic, products, convolutions, pooling, normalization, reductions, arrangement, resampling, transformers,
                 halves_and_doubles, control]:
        part()
    names = [name for name, _ in CASES]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    out = Path(__file__).parent / "cases.bin"
    out.write_bytes(zlib.compress(b"".join(struct.pack("<I", len(model)) + model for _, model in CASES), 9))
    print(f"{len(CASES)} cases, {out.stat().st_size} bytes; answered: {ANSWERED}", file=sys.stderr)


if __name__ == "__main__":
    main()
