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

/// Where the distances of each row begin among the rows of [`encoding`]: the piece `i` looks at `j` over the distance `i - j`, which
/// is row `T - i + j`. For all `length` pieces in their order, `[T]`, or for chosen `places: [B, P]`, `[B P]`.
pub fn first_distances(places: Option<&Tensor>, length: i64) -> Result<Vec<i64>> {
    match places {
        None => Ok((0..length).map(|i| length - i).collect()),
        Some(places) => {
            let places = Vec::<i64>::try_from(&places.f_reshape([-1])?.f_to_device(Device::Cpu)?)?;
            Ok(places.into_iter().map(|i| length - i).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_pair_has_the_row_of_its_distance() {
        // Rows are distances 5, 4, .., -2 (seen 5, length 3). Two pieces are remembered, so that piece i stands at 2 + i.
        let (length, seen) = (3, 5);
        let distances: Vec<i64> = (-2..=5).rev().collect();
        for (i, first) in first_distances(None, length).unwrap().into_iter().enumerate() {
            for j in 0..seen {
                assert_eq!(distances[(first + j) as usize], 2 + i as i64 - j);
            }
        }
        let places = Tensor::from_slice(&[2_i64, 0]).view([1, 2]);
        assert_eq!(first_distances(Some(&places), length).unwrap(), [1, 3]);
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
