//! Lines over numbers (epochs, queries) or over names in their order (1, 2, 4, 8 heads).

use super::axis::Axis;
use super::legend::{self, Item};
use super::svg::{Anchor, Canvas, Drawing, width};
use super::{PANEL, Style, number};

/// A point over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    /// The mean.
    pub y: f64,
    /// The spread to draw, from and to.
    pub spread: Option<(f64, f64)>,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub style: Style,
    /// By rising `x`.
    pub points: Vec<Point>,
    /// Numbers that the paper prints, as `(x, y)`.
    pub printed: Vec<(f64, f64)>,
}

/// A panel of lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    pub title: String,
    pub x: String,
    pub y: String,
    /// Names of the places 0, 1, 2, ... where `x` counts names; empty where it is a number.
    pub names: Vec<String>,
    pub series: Vec<Series>,
}

/// Marks are drawn on lines of at most this many points.
const MARKED: usize = 12;

/// The plot's edges inside a panel.
const TOP: f64 = 12.0;
const BOTTOM: f64 = 214.0;

impl Lines {
    /// The drawing.
    pub fn draw(&self) -> Drawing {
        let mut canvas = Canvas::new(PANEL);
        let points = || self.series.iter().flat_map(|s| &s.points);
        let printed = || self.series.iter().flat_map(|s| &s.printed);
        let spread = |p: &Point| p.spread.map_or([p.y, p.y], |(low, high)| [low, high]);
        let ys = points().flat_map(spread).chain(printed().map(|p| p.1));
        let y = Axis::new(ys, BOTTOM, TOP).with_margin(0.06);
        let y_ticks = y.ticks(5);
        let left = 12.0 + y_ticks.iter().map(|tick| width(&tick.1)).fold(0.0, f64::max);
        let right = PANEL - 10.0;
        let x = if self.names.is_empty() {
            Axis::new(points().map(|p| p.x).chain(printed().map(|p| p.0)), left, right)
        } else {
            Axis::new([-0.4, self.names.len() as f64 - 0.6], left, right)
        };
        for (value, text) in &y_ticks {
            let at = y.place(*value);
            canvas.line("grid", (left, at), (right, at));
            canvas.text("muted", (left - 6.0, at + 4.0), Anchor::End, text, left);
        }
        let x_ticks = match self.names.as_slice() {
            [] => x.ticks(6),
            names => names.iter().enumerate().map(|(i, name)| (i as f64, name.clone())).collect(),
        };
        let room = if self.names.is_empty() { 90.0 } else { (right - left) / self.names.len() as f64 - 2.0 };
        for (value, text) in &x_ticks {
            let at = x.place(*value);
            canvas.line("axis", (at, BOTTOM), (at, BOTTOM + 4.0));
            let half = width(text) / 2.0;
            let at = at.min(PANEL - half.min(room / 2.0)).max(half.min(room / 2.0));
            canvas.text("muted", (at, BOTTOM + 17.0), Anchor::Middle, text, room);
        }
        canvas.line("axis", (left, BOTTOM), (right, BOTTOM));
        canvas.text(
            "muted",
            (f64::midpoint(left, right), BOTTOM + 34.0),
            Anchor::Middle,
            &self.x,
            right - left,
        );
        for series in &self.series {
            series.draw(&mut canvas, &x, &y);
        }
        let items: Vec<Item> =
            self.series.iter().map(|s| Item { name: s.name.clone(), style: s.style, line: true }).collect();
        let bottom = legend::draw(&mut canvas, &items, printed().next().is_some(), BOTTOM + 44.0);
        canvas.finish(&self.title, self.describe(), bottom)
    }

    /// What the lines say, in words.
    fn describe(&self) -> String {
        let lines: Vec<String> = self
            .series
            .iter()
            .filter_map(|s| {
                let (first, last) = (s.points.first()?, s.points.last()?);
                let best = s.points.iter().map(|p| p.y).fold(f64::NEG_INFINITY, f64::max);
                let least = s.points.iter().map(|p| p.y).fold(f64::INFINITY, f64::min);
                Some(format!(
                    "{}: {} at {}, {} at {}, between {} and {}",
                    s.name,
                    number(first.y),
                    self.place(first.x),
                    number(last.y),
                    self.place(last.x),
                    number(least),
                    number(best)
                ))
            })
            .collect();
        format!("{} over {}. {}.", self.y, self.x, lines.join("; "))
    }

    fn place(&self, x: f64) -> String {
        self.names.get(x as usize).cloned().unwrap_or_else(|| number(x))
    }
}

impl Series {
    fn draw(&self, canvas: &mut Canvas, x: &Axis, y: &Axis) {
        let class = self.style.class();
        let at = |value: f64, of: f64| (x.place(value), y.place(of));
        let marked = self.points.len() <= MARKED;
        if self.points.iter().all(|p| p.spread.is_some()) && self.points.len() > 1 && !marked {
            let low = self.points.iter().filter_map(|p| Some(at(p.x, p.spread?.0)));
            let high = self.points.iter().rev().filter_map(|p| Some(at(p.x, p.spread?.1)));
            canvas.path(&format!("band {class}"), &low.chain(high).collect::<Vec<_>>(), true);
        }
        let line: Vec<(f64, f64)> = self.points.iter().map(|p| at(p.x, p.y)).collect();
        if line.len() > 1 {
            canvas.path(&format!("line {class}"), &line, false);
        }
        if marked {
            for (point, place) in self.points.iter().zip(&line) {
                if let Some((low, high)) = point.spread {
                    canvas.line(&format!("whisker {class}"), at(point.x, low), at(point.x, high));
                }
                canvas.mark(&format!("mark {class}"), self.style.shape, *place);
            }
        }
        for (value, of) in &self.printed {
            canvas.mark("printed", 3, at(*value, *of));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(names: &[&str]) -> Lines {
        let point =
            |i: i32| Point { x: f64::from(i), y: 0.5 + f64::from(i) / 10.0, spread: Some((0.4, 0.9)) };
        Lines {
            title: "F1".into(),
            x: "query".into(),
            y: "ner_f1".into(),
            names: names.iter().map(|&n| n.to_owned()).collect(),
            series: vec![Series {
                name: "LC".into(),
                style: Style::of(0),
                points: (0..3).map(point).collect(),
                printed: vec![(1.0, 0.75)],
            }],
        }
    }

    #[test]
    fn the_description_gives_both_ends() {
        let drawing = lines(&[]).draw();
        assert_eq!(drawing.description, "ner_f1 over query. LC: 0.5 at 0, 0.7 at 2, between 0.5 and 0.7.");
        assert!(drawing.inline("a").contains(r#"class="printed""#));
    }

    #[test]
    fn names_take_the_place_of_numbers() {
        let drawing = lines(&["1", "2", "16"]).draw();
        assert!(drawing.description.contains("0.7 at 16"), "{}", drawing.description);
        assert!(drawing.inline("a").contains(">16</text>"));
    }
}
