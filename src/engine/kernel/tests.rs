//! Every kernel against the sums that define a convolution, for every instruction set of this CPU.

use super::attention::{Attention, Strides};
use super::bounds::Bounds;
use super::dense::Dense;
use super::depthwise::Depthwise;
use super::linear::Linear;
use super::norm::LayerNorm;
use super::scratch::Scratch;
use super::simd::Simd;
use super::window::Window;
use super::winograd::Winograd;

/// Numbers in -0.5..0.5 that look like nothing in particular.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn window(kernel: usize, stride: usize, before: usize, after: usize, from: [usize; 2]) -> Window {
    let to = from.map(|side| (side + before + after - kernel) / stride + 1);
    Window { kernel: [kernel; 2], stride: [stride; 2], before: [before; 2], from, to }
}

/// The definition, in f64. `inputs` channels for each output, the first of which is given by `first`.
fn defined(
    window: &Window,
    x: &[f32],
    filters: &[f32],
    bias: &[f32],
    inputs: usize,
    first: impl Fn(usize) -> usize,
) -> Vec<f32> {
    let [rows, columns] = window.kernel;
    let mut out = Vec::new();
    for (output, bias) in bias.iter().enumerate() {
        for place in 0..window.places() {
            let (y, x0) = (place / window.to[1], place % window.to[1]);
            let mut sum = f64::from(*bias);
            for tap in 0..inputs * rows * columns {
                let (input, down, across) = (tap / (rows * columns), tap / columns % rows, tap % columns);
                let row = (y * window.stride[0] + down).wrapping_sub(window.before[0]);
                let column = (x0 * window.stride[1] + across).wrapping_sub(window.before[1]);
                if row < window.from[0] && column < window.from[1] {
                    let pixel = x[((first(output) + input) * window.from[0] + row) * window.from[1] + column];
                    sum += f64::from(filters[output * inputs * rows * columns + tap]) * f64::from(pixel);
                }
            }
            out.push(sum as f32);
        }
    }
    out
}

#[track_caller]
fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // A maximum ignores NaN.
    assert!(difference < 2e-5 && found.iter().all(|x| x.is_finite()), "{what}: differs by {difference}");
}

/// Runs all units at once and in pieces, over scratch memory that holds NaN: what is beyond an edge must not matter.
#[track_caller]
fn assert_computes(
    expected: &[f32],
    outputs: usize,
    units: usize,
    places: impl Fn(std::ops::Range<usize>) -> std::ops::Range<usize>,
    run: impl Fn(Simd, std::ops::Range<usize>, &mut [f32], &mut Scratch),
    what: &str,
) {
    for simd in Simd::of_this_cpu() {
        let mut scratch = Scratch { pixels: vec![f32::NAN; 1 << 20], columns: vec![f32::NAN; 1 << 20] };
        let mut whole = vec![f32::NAN; expected.len()];
        run(simd, 0..units, &mut whole, &mut scratch);
        assert_near(&whole, expected, &format!("{what} with {simd:?}"));
        let plane = expected.len() / outputs;
        for first in (0..units).step_by(3) {
            let piece = first..units.min(first + 3);
            let place = places(piece.clone());
            let mut out = vec![f32::NAN; place.len() * outputs];
            run(simd, piece, &mut out, &mut scratch);
            let of_whole = whole.chunks_exact(plane).flat_map(|plane| &plane[place.clone()]);
            assert!(out.iter().eq(of_whole), "{what} with {simd:?}: a piece differs from the whole");
        }
    }
}

#[test]
fn winograd_is_a_convolution() {
    let shapes =
        [(8, 8, [2, 2]), (9, 17, [1, 1]), (16, 12, [12, 70]), (24, 40, [13, 7]), (48, 48, [56, 56]), (8, 5, [5, 66])];
    for (inputs, outputs, size) in shapes {
        let (x, filters) = (numbers(inputs * size[0] * size[1], 1), numbers(inputs * outputs * 9, 2));
        let bias = numbers(outputs, 3);
        let expected = defined(&window(3, 1, 1, 1, size), &x, &filters, &bias, inputs, |_| 0);
        let conv = Winograd::new(size, &filters, &bias, Bounds::NONE);
        let run = |simd, rows, out: &mut [f32], scratch: &mut Scratch| conv.run(simd, &x, rows, out, scratch);
        let what = format!("{inputs} -> {outputs} at {size:?}");
        assert_computes(&expected, outputs, conv.rows(), |rows| conv.places(&rows), run, &what);
    }
}

#[test]
fn dense_is_a_convolution() {
    let windows = [
        (48, 20, window(1, 1, 0, 0, [9, 14])),
        (3, 32, window(3, 2, 1, 1, [33, 31])),
        (3, 17, window(4, 4, 0, 0, [32, 64])),
        (6, 8, window(2, 2, 0, 0, [13, 8])),
        (5, 9, window(3, 3, 1, 0, [17, 13])),
        (5, 9, window(5, 1, 2, 2, [7, 11])),
        (5, 3, window(7, 2, 3, 3, [9, 8])),
        (3, 7, window(11, 4, 2, 2, [40, 36])),
        (4, 3, window(1, 2, 0, 0, [8, 7])),
        (4, 3, window(3, 1, 0, 0, [3, 3])),
        (4, 3, window(3, 2, 5, 5, [3, 3])),
    ];
    for (inputs, outputs, window) in windows {
        let taps = window.kernel[0] * window.kernel[1];
        let (x, filters) = (numbers(inputs * window.pixels(), 1), numbers(inputs * outputs * taps, 2));
        let bias = numbers(outputs, 3);
        let expected = defined(&window, &x, &filters, &bias, inputs, |_| 0);
        let conv = Dense::new(window, &filters, &bias, Bounds::NONE);
        let run = |simd, places, out: &mut [f32], scratch: &mut Scratch| conv.run(simd, &x, places, out, scratch);
        assert_computes(&expected, outputs, conv.places(), |places| places, run, &format!("{window:?}"));
    }
}

#[test]
fn depthwise_is_a_convolution_of_each_channel() {
    let windows = [
        window(3, 1, 1, 1, [56, 56]),
        window(3, 1, 1, 1, [7, 7]),
        window(3, 2, 1, 1, [112, 30]),
        window(3, 2, 0, 1, [28, 28]),
        window(3, 2, 1, 0, [17, 13]),
        window(7, 1, 3, 3, [32, 9]),
        window(5, 2, 2, 2, [28, 27]),
        window(4, 2, 1, 1, [17, 14]),
        window(3, 3, 1, 1, [17, 13]),
        window(5, 1, 2, 2, [3, 4]),
        window(3, 2, 0, 0, [8, 9]),
        window(3, 2, 3, 3, [2, 3]),
        window(1, 1, 0, 0, [4, 5]),
        window(1, 2, 0, 0, [4, 5]),
    ];
    for window in windows {
        let channels = 7;
        let taps = window.kernel[0] * window.kernel[1];
        let (x, filters) = (numbers(channels * window.pixels(), 1), numbers(channels * taps, 2));
        let bias = numbers(channels, 3);
        let expected = defined(&window, &x, &filters, &bias, 1, |output| output);
        let conv = Depthwise { window, filters, bias, bounds: Bounds::NONE };
        for simd in Simd::of_this_cpu() {
            let mut scratch = Scratch { pixels: vec![f32::NAN; 1 << 16], columns: vec![f32::NAN; 1 << 16] };
            let mut out = vec![f32::NAN; expected.len()];
            // In two pieces.
            let (left, right) = out.split_at_mut(3 * window.places());
            conv.run(simd, &x, 0..3, left, &mut scratch);
            conv.run(simd, &x, 3..channels, right, &mut scratch);
            assert_near(&out, &expected, &format!("{window:?} with {simd:?}"));
        }
    }
}

#[test]
fn linear_is_a_product_with_a_bias() {
    for (rows, depth, outputs) in [(1, 1, 1), (8, 128, 32), (13, 37, 70), (65, 64, 128), (3, 24, 5)] {
        let (x, weight, bias) = (numbers(rows * depth, 1), numbers(depth * outputs, 2), numbers(outputs, 3));
        let one = |row: usize, output: usize| {
            let products = (0..depth).map(|k| f64::from(x[row * depth + k]) * f64::from(weight[k * outputs + output]));
            (f64::from(bias[output]) + products.sum::<f64>()) as f32
        };
        let expected: Vec<f32> = (0..rows * outputs).map(|place| one(place / outputs, place % outputs)).collect();
        for simd in Simd::of_this_cpu() {
            let layer = Linear::new(simd, &weight, &bias);
            let mut out = vec![f32::NAN; rows * outputs];
            layer.rows(simd, &x, &mut out);
            assert_near(&out, &expected, &format!("{rows} x {depth} x {outputs} with {simd:?}"));
        }
    }
}

#[test]
fn a_normalised_row_has_the_mean_and_the_deviation_that_it_is_given() {
    let width = 37;
    let (x, gain, bias) = (numbers(5 * width, 1), numbers(width, 2), numbers(width, 3));
    let mut expected = Vec::new();
    for row in x.chunks_exact(width) {
        let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let scale = 1.0 / (variance + 1e-6).sqrt();
        let place = |i: usize| (row[i] - mean) * scale * f64::from(gain[i]) + f64::from(bias[i]);
        expected.extend((0..width).map(|i| place(i) as f32));
    }
    for simd in Simd::of_this_cpu() {
        let norm = LayerNorm { gain: gain.clone(), bias: bias.clone(), epsilon: 1e-6 };
        let mut out = vec![f32::NAN; x.len()];
        norm.rows(simd, &x, &mut out);
        assert_near(&out, &expected, &format!("{simd:?}"));
    }
}

#[test]
fn attention_weighs_the_values_with_the_softmax_of_the_scores() {
    for (queries, keys, depth, width) in [(65, 65, 32, 32), (9, 3, 5, 7), (1, 1, 1, 1), (16, 193, 32, 40)] {
        let (groups, heads) = (2, 3);
        // Queries lie head by head, the others token by token.
        let by_token = |tokens: usize, numbers: usize| Strides {
            group: tokens * heads * numbers,
            head: numbers,
            token: heads * numbers,
        };
        let by_head = Strides { group: heads * queries * depth, head: queries * depth, token: depth };
        let strides = [by_head, by_token(keys, depth), by_token(keys, width), by_token(queries, width)];
        let q: Vec<f32> = numbers(groups * heads * queries * depth, 1).iter().map(|x| 4.0 * x).collect();
        let (k, v) = (numbers(groups * heads * keys * depth, 2), numbers(groups * heads * keys * width, 3));
        let at = |strides: Strides, group: usize, head: usize, token: usize| {
            group * strides.group + head * strides.head + token * strides.token
        };
        let mut expected = vec![f32::NAN; groups * heads * queries * width];
        for (group, head, query) in (0..groups)
            .flat_map(|group| (0..heads).flat_map(move |head| (0..queries).map(move |query| (group, head, query))))
        {
            let q = &q[at(strides[0], group, head, query)..];
            let score = |key: usize| {
                let k = &k[at(strides[1], group, head, key)..];
                (0..depth).map(|i| f64::from(q[i]) * f64::from(k[i])).sum::<f64>().exp()
            };
            let scores: Vec<f64> = (0..keys).map(score).collect();
            let all: f64 = scores.iter().sum();
            for i in 0..width {
                let value = |key: usize| f64::from(v[at(strides[2], group, head, key) + i]);
                let mixed: f64 = scores.iter().enumerate().map(|(key, score)| score / all * value(key)).sum();
                expected[at(strides[3], group, head, query) + i] = mixed as f32;
            }
        }
        let attention = Attention { groups, heads, queries, keys, depth, width, strides };
        for simd in Simd::of_this_cpu() {
            let mut scratch = Scratch { pixels: vec![f32::NAN; 1 << 16], columns: vec![f32::NAN; 1 << 16] };
            let mut out = vec![f32::NAN; expected.len()];
            for (group, out) in out.chunks_exact_mut(queries * heads * width).enumerate() {
                attention.group(simd, [&q, &k, &v], group, out, &mut scratch);
            }
            assert_near(&out, &expected, &format!("{attention:?} with {simd:?}"));
        }
    }
}

#[test]
fn bounds_limit_every_output_and_leave_a_nan_to_be_seen() {
    let mut numbers = [-1.0, 0.5, 7.0, f32::NAN];
    Bounds { least: 0.0, most: 6.0 }.apply(&mut numbers);
    assert_eq!(numbers[..3], [0.0, 0.5, 6.0]);
    assert!(numbers[3].is_nan());
}
