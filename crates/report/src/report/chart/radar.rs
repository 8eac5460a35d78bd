//! A polygon a system on axes that leave one centre.

use super::legend::{self, Item};
use super::svg::{Anchor, Canvas, Drawing, width};
use super::{PANEL, Style, number};

/// A radar chart; every axis runs from zero to the same greatest value.
#[derive(Clone, Debug, PartialEq)]
pub struct Radar {
    pub title: String,
    pub axes: Vec<String>,
    /// Name, and a value an axis where there is one.
    pub systems: Vec<(String, Vec<Option<f64>>)>,
}

const MIDDLE: (f64, f64) = (PANEL / 2.0, 126.0);
const RADIUS: f64 = 92.0;

impl Radar {
    /// The drawing; needs three axes.
    pub fn draw(&self) -> Drawing {
        let mut canvas = Canvas::new(PANEL);
        let values = || self.systems.iter().flat_map(|s| s.1.iter().flatten().copied());
        let greatest = values().fold(0.0_f64, f64::max);
        let scale = super::axis::Axis::new([0.0, greatest], 0.0, RADIUS);
        let at = |axis: usize, value: f64| {
            let angle = std::f64::consts::TAU * axis as f64 / self.axes.len() as f64;
            let r = scale.place(value.max(0.0));
            (MIDDLE.0 + r * angle.sin(), MIDDLE.1 - r * angle.cos())
        };
        let rings = scale.ticks(4);
        for (value, text) in rings.iter().filter(|ring| ring.0 > 0.0) {
            let ring: Vec<(f64, f64)> = (0..self.axes.len()).map(|axis| at(axis, *value)).collect();
            canvas.path("ring", &ring, true);
            let (x, y) = at(0, *value);
            canvas.text("muted", (x + 3.0, y + 11.0), Anchor::Start, text, 60.0);
        }
        for (axis, name) in self.axes.iter().enumerate() {
            let end = at(axis, greatest);
            canvas.line("grid", MIDDLE, end);
            let (x, y) = (end.0 - MIDDLE.0, end.1 - MIDDLE.1);
            let out = 10.0 / x.hypot(y).max(1.0);
            let (anchor, room) = match x {
                x if x > 8.0 => (Anchor::Start, PANEL - end.0 - 12.0),
                x if x < -8.0 => (Anchor::End, end.0 - 12.0),
                _ => (Anchor::Middle, width(name)),
            };
            canvas.text("", (end.0 + x * out, end.1 + y * out + 4.0), anchor, name, room.max(24.0));
        }
        for (i, (_, values)) in self.systems.iter().enumerate() {
            let style = Style::of(i);
            let points: Vec<(f64, f64)> =
                values.iter().enumerate().filter_map(|(axis, value)| Some(at(axis, (*value)?))).collect();
            canvas.path(&format!("line {}", style.class()), &points, points.len() == self.axes.len());
            for point in points {
                canvas.mark(&format!("mark {}", style.class()), style.shape, point);
            }
        }
        let item = |(i, s): (usize, &(String, Vec<Option<f64>>))| Item {
            name: s.0.clone(),
            style: Style::of(i),
            line: true,
        };
        let items: Vec<Item> = self.systems.iter().enumerate().map(item).collect();
        let end = legend::draw(&mut canvas, &items, false, MIDDLE.1 + RADIUS + 28.0);
        canvas.finish(&self.title, self.describe(), end)
    }

    fn describe(&self) -> String {
        let system = |(name, values): &(String, Vec<Option<f64>>)| {
            let values: Vec<String> = self
                .axes
                .iter()
                .zip(values)
                .map(|(axis, value)| format!("{axis} {}", value.map_or("none".to_owned(), number)))
                .collect();
            format!("{name}: {}", values.join(", "))
        };
        format!("{}.", self.systems.iter().map(system).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_lies_inside_its_rings() {
        let radar = Radar {
            title: "Ratios".into(),
            axes: ["coverage", "forgotten", "new"].map(str::to_owned).into(),
            systems: vec![("MTL-LS".into(), vec![Some(45.13), Some(4.42), None])],
        };
        let drawing = radar.draw();
        assert_eq!(drawing.description, "MTL-LS: coverage 45.13, forgotten 4.42, new none.");
        let svg = drawing.inline("r");
        assert!(svg.contains(r#"class="ring""#) && !svg.contains("NaN"), "{svg}");
    }
}
