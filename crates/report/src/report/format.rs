//! Numbers as the tables print them.

use std::collections::BTreeMap;

use medner_experiment::schema::TableSpec;

use super::input::Score;

const MINUS: char = '\u{2212}';

/// How many digits after the point a table prints, by metric: as many as the paper does.
pub struct Decimals(BTreeMap<String, usize>);

impl Decimals {
    /// From the printed numbers; for a metric without any, from its scale and values.
    pub fn new(spec: Option<&TableSpec>, scores: &[Score]) -> Self {
        let mut all = BTreeMap::new();
        for score in scores {
            all.entry(score.metric.clone()).or_insert_with(|| of_metric(spec, scores, &score.metric));
        }
        Self(all)
    }

    /// The digits of a metric.
    pub fn of(&self, metric: &str) -> usize {
        self.0.get(metric).copied().unwrap_or(2)
    }
}

fn of_metric(spec: Option<&TableSpec>, scores: &[Score], metric: &str) -> usize {
    let own = || scores.iter().filter(|score| score.metric == metric);
    let printed = own().filter_map(|score| score.published).map(digits).max();
    let means = || own().filter_map(|score| score.mean);
    let whole = means().all(|mean| mean.fract() == 0.0);
    let scale = spec.map_or(1.0, |spec| spec.scale.of(metric, 1.0));
    let guess = match () {
        () if whole => 0,
        () if scale == 1.0 && means().all(|mean| mean.abs() <= 1.5) => 4,
        () => 2,
    };
    match printed {
        // A printed whole number beside means that are none (seconds, gains): two digits say more.
        Some(0) if !whole => guess.min(2),
        Some(digits) => digits,
        None => guess,
    }
}

/// Digits after the point of a number as written, at most six.
fn digits(value: f64) -> usize {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0');
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// A number with that many digits.
pub fn plain(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', &MINUS.to_string()) }
}

/// A number with its sign.
pub fn difference(value: f64, digits: usize) -> String {
    let text = plain(value, digits);
    if text.starts_with(MINUS) || text.chars().all(|c| matches!(c, '0' | '.')) {
        text
    } else {
        format!("+{text}")
    }
}

/// A p value, which is never printed as 0.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// Seconds for people: `4 min 22 s`.
pub fn seconds(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2} s"),
        v if v < 100.0 => format!("{v:.1} s"),
        v => {
            let whole = v.round() as u64;
            match whole {
                0..3600 => format!("{} min {} s", whole / 60, whole % 60),
                _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
            }
        }
    }
}

/// Thousands apart: `21,715`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(published: Option<f64>, mean: Option<f64>) -> Score {
        Score { metric: "f1".to_owned(), published, mean, ..Score::default() }
    }

    #[test]
    fn tables_print_the_digits_of_the_paper() {
        let of = |scores: &[Score]| Decimals::new(None, scores).of("f1");
        assert_eq!(of(&[score(Some(82.7), Some(80.123)), score(Some(84.03), None)]), 2);
        assert_eq!(of(&[score(Some(0.84), Some(0.8123)), score(Some(0.9152), None)]), 4);
        assert_eq!(of(&[score(Some(2116.0), Some(2116.0))]), 0);
        assert_eq!(of(&[score(Some(-21.0), Some(13.1))]), 2);
        assert_eq!(of(&[score(None, Some(0.5123))]), 4);
        assert_eq!(of(&[score(None, Some(80.5123))]), 2);
    }

    #[test]
    fn signs_and_zeros() {
        assert_eq!(
            [difference(0.123, 2), difference(-0.468, 2), difference(-0.001, 2)],
            ["+0.12", "\u{2212}0.47", "0.00"]
        );
        assert_eq!(plain(-3.0, 0), "\u{2212}3");
        assert_eq!([p_value(0.0), p_value(0.0412)], ["< 0.001", "0.041"]);
    }

    #[test]
    fn times_and_counts_for_people() {
        assert_eq!(
            [seconds(0.5), seconds(28.44), seconds(262.3), seconds(7322.0)],
            ["0.50 s", "28.4 s", "4 min 22 s", "2 h 2 min"]
        );
        assert_eq!([count(0), count(999), count(1000), count(2_171_573)], ["0", "999", "1,000", "2,171,573"]);
    }
}
