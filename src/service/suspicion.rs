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

/// The same if each label has a probability of its own: the largest divergence of any label, present against absent. An
/// attack that adds or hides one label among many would not show in a mean.
///
/// # Shapes
/// `raw`, `purified`: `[labels]`, each in 0..1.
pub fn suspicion_of_labels(raw: &[f32], purified: &[f32]) -> f32 {
    let label = |(&p, &q): (&f32, &f32)| suspicion(&[p, 1.0 - p], &[q, 1.0 - q]);
    raw.iter().zip(purified).map(label).fold(0.0, f32::max)
}
