//! How far the distributions of the raw and the purified frame disagree.

/// The Jensen-Shannon divergence of two distributions in bits: 0 if they are equal, 1 if they share no class.
///
/// J. Lin, "Divergence measures based on the Shannon entropy", 1991. Unlike the Kullback-Leibler divergence it is
/// symmetric, and finite even if one distribution gives a class no probability.
///
/// # Shapes
/// `raw`, `purified`: `[classes]`, each sums to 1.
pub fn suspicion(raw: &[f32], purified: &[f32]) -> f32 {
    let half = |p: f32, q: f32| {
        let (p, mean) = (f64::from(p), (f64::from(p) + f64::from(q)) / 2.0);
        if p > 0.0 { p * (p / mean).log2() } else { 0.0 }
    };
    let sum: f64 = raw.iter().zip(purified).map(|(&p, &q)| half(p, q) + half(q, p)).sum();
    // Rounding may exceed the bounds by the last digit.
    (sum / 2.0).clamp(0.0, 1.0) as f32
}
