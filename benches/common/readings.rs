//! What is made of several readings of the same.

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// How far apart the outermost of the middle half are; of a few values, all.
pub(crate) fn middle(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let cut = if sorted.len() < 10 { 0 } else { sorted.len() / 4 };
    sorted[sorted.len() - 1 - cut] - sorted[cut]
}
