//! Three sets as circles: areas as their sizes, overlaps as what two of them share.
//!
//! Three circles cannot show seven sizes exactly; the three circles and the three overlaps of pairs are exact where the
//! triangle of their centres closes, the middle is what comes of it. So all seven numbers stand below.

use super::svg::{Anchor, Canvas, Drawing};
use super::{PANEL, Style, number};

/// Three sets and the sizes of their seven regions.
#[derive(Clone, Debug, PartialEq)]
pub struct Euler {
    pub title: String,
    pub sets: [String; 3],
    /// Only A, only B, only C; A and B without C, A and C without B, B and C without A; all three.
    pub regions: [f64; 7],
}

/// Which regions a set is made of.
const MEMBERS: [[usize; 4]; 3] = [[0, 3, 4, 6], [1, 3, 5, 6], [2, 4, 5, 6]];
const PAIRS: [(usize, usize, usize); 3] = [(0, 1, 3), (0, 2, 4), (1, 2, 5)];

impl Euler {
    fn size(&self, set: usize) -> f64 {
        MEMBERS[set].iter().map(|region| self.regions[*region]).sum()
    }

    /// Centre and radius of the circles, in units of their own.
    fn circles(&self) -> [((f64, f64), f64); 3] {
        let radius = [0, 1, 2].map(|set| (self.size(set) / std::f64::consts::PI).sqrt());
        let distance = PAIRS
            .map(|(a, b, region)| distance_of(radius[a], radius[b], self.regions[region] + self.regions[6]));
        let [ab, ac, bc] = distance;
        // Where the triangle does not close, the third circle lies on the line of the other two.
        let x = if ab > 0.0 { (ab * ab + ac * ac - bc * bc) / (2.0 * ab) } else { 0.0 };
        let x = x.clamp(-ac, ac);
        let y = (ac * ac - x * x).max(0.0).sqrt();
        [((0.0, 0.0), radius[0]), ((ab, 0.0), radius[1]), ((x, y), radius[2])]
    }

    /// The drawing.
    pub fn draw(&self) -> Drawing {
        const HEIGHT: f64 = 220.0;
        let mut canvas = Canvas::new(PANEL);
        let circles = self.circles();
        let least =
            |pick: fn(&((f64, f64), f64)) -> f64| circles.iter().map(pick).fold(f64::INFINITY, f64::min);
        let greatest =
            |pick: fn(&((f64, f64), f64)) -> f64| circles.iter().map(pick).fold(f64::NEG_INFINITY, f64::max);
        let (left, right) = (least(|c| c.0.0 - c.1), greatest(|c| c.0.0 + c.1));
        let (top, bottom) = (least(|c| c.0.1 - c.1), greatest(|c| c.0.1 + c.1));
        let scale = ((PANEL - 20.0) / (right - left)).min((HEIGHT - 16.0) / (bottom - top));
        let scale = if scale.is_finite() { scale } else { 0.0 };
        let (x0, y0) =
            (PANEL / 2.0 - scale * (left + right) / 2.0, HEIGHT / 2.0 - scale * (top + bottom) / 2.0);
        for (i, ((x, y), radius)) in circles.iter().enumerate() {
            let class = Style::of(i).class();
            canvas.circle(&format!("set {class}"), (x0 + scale * x, y0 + scale * y), scale * radius);
        }
        let mut y = HEIGHT + 14.0;
        for (i, set) in self.sets.iter().enumerate() {
            let style = Style::of(i);
            canvas.mark(&format!("mark {}", style.class()), 0, (14.0, y - 4.0));
            let text = format!("{set}: {}", number(self.size(i)));
            canvas.text("", (26.0, y), Anchor::Start, &text, PANEL - 30.0);
            y += 17.0;
        }
        for text in self.lines() {
            canvas.text("muted", (26.0, y), Anchor::Start, &text, PANEL - 30.0);
            y += 16.0;
        }
        canvas.finish(&self.title, format!("{}.", self.lines().join("; ")), y)
    }

    fn lines(&self) -> Vec<String> {
        let [a, b, c] = &self.sets;
        let name = [
            format!("only {a}"),
            format!("only {b}"),
            format!("only {c}"),
            format!("{a} and {b}, not {c}"),
            format!("{a} and {c}, not {b}"),
            format!("{b} and {c}, not {a}"),
            "all three".to_owned(),
        ];
        name.iter().zip(&self.regions).map(|(name, size)| format!("{name}: {}", number(*size))).collect()
    }
}

/// The area that two circles share.
fn overlap(r1: f64, r2: f64, distance: f64) -> f64 {
    if distance >= r1 + r2 {
        return 0.0;
    }
    if distance <= (r1 - r2).abs() {
        return std::f64::consts::PI * r1.min(r2).powi(2);
    }
    let (d, a, b) = (distance, r1 * r1, r2 * r2);
    let alpha = ((d * d + a - b) / (2.0 * d * r1)).clamp(-1.0, 1.0).acos();
    let beta = ((d * d + b - a) / (2.0 * d * r2)).clamp(-1.0, 1.0).acos();
    a * (alpha - (2.0 * alpha).sin() / 2.0) + b * (beta - (2.0 * beta).sin() / 2.0)
}

/// How far apart two circles lie that share this area.
fn distance_of(r1: f64, r2: f64, shared: f64) -> f64 {
    let (mut near, mut far) = ((r1 - r2).abs(), r1 + r2);
    for _ in 0..60 {
        let middle = f64::midpoint(near, far);
        if overlap(r1, r2, middle) > shared { near = middle } else { far = middle }
    }
    f64::midpoint(near, far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_and_overlaps_are_the_sizes() {
        let euler = Euler {
            title: "Mentions".into(),
            sets: ["T", "L", "P"].map(str::to_owned),
            regions: [800.0, 120.0, 90.0, 60.0, 40.0, 300.0, 250.0],
        };
        let circles = euler.circles();
        for (i, circle) in circles.iter().enumerate() {
            assert!((std::f64::consts::PI * circle.1 * circle.1 - euler.size(i)).abs() < 1e-6);
        }
        for (a, b, region) in PAIRS {
            let ((x1, y1), (x2, y2)) = (circles[a].0, circles[b].0);
            let shared = overlap(circles[a].1, circles[b].1, (x1 - x2).hypot(y1 - y2));
            let expected = euler.regions[region] + euler.regions[6];
            assert!((shared - expected).abs() < 1e-3 * expected, "{a} {b}: {shared} {expected}");
        }
        let drawing = euler.draw();
        assert!(
            drawing.description.contains("L and P, not T: 300; all three: 250"),
            "{}",
            drawing.description
        );
    }

    #[test]
    fn empty_and_contained_sets_are_drawn() {
        for regions in [[0.0; 7], [0.0, 10.0, 0.0, 0.0, 0.0, 0.0, 5.0]] {
            let euler = Euler { title: "t".into(), sets: ["a", "b", "c"].map(str::to_owned), regions };
            assert!(!euler.draw().inline("e").contains("NaN"));
        }
    }
}
