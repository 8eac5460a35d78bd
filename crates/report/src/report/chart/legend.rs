//! Which line is whose.

use super::svg::{Anchor, Canvas, width};
use super::{PANEL, Style};

/// A name with its look.
pub struct Item {
    pub name: String,
    pub style: Style,
    /// A stretch of line behind the mark.
    pub line: bool,
}

const ROW: f64 = 17.0;
const SAMPLE: f64 = 26.0;

/// Draws the items below `top`, as many in a row as fit; returns where the drawing ends.
pub fn draw(canvas: &mut Canvas, items: &[Item], printed: bool, top: f64) -> f64 {
    let (mut x, mut y) = (8.0, top + 10.0);
    let mut place = |name: &str| {
        let wide = SAMPLE + width(name).min(PANEL - SAMPLE - 16.0) + 14.0;
        if x + wide > PANEL && x > 8.0 {
            (x, y) = (8.0, y + ROW);
        }
        let at = (x, y);
        x += wide;
        at
    };
    let mut last = top;
    // A single line needs no name beside its title, unless printed numbers stand beside it.
    if items.len() > 1 || printed {
        for item in items {
            let (x, y) = place(&item.name);
            let class = item.style.class();
            if item.line {
                canvas.path(&format!("line {class}"), &[(x, y), (x + SAMPLE - 6.0, y)], false);
            }
            canvas.mark(&format!("mark {class}"), item.style.shape, (x + (SAMPLE - 6.0) / 2.0, y));
            let room = PANEL - SAMPLE - 16.0;
            canvas.text("", (x + SAMPLE, y + 4.0), Anchor::Start, &item.name, room);
            last = y;
        }
    }
    if printed {
        let name = "as printed";
        let (x, y) = place(name);
        canvas.mark("printed", 3, (x + (SAMPLE - 6.0) / 2.0, y));
        canvas.text("", (x + SAMPLE, y + 4.0), Anchor::Start, name, 200.0);
        last = y;
    }
    last + 10.0
}
