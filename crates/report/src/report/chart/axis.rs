//! Round numbers along an axis.

/// A stretch of numbers, and where it lies on the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// From the least to the greatest value, drawn from `from` to `to`. A single value gets room on both sides.
    pub fn new(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        } else if high - low < 1e-9 * high.abs().max(1e-6) {
            let room = if high == 0.0 { 1.0 } else { 0.05 * high.abs() };
            (low, high) = (low - room, high + room);
        }
        Self { low, high, from, to }
    }

    /// Widened by a share of its length on both sides, but not across zero.
    pub fn with_margin(self, share: f64) -> Self {
        let room = share * (self.high - self.low);
        let low = if self.low >= 0.0 { (self.low - room).max(0.0) } else { self.low - room };
        let high = if self.high <= 0.0 { (self.high + room).min(0.0) } else { self.high + room };
        Self { low, high, ..self }
    }

    /// Where a value lies on the drawing.
    pub fn place(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// About `wanted` round numbers inside, as value and text.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let unit = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * unit)
            .find(|step| *step >= rough * 0.7)
            .unwrap_or(10.0 * unit);
        let decimals = (0..12).find(|d| {
            let scaled = step * 10_f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled
        });
        let decimals = decimals.unwrap_or(12) as usize;
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last)
            .map(|i| i as f64 * step)
            .map(|value| (value, format!("{value:.decimals$}").replace('-', "\u{2212}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(low: f64, high: f64) -> Vec<String> {
        Axis::new([low, high], 0.0, 1.0).ticks(5).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(texts(0.0, 100.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(0.61, 0.84), ["0.65", "0.70", "0.75", "0.80"]);
        assert_eq!(texts(-4.0, 1.0), ["\u{2212}4", "\u{2212}3", "\u{2212}2", "\u{2212}1", "0", "1"]);
        assert_eq!(texts(0.0, 2_500_000.0).last().map(String::as_str), Some("2500000"));
    }

    #[test]
    fn one_value_and_none_have_an_axis_too() {
        for axis in
            [Axis::new([80.0], 0.0, 100.0), Axis::new([], 0.0, 100.0), Axis::new([f64::NAN], 0.0, 1.0)]
        {
            let ticks = axis.ticks(4);
            assert!((2..12).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks.iter().all(|tick| axis.place(tick.0).is_finite()));
        }
    }

    #[test]
    fn a_margin_does_not_cross_zero() {
        let axis = Axis::new([0.0, 10.0], 0.0, 100.0).with_margin(0.1);
        assert_eq!((axis.place(0.0), axis.place(11.0)), (0.0, 100.0));
    }
}
