//! A drawing: shapes with classes, and the texts that stand for it where it cannot be seen.
//!
//! Shapes name classes of [`CSS`](super::CSS), never colours, so that the same drawing serves both themes, inside the
//! page and as a file of its own.

use std::fmt::Write as _;

/// Where a text's coordinates are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A finished drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// What it shows, in a few words; stands above it.
    pub title: String,
    /// What it says, for those who do not see it.
    pub description: String,
    width: f64,
    height: f64,
    body: String,
}

/// A drawing that is being made.
pub struct Canvas {
    width: f64,
    body: String,
}

impl Canvas {
    /// An empty one, `width` units wide; a unit is a pixel at full size.
    pub fn new(width: f64) -> Self {
        Self { width, body: String::new() }
    }

    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(shape);
    }

    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(short);
        self.add(format_args!(r#"<line class="{class}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>"#));
    }

    pub fn rectangle(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        let [x, y, w, h] = [at.0, at.1, size.0, size.1].map(short);
        self.add(format_args!(r#"<rect class="{class}" x="{x}" y="{y}" width="{w}" height="{h}"/>"#));
    }

    pub fn circle(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let [x, y, r] = [at.0, at.1, radius].map(short);
        self.add(format_args!(r#"<circle class="{class}" cx="{x}" cy="{y}" r="{r}"/>"#));
    }

    /// Straight lines from point to point.
    pub fn path(&mut self, class: &str, points: &[(f64, f64)], closed: bool) {
        let mut d = String::new();
        for (i, (x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if i == 0 { 'M' } else { 'L' }, short(*x), short(*y));
        }
        if closed {
            d.push('Z');
        }
        self.add(format_args!(r#"<path class="{class}" d="{d}"/>"#));
    }

    /// A mark; `shape` counts round so that series differ in shape as well as in colour.
    pub fn mark(&mut self, class: &str, shape: usize, (x, y): (f64, f64)) {
        const R: f64 = 3.4;
        let around = |n: usize, turn: f64, r: f64| -> Vec<(f64, f64)> {
            let step = std::f64::consts::TAU / n as f64;
            (0..n).map(|i| step * i as f64 + turn).map(|a| (x + r * a.sin(), y - r * a.cos())).collect()
        };
        let eighth = std::f64::consts::FRAC_PI_4;
        match shape % 5 {
            0 => self.circle(class, (x, y), R),
            1 => self.path(class, &around(4, eighth, R * 1.3), true),
            2 => self.path(class, &around(3, 0.0, R * 1.4), true),
            3 => self.path(class, &around(4, 0.0, R * 1.35), true),
            _ => self.path(class, &around(3, 4.0 * eighth, R * 1.4), true),
        }
    }

    /// A text, cut to `room` units where it is longer; the whole is then its tooltip.
    pub fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str, room: f64) {
        let [x, y] = [at.0, at.1].map(short);
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let shown = fitted(text, room);
        let whole = if shown == text { String::new() } else { format!("<title>{}</title>", escaped(text)) };
        let shown = escaped(&shown);
        self.add(format_args!(
            r#"<text class="{class}" x="{x}" y="{y}" text-anchor="{anchor}">{whole}{shown}</text>"#
        ));
    }

    /// The drawing, `height` units high.
    pub fn finish(self, title: impl Into<String>, description: impl Into<String>, height: f64) -> Drawing {
        Drawing {
            title: title.into(),
            description: description.into(),
            width: self.width,
            height,
            body: self.body,
        }
    }
}

impl Drawing {
    /// As an element of a page; `id` is unique there.
    pub fn inline(&self, id: &str) -> String {
        let size = format!(r#"viewBox="0 0 {} {}""#, short(self.width), short(self.height));
        let [title, description] = [&self.title, &self.description].map(|text| escaped(text));
        format!(
            r#"<svg class="chart" {size} role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{description}</desc>{}</svg>"#,
            self.body
        )
    }

    /// As a file of its own, in the colours of the reader's theme.
    pub fn file(&self) -> String {
        let [width, height] = [self.width, self.height].map(short);
        let [title, description] = [&self.title, &self.description].map(|text| escaped(text));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>\n<style>{}{}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{}\n</svg>\n",
            super::super::palette::css(),
            super::CSS,
            self.body
        )
    }
}

/// At most one digit after the point: a tenth of a pixel.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Text as it stands in XML and HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// About how wide a text is at the charts' size of 12 units. Fonts differ; it is on the generous side.
pub fn width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | ' ' | 'I' | '(' | ')' => 4.4,
            'm' | 'w' | 'M' | 'W' | '%' | '—' => 10.6,
            c if c.is_ascii_uppercase() => 8.8,
            c if c >= '\u{2e80}' => 12.4,
            _ => 7.2,
        })
        .sum()
}

fn fitted(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = width("…");
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        let mut canvas = Canvas::new(100.0);
        canvas.text("x", (0.0, 0.0), Anchor::Start, "<a> & \"b\" \u{1}", 500.0);
        let inline = canvas.finish("<t>", "d & e", 50.0).inline("i");
        assert!(inline.contains("&lt;a&gt; &amp; &quot;b&quot; \u{fffd}"), "{inline}");
        assert!(inline.contains(r#"<title id="i-t">&lt;t&gt;</title>"#), "{inline}");
    }

    #[test]
    fn a_long_text_is_cut_and_keeps_its_whole() {
        let mut canvas = Canvas::new(100.0);
        canvas.text("x", (0.0, 0.0), Anchor::Start, "a rather long name", 60.0);
        let drawing = canvas.finish("t", "d", 50.0).inline("i");
        assert!(drawing.contains("<title>a rather long name</title>a rath"), "{drawing}");
        assert!(drawing.contains("…</text>"), "{drawing}");
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([short(1.0), short(-0.01), short(2.345)], ["1", "0", "2.3"]);
    }
}
