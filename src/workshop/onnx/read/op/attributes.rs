//! The operators that can be read, with their attributes taken apart once, when the file is loaded.

use tract_onnx::pb;

/// What a node does. Where an attribute became an input in a later opset, `None` means "look at the inputs".
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    Constant,
    ConstantOfShape,
    Identity,
    Unary(Unary),
    Clip { min: Option<f32>, max: Option<f32> },
    Binary(Binary),
    Conv(Window, usize),
    BatchNormalization { epsilon: f32 },
    MaxPool(Window),
    AveragePool(Window),
    GlobalAveragePool,
    Reduce { kind: Reduction, axes: Option<Vec<i64>>, keep: bool },
    Softmax { axis: i64, log: bool, flatten: bool },
    LayerNormalization { axis: i64, epsilon: f32 },
    Gemm { alpha: f32, beta: f32, transpose_a: bool, transpose_b: bool },
    MatMul,
    Transpose { permutation: Option<Vec<i64>> },
    Flatten { axis: i64 },
    Reshape { keep_zero: bool },
    Squeeze { axes: Option<Vec<i64>> },
    Unsqueeze { axes: Option<Vec<i64>> },
    Shape { start: i64, end: Option<i64> },
    Cast { to_float: bool },
    Concat { axis: i64 },
    Gather { axis: i64 },
    Slice { starts: Vec<i64>, ends: Vec<i64>, axes: Option<Vec<i64>> },
    Split { axis: i64, sizes: Option<Vec<i64>>, outputs: usize },
    Expand,
    Tile,
    Pad { mode: Padding, pads: Option<Vec<i64>>, value: f32 },
    DepthToSpace { block: usize, column_row_depth: bool },
    Where,
    Range,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    Relu,
    Sigmoid,
    Tanh,
    Exp,
    Log,
    Sqrt,
    Erf,
    Neg,
    Abs,
    Reciprocal,
    LeakyRelu { slope: f32 },
    Elu { alpha: f32 },
    Softplus,
    HardSigmoid { alpha: f32, beta: f32 },
    HardSwish,
    Gelu { tanh: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Max,
    Min,
    PRelu,
    Mod,
    Equal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    Constant,
    Reflect,
    Edge,
}

/// The sliding window of a convolution or a pooling over rows and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of a pooling; a convolution takes it from its weights.
    pub kernel: Option<[usize; 2]>,
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub border: Border,
    pub ceil: bool,
    pub count_padding: bool,
}

/// How far a window reaches over the picture's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Pixels before and after, for rows and columns.
    Fixed([(usize, usize); 2]),
    /// So much that the output has `ceil(input / stride)` pixels; the odd one goes to the end or to the start.
    Same { odd_at_end: bool },
}

impl Border {
    /// Pixels before and after the rows and columns of a picture of this size.
    pub fn pixels(self, size: [usize; 2], kernel: [usize; 2], window: &Window) -> [(usize, usize); 2] {
        match self {
            Self::Fixed(pixels) => pixels,
            Self::Same { odd_at_end } => std::array::from_fn(|axis| {
                let outputs = size[axis].div_ceil(window.stride[axis]);
                let reach = outputs.saturating_sub(1) * window.stride[axis]
                    + kernel[axis].saturating_sub(1) * window.dilation[axis]
                    + 1;
                let missing = reach.saturating_sub(size[axis]);
                let (small, large) = (missing / 2, missing - missing / 2);
                if odd_at_end { (small, large) } else { (large, small) }
            }),
        }
    }
}

impl Operator {
    /// Reads a node's operator and attributes.
    ///
    /// # Errors
    /// `None` in `Err` if the operator is not known, else what about its attributes is not supported.
    pub fn parse(node: &pb::NodeProto, opset: i64) -> Result<Self, Option<String>> {
        let attributes = Attributes(node);
        let known_domain = matches!(node.domain.as_str(), "" | "ai.onnx");
        let operator = match node.op_type.as_str() {
            _ if !known_domain => return Err(None),
            "Constant" => Self::Constant,
            "ConstantOfShape" => Self::ConstantOfShape,
            "Identity" | "Dropout" => Self::Identity,
            "Clip" => Self::Clip { min: attributes.float_if("min"), max: attributes.float_if("max") },
            "Sum" => Self::Binary(Binary::Add),
            "Conv" => Self::Conv(attributes.window()?, attributes.int("group", 1).max(1) as usize),
            "BatchNormalization" => Self::BatchNormalization { epsilon: attributes.float("epsilon", 1e-5) },
            "MaxPool" => Self::MaxPool(attributes.pooling()?),
            "AveragePool" => Self::AveragePool(attributes.pooling()?),
            "GlobalAveragePool" => Self::GlobalAveragePool,
            "ReduceMean" => attributes.reduce(Reduction::Mean),
            "ReduceSum" => attributes.reduce(Reduction::Sum),
            "ReduceMax" => attributes.reduce(Reduction::Max),
            "ReduceMin" => attributes.reduce(Reduction::Min),
            "Softmax" | "LogSoftmax" => Self::Softmax {
                axis: attributes.int("axis", if opset < 13 { 1 } else { -1 }),
                log: node.op_type == "LogSoftmax",
                // Before opset 13 everything from the axis on is one distribution.
                flatten: opset < 13,
            },
            "LayerNormalization" => Self::LayerNormalization {
                axis: attributes.int("axis", -1),
                epsilon: attributes.float("epsilon", 1e-5),
            },
            "Gemm" => Self::Gemm {
                alpha: attributes.float("alpha", 1.0),
                beta: attributes.float("beta", 1.0),
                transpose_a: attributes.int("transA", 0) != 0,
                transpose_b: attributes.int("transB", 0) != 0,
            },
            "MatMul" => Self::MatMul,
            "Transpose" => Self::Transpose { permutation: attributes.ints("perm") },
            "Flatten" => Self::Flatten { axis: attributes.int("axis", 1) },
            "Reshape" => Self::Reshape { keep_zero: attributes.int("allowzero", 0) != 0 },
            "Squeeze" => Self::Squeeze { axes: attributes.ints("axes") },
            "Unsqueeze" => Self::Unsqueeze { axes: attributes.ints("axes") },
            "Shape" => Self::Shape { start: attributes.int("start", 0), end: attributes.get("end").map(|end| end.i) },
            "Cast" => Self::Cast { to_float: matches!(attributes.int("to", 1), 1 | 10 | 11 | 16) },
            "Concat" => Self::Concat { axis: attributes.int("axis", 1) },
            "Gather" => Self::Gather { axis: attributes.int("axis", 0) },
            "Slice" => Self::Slice {
                starts: attributes.ints("starts").unwrap_or_default(),
                ends: attributes.ints("ends").unwrap_or_default(),
                axes: attributes.ints("axes"),
            },
            "Split" => Self::Split {
                axis: attributes.int("axis", 0),
                sizes: attributes.ints("split"),
                outputs: node.output.len(),
            },
            "Expand" => Self::Expand,
            "Tile" => Self::Tile,
            "Pad" => Self::Pad {
                mode: match attributes.text("mode", "constant").as_str() {
                    "constant" => Padding::Constant,
                    "reflect" => Padding::Reflect,
                    "edge" => Padding::Edge,
                    other => return Err(Some(format!("padding mode '{other}'"))),
                },
                pads: attributes.ints("pads"),
                value: attributes.float("value", 0.0),
            },
            "DepthToSpace" => Self::DepthToSpace {
                block: attributes.int("blocksize", 1).max(1) as usize,
                column_row_depth: attributes.text("mode", "DCR") == "CRD",
            },
            "Where" => Self::Where,
            "Range" => Self::Range,
            name => match (attributes.unary(name), attributes.binary(name)) {
                (Some(unary), _) => Self::Unary(unary),
                (_, Some(binary)) => Self::Binary(binary),
                _ => return Err(None),
            },
        };
        Ok(operator)
    }
}

/// The attributes of a node by name.
struct Attributes<'a>(&'a pb::NodeProto);

impl Attributes<'_> {
    fn get(&self, name: &str) -> Option<&pb::AttributeProto> {
        self.0.attribute.iter().find(|attribute| attribute.name == name)
    }

    fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |attribute| attribute.i)
    }

    fn float(&self, name: &str, default: f32) -> f32 {
        self.float_if(name).unwrap_or(default)
    }

    fn float_if(&self, name: &str) -> Option<f32> {
        self.get(name).map(|attribute| attribute.f)
    }

    fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.get(name).map(|attribute| attribute.ints.clone())
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.get(name).map_or(default.to_owned(), |attribute| String::from_utf8_lossy(&attribute.s).into_owned())
    }

    /// Two positive numbers, for rows and columns.
    fn pair(&self, name: &str) -> Result<Option<[usize; 2]>, String> {
        match self.ints(name).as_deref() {
            None => Ok(None),
            Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok(Some([rows as usize, columns as usize])),
            Some(other) => Err(format!("{name} {other:?}; only windows over rows and columns are supported")),
        }
    }

    fn window(&self) -> Result<Window, String> {
        let border = match self.text("auto_pad", "NOTSET").as_str() {
            "SAME_UPPER" => Border::Same { odd_at_end: true },
            "SAME_LOWER" => Border::Same { odd_at_end: false },
            _ => match self.ints("pads").as_deref() {
                None | Some([]) => Border::Fixed([(0, 0); 2]),
                Some(&[top, left, bottom, right]) if top.min(left).min(bottom).min(right) >= 0 => {
                    Border::Fixed([(top as usize, bottom as usize), (left as usize, right as usize)])
                }
                Some(other) => return Err(format!("pads {other:?}; expected four numbers that are not negative")),
            },
        };
        Ok(Window {
            kernel: self.pair("kernel_shape")?,
            stride: self.pair("strides")?.unwrap_or([1, 1]),
            dilation: self.pair("dilations")?.unwrap_or([1, 1]),
            border,
            ceil: self.int("ceil_mode", 0) != 0,
            count_padding: self.int("count_include_pad", 0) != 0,
        })
    }

    fn pooling(&self) -> Result<Window, Option<String>> {
        let window = self.window()?;
        if window.kernel.is_none() {
            return Err(Some("a pooling without kernel_shape".to_owned()));
        }
        Ok(window)
    }

    fn reduce(&self, kind: Reduction) -> Operator {
        Operator::Reduce { kind, axes: self.ints("axes"), keep: self.int("keepdims", 1) != 0 }
    }

    fn unary(&self, name: &str) -> Option<Unary> {
        Some(match name {
            "Relu" => Unary::Relu,
            "Sigmoid" => Unary::Sigmoid,
            "Tanh" => Unary::Tanh,
            "Exp" => Unary::Exp,
            "Log" => Unary::Log,
            "Sqrt" => Unary::Sqrt,
            "Erf" => Unary::Erf,
            "Neg" => Unary::Neg,
            "Abs" => Unary::Abs,
            "Reciprocal" => Unary::Reciprocal,
            "LeakyRelu" => Unary::LeakyRelu { slope: self.float("alpha", 0.01) },
            "Elu" => Unary::Elu { alpha: self.float("alpha", 1.0) },
            "Softplus" => Unary::Softplus,
            "HardSigmoid" => Unary::HardSigmoid { alpha: self.float("alpha", 0.2), beta: self.float("beta", 0.5) },
            "HardSwish" => Unary::HardSwish,
            "Gelu" => Unary::Gelu { tanh: self.text("approximate", "none") == "tanh" },
            _ => return None,
        })
    }

    fn binary(&self, name: &str) -> Option<Binary> {
        Some(match name {
            "Add" => Binary::Add,
            "Sub" => Binary::Sub,
            "Mul" => Binary::Mul,
            "Div" => Binary::Div,
            "Pow" => Binary::Pow,
            "Max" => Binary::Max,
            "Min" => Binary::Min,
            "PRelu" => Binary::PRelu,
            "Mod" => Binary::Mod,
            "Equal" => Binary::Equal,
            _ => return None,
        })
    }
}
