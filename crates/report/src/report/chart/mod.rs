//! Charts as SVG, written here: lines, bars and dots, radar, Euler circles.
//!
//! A chart is one panel of a fixed width, so that its text can be read on a small screen; several panels stand beside
//! each other where there is room.

mod axis;
mod bars;
mod euler;
mod infer;
mod legend;
mod lines;
mod radar;
mod svg;

pub use infer::{of_points, of_scores};
pub use svg::Drawing;

/// Width of a panel, in pixels at full size.
const PANEL: f64 = 420.0;

/// The style of all shapes, in the page and in files.
pub const CSS: &str = include_str!("../../../templates/chart.css");

/// How a series looks: colour, dashes and marks, so that no two depend on colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colour: usize,
    dash: usize,
    shape: usize,
}

impl Style {
    /// The look of the series of that number.
    pub fn of(number: usize) -> Self {
        Self {
            colour: number % super::palette::SERIES,
            dash: number / super::palette::SERIES % 4,
            shape: number,
        }
    }

    fn class(self) -> String {
        match self.dash {
            0 => format!("s{}", self.colour),
            dash => format!("s{} d{dash}", self.colour),
        }
    }
}

/// A number for people: no more digits than say something.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 10.0 => 2,
        size if size >= 0.001 || size == 0.0 => 4,
        _ => return format!("{value:.2e}").replace('-', "\u{2212}"),
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.replace('-', "\u{2212}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_say_something() {
        let shown = [0.0, 12_345.6, 81.273, 0.84, 0.000_012, -3.5].map(number);
        assert_eq!(shown, ["0", "12346", "81.27", "0.84", "1.20e\u{2212}5", "\u{2212}3.5"]);
    }

    #[test]
    fn no_two_of_the_first_32_look_the_same() {
        let looks: std::collections::BTreeSet<String> = (0..32).map(|i| Style::of(i).class()).collect();
        assert_eq!(looks.len(), 32);
    }
}
