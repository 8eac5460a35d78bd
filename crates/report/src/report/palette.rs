//! The colours of the page, light and dark, and which of them stand on which.
//!
//! Every colour is a CSS variable; nothing else of the page names a colour. The pairs that are used are listed, so that
//! a test computes the contrast of each (WCAG 2.2: text 4.5, lines and marks of charts 3).

use std::fmt::Write as _;

/// Name, light, dark.
type Colour = (&'static str, u32, u32);

const COLOURS: [Colour; 30] = [
    ("page", 0xff_ffff, 0x0f_1318),
    ("surface", 0xf5_f7fa, 0x17_1c23),
    ("text", 0x1b_1f24, 0xe6_e9ee),
    ("muted", 0x54_5d68, 0xa3_adb9),
    ("line", 0xd0_d7de, 0x31_3943),
    ("frame", 0x7b_8591, 0x6f_7a87),
    ("link", 0x0a_58b8, 0x7a_b7ff),
    ("good", 0x11_6329, 0x7e_e29b),
    ("good-back", 0xdf_f5e3, 0x12_331d),
    ("above", 0x0a_4fa3, 0x8c_c4ff),
    ("above-back", 0xdd_eeff, 0x0f_2c4d),
    ("below", 0xa4_0e26, 0xff_9aa5),
    ("below-back", 0xff_e3e6, 0x43_1019),
    ("partial", 0x6f_4600, 0xf5_c96a),
    ("partial-back", 0xff_f1cf, 0x3a_2a05),
    ("neutral", 0x42_4a53, 0xc3_cad3),
    ("neutral-back", 0xea_eef2, 0x26_2d36),
    ("failed", 0xff_ffff, 0xff_ffff),
    ("failed-back", 0xa4_0e26, 0xb3_1d35),
    ("mark-back", 0xff_e58a, 0x5a_4500),
    ("series-0", 0x0b_66c3, 0x6c_b2ff),
    ("series-1", 0xc4_460b, 0xff_9a5c),
    ("series-2", 0x12_803c, 0x5f_d38a),
    ("series-3", 0x8a_3fb8, 0xcf_9bff),
    ("series-4", 0x8f_5a00, 0xe6_b84d),
    ("series-5", 0x0e_7480, 0x4f_d1d9),
    ("series-6", 0xc2_255c, 0xff_8ab3),
    ("series-7", 0x4b_5563, 0xb3_bcc8),
    ("printed", 0x1b_1f24, 0xe6_e9ee),
    ("grid", 0xe3_e8ee, 0x26_2d36),
];

/// Series that differ by colour before dashes must tell them apart.
pub const SERIES: usize = 8;

/// The CSS variables of both themes.
pub fn css() -> String {
    let block = |pick: fn(&Colour) -> u32| {
        COLOURS.iter().fold(String::new(), |mut css, colour| {
            // Writing to a string cannot fail.
            let _ = write!(css, "--{}:#{:06x};", colour.0, pick(colour));
            css
        })
    };
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n",
        block(|colour| colour.1),
        block(|colour| colour.2)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What stands on what, and the contrast it needs: 4.5 for text, 3 for lines and marks that carry meaning.
    const PAIRS: [(&str, &str, f64); 29] = [
        ("text", "page", 4.5),
        ("text", "surface", 4.5),
        ("text", "neutral-back", 4.5),
        ("text", "mark-back", 4.5),
        ("muted", "page", 4.5),
        ("muted", "surface", 4.5),
        ("link", "page", 4.5),
        ("link", "surface", 4.5),
        ("good", "good-back", 4.5),
        ("above", "above-back", 4.5),
        ("below", "below-back", 4.5),
        ("partial", "partial-back", 4.5),
        ("neutral", "neutral-back", 4.5),
        ("failed", "failed-back", 4.5),
        ("good", "page", 4.5),
        ("above", "page", 4.5),
        ("below", "page", 4.5),
        ("partial", "page", 4.5),
        ("neutral", "page", 4.5),
        ("frame", "page", 3.0),
        ("printed", "page", 3.0),
        ("series-0", "page", 3.0),
        ("series-1", "page", 3.0),
        ("series-2", "page", 3.0),
        ("series-3", "page", 3.0),
        ("series-4", "page", 3.0),
        ("series-5", "page", 3.0),
        ("series-6", "page", 3.0),
        ("series-7", "page", 3.0),
    ];

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: u32) -> f64 {
        let channel = |shift: u32| {
            let value = f64::from(colour >> shift & 0xff) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn the_contrast_is_that_of_the_standard() {
        assert!((contrast(0, 0xff_ffff) - 21.0).abs() < 1e-9);
        // Grey 767676 on white is the standard's own example of just enough.
        assert!((contrast(0x76_7676, 0xff_ffff) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_pair_in_use_can_be_read() {
        let colour = |name: &str| COLOURS.iter().find(|colour| colour.0 == name).unwrap();
        for (front, back, least) in PAIRS {
            let (front_colour, back_colour) = (colour(front), colour(back));
            for (theme, ratio) in [
                ("light", contrast(front_colour.1, back_colour.1)),
                ("dark", contrast(front_colour.2, back_colour.2)),
            ] {
                assert!(ratio >= least, "{front} on {back} ({theme}): {ratio:.2}, needs {least}");
            }
        }
    }

    /// The style sheets name colours only as variables, and no variable that is not here.
    #[test]
    fn the_style_sheets_use_these_colours_and_no_others() {
        for sheet in [include_str!("../../templates/page.css"), crate::report::chart::CSS] {
            for name in sheet.split("var(--").skip(1).map(|rest| rest.split(')').next().unwrap()) {
                assert!(COLOURS.iter().any(|colour| colour.0 == name), "--{name}");
            }
            for (at, _) in sheet.match_indices('#') {
                let digits = sheet[at + 1..].chars().take_while(char::is_ascii_hexdigit).count();
                assert!(digits < 3, "{}", &sheet[at..at + 7]);
            }
        }
    }
}
