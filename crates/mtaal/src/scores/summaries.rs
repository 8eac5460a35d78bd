//! The two numbers that scores need of each token, from all of its log-probabilities.

/// Greatest log-probability and entropy of each token: `[T, K] -> ([T], [T])`, `log_probs` row by row, `K = labels`.
///
/// The plain definition, to test device code against and for outputs that are on the host anyhow. 0 log 0 is 0.
///
/// # Panics
/// Where `log_probs` is not a whole number of rows.
pub fn token_summaries(log_probs: &[f32], labels: usize) -> (Vec<f32>, Vec<f32>) {
    assert!(
        labels > 0 && log_probs.len().is_multiple_of(labels),
        "{} numbers are no rows of {labels}",
        log_probs.len()
    );
    let entropy = |row: &[f32]| -> f32 {
        let terms = row.iter().map(|&p| f64::from(p)).filter(|&p| p > f64::NEG_INFINITY);
        terms.map(|p| -p * p.exp()).sum::<f64>() as f32
    };
    log_probs
        .chunks_exact(labels)
        .map(|row| (row.iter().copied().fold(f32::NEG_INFINITY, f32::max), entropy(row)))
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_summarised() {
        let log_probs = [0.5_f32, 0.25, 0.25, 1.0, 0.0, 0.0].map(f32::ln);
        let (max, entropy) = token_summaries(&log_probs, 3);
        assert_eq!(max, [0.5_f32.ln(), 0.0]);
        // H(1/2, 1/4, 1/4) = 3/2 ln 2.
        assert!((entropy[0] - 1.5 * 2_f32.ln()).abs() < 1e-6);
        assert_eq!(entropy[1], 0.0);
    }

    #[test]
    #[should_panic(expected = "5 numbers are no rows of 3")]
    fn broken_rows_are_a_bug() {
        token_summaries(&[0.0; 5], 3);
    }
}
