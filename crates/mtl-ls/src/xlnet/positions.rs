//! How far apart two pieces are, as a vector.

use medner_core::Result;
use tch::{Device, Kind, Tensor};

/// The distances that `length` pieces have to the `seen` pieces that they see (the last `length` of them are themselves):
/// row `p` of the result `[seen + length, D]` is the distance `seen - p`, as sines and then cosines. `clamp`: distances beyond
/// it count as it; not positive for none.
pub fn encoding(length: i64, seen: i64, width: i64, clamp: i64, device: Device) -> Result<Tensor> {
    let float = (Kind::Float, device);
    let frequencies = Tensor::f_arange_start_step(0, width, 2, float)?.f_div_scalar(width as f64)?;
    let frequencies =
        Tensor::f_full([1], 10_000.0, float)?.f_pow(&frequencies)?.f_reciprocal()?.f_unsqueeze(0)?;
    let mut distances = Tensor::f_arange_start_step(seen, -length, -1, float)?;
    if clamp > 0 {
        distances = distances.f_clamp(-clamp as f64, clamp as f64)?;
    }
    let angles = distances.f_unsqueeze(1)?.f_mul(&frequencies)?;
    Ok(Tensor::f_cat(&[angles.f_sin()?, angles.f_cos()?], -1)?)
}

/// The scores of distances, put at the pairs of pieces that have them: `scores: [N, T, S + T]` by row of [`encoding`]
/// `-> [N, T, S]`, where the piece `i` looks at `j` over the distance `i - j`, which is row `T - i + j`. A view.
pub fn shift(scores: &Tensor, seen: i64) -> Result<Tensor> {
    let (n, length, rows) = scores.size3()?;
    // Row i begins one place earlier than row i - 1: in the flat block, at T + i (rows - 1).
    let scores = scores.f_contiguous()?;
    Ok(scores.f_as_strided([n, length, seen], [length * rows, rows - 1, 1], length)?)
}

/// The same for chosen pieces: `scores: [h, B, P, S + T]`, `places: [B, P]` `-> [h, B, P, S]`.
pub fn shift_rows(scores: &Tensor, places: &Tensor, length: i64, seen: i64) -> Result<Tensor> {
    let heads = scores.size()[0];
    let (b, p) = places.size2()?;
    let columns = Tensor::f_arange(seen, (Kind::Int64, scores.device()))?.f_add_scalar(length)?;
    let rows = columns.f_sub(&places.f_unsqueeze(-1)?)?.f_unsqueeze(0)?;
    Ok(scores.f_gather(-1, &rows.f_expand([heads, b, p, seen], false)?, false)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_pair_gets_the_score_of_its_distance() {
        // Rows are distances 5, 4, .., -2 (seen 5, length 3); the score of a distance is the distance itself.
        let (length, seen) = (3, 5);
        let row = Tensor::arange_start_step(5, -3, -1, (Kind::Float, Device::Cpu));
        let scores = row.repeat([2, length, 1]);
        let shifted = shift(&scores, seen).unwrap();
        for (i, j) in (0..length).flat_map(|i| (0..seen).map(move |j| (i, j))) {
            // Two pieces are remembered, so that piece i stands at 2 + i.
            assert_eq!(shifted.double_value(&[1, i, j]), (2 + i - j) as f64);
        }
        let places = Tensor::from_slice(&[2_i64, 0]).view([1, 2]);
        let chosen = shift_rows(&scores.narrow(0, 0, 1).narrow(1, 0, 2).unsqueeze(0), &places, length, seen);
        let chosen = chosen.unwrap();
        for (at, i) in [2, 0].into_iter().enumerate() {
            for j in 0..seen {
                assert_eq!(chosen.double_value(&[0, 0, at as i64, j]), (2 + i - j) as f64);
            }
        }
    }

    #[test]
    fn distances_are_sines_and_cosines() {
        let table = encoding(3, 5, 4, -1, Device::Cpu).unwrap();
        assert_eq!(table.size(), [8, 4]);
        // Row 7 is the distance -2; the second frequency is 10000^(-2/4) = 0.01.
        let expected = [(-2.0_f64).sin(), (-0.02_f64).sin(), (-2.0_f64).cos(), (-0.02_f64).cos()];
        for (column, value) in expected.into_iter().enumerate() {
            assert!((table.double_value(&[7, column as i64]) - value).abs() < 1e-6);
        }
        let clamped = encoding(3, 5, 4, 2, Device::Cpu).unwrap();
        assert!(clamped.get(0).equal(&table.get(3)) && clamped.get(7).equal(&table.get(7)));
    }
}
