//! Horizontal bars: groups (entity types, data sets) of systems, with their spread and the printed number.

use super::axis::Axis;
use super::legend::{self, Item};
use super::svg::{Anchor, Canvas, Drawing, width};
use super::{PANEL, Style, number};

/// A bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Which of the systems.
    pub system: usize,
    /// The mean; nothing where only a printed number is there.
    pub value: Option<f64>,
    /// Standard deviation over seeds.
    pub sd: Option<f64>,
    pub printed: Option<f64>,
}

/// Bars by group.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    pub title: String,
    /// What the lengths are.
    pub measure: String,
    pub systems: Vec<String>,
    pub groups: Vec<(String, Vec<Bar>)>,
    /// Dots on an axis that begins where the numbers do, where bars from zero would all be of one length.
    pub dots: bool,
}

const BAR: f64 = 11.0;
const GAP: f64 = 9.0;
const TOP: f64 = 6.0;

impl Bars {
    /// The drawing.
    pub fn draw(&self) -> Drawing {
        let mut canvas = Canvas::new(PANEL);
        let bars = || self.groups.iter().flat_map(|group| &group.1);
        let ends = bars().flat_map(|bar| {
            let spread = bar.value.zip(bar.sd).map(|(value, sd)| [value - sd, value + sd]);
            spread.into_iter().flatten().chain(bar.value).chain(bar.printed)
        });
        let widest = self.groups.iter().map(|group| width(&group.0)).fold(0.0, f64::max);
        let left = (widest + 12.0).clamp(20.0, 0.42 * PANEL);
        let right = PANEL - 14.0;
        let zero = (!self.dots).then_some(0.0);
        let axis = Axis::new(ends.chain(zero), left, right).with_margin(0.04);
        let count = |group: &(String, Vec<Bar>)| group.1.len().max(1) as f64;
        let height: f64 = self.groups.iter().map(|group| count(group) * BAR + GAP).sum();
        let bottom = TOP + height;
        for (value, text) in axis.ticks(5) {
            let at = axis.place(value);
            canvas.line("grid", (at, TOP), (at, bottom));
            let middle = at.min(PANEL - width(&text) / 2.0);
            canvas.text("muted", (middle, bottom + 16.0), Anchor::Middle, &text, 90.0);
        }
        let mut y = TOP + GAP / 2.0;
        for (i, group) in self.groups.iter().enumerate() {
            let middle = y + count(group) * BAR / 2.0 + 4.0;
            canvas.text("", (left - 8.0, middle), Anchor::End, &group.0, left - 10.0);
            for (j, bar) in group.1.iter().enumerate() {
                self.bar(&mut canvas, bar, &axis, y + j as f64 * BAR);
            }
            y += count(group) * BAR + GAP;
            if self.dots && i + 1 < self.groups.len() {
                canvas.line("grid", (left, y - GAP / 2.0), (right, y - GAP / 2.0));
            }
        }
        canvas.line("axis", (left, TOP), (left, bottom));
        canvas.text(
            "muted",
            (f64::midpoint(left, right), bottom + 33.0),
            Anchor::Middle,
            &self.measure,
            right - left,
        );
        let drawn = |system: usize| bars().any(|bar| bar.system == system && bar.value.is_some());
        let item =
            |(i, name): (usize, &String)| Item { name: name.clone(), style: Style::of(i), line: false };
        let items: Vec<Item> = self.systems.iter().enumerate().filter(|(i, _)| drawn(*i)).map(item).collect();
        let printed = bars().any(|bar| bar.printed.is_some());
        let end = legend::draw(&mut canvas, &items, printed, bottom + 42.0);
        canvas.finish(&self.title, self.describe(), end)
    }

    fn bar(&self, canvas: &mut Canvas, bar: &Bar, axis: &Axis, y: f64) {
        let style = Style::of(bar.system);
        let class = style.class();
        let middle = y + BAR / 2.0;
        if let Some(value) = bar.value {
            let at = axis.place(value);
            if self.dots {
                canvas.mark(&format!("mark {class}"), style.shape, (at, middle));
            } else {
                let (from, to) = (axis.place(0.0).min(at), axis.place(0.0).max(at));
                canvas.rectangle(&format!("bar {class}"), (from, y + 1.0), (to - from, BAR - 2.0));
            }
            if let Some(sd) = bar.sd {
                let class = if self.dots { format!("whisker {class}") } else { "whisker over".to_owned() };
                canvas.line(&class, (axis.place(value - sd), middle), (axis.place(value + sd), middle));
            }
        }
        if let Some(printed) = bar.printed {
            canvas.mark("printed", 3, (axis.place(printed), middle));
        }
    }

    fn describe(&self) -> String {
        let groups: Vec<String> = self
            .groups
            .iter()
            .map(|(name, bars)| {
                let bars: Vec<String> = bars
                    .iter()
                    .map(|bar| {
                        let value = bar.value.map_or("not measured".to_owned(), number);
                        let printed =
                            bar.printed.map_or(String::new(), |p| format!(" (printed {})", number(p)));
                        format!("{} {value}{printed}", self.systems[bar.system])
                    })
                    .collect();
                format!("{name}: {}", bars.join(", "))
            })
            .collect();
        format!("{}. {}.", self.measure, groups.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_at_zero_and_say_their_numbers() {
        let bar = |system, value| Bar { system, value, sd: Some(1.0), printed: Some(92.62) };
        let bars = Bars {
            title: "F1 per type".into(),
            measure: "f1".into(),
            systems: vec!["A".into(), "B".into()],
            groups: vec![("drug".into(), vec![bar(0, Some(84.5)), bar(1, None)])],
            dots: false,
        };
        let drawing = bars.draw();
        assert_eq!(drawing.description, "f1. drug: A 84.5 (printed 92.62), B not measured (printed 92.62).");
        let svg = drawing.inline("x");
        assert!(svg.contains(">0</text>") && svg.contains("whisker over"), "{svg}");
        assert!(
            svg.contains(">A</text>") && !svg.contains(">B</text>"),
            "only what is drawn is in the legend: {svg}"
        );
    }
}
