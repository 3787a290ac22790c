//! The drawing itself: SVG elements appended as text, and an estimate of how wide text will be.

use crate::report::escape;

/// Elements drawn so far.
#[derive(Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    /// A straight line.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.push(format!("<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", px(from.0), px(from.1), px(to.0), px(to.1)));
    }

    /// A rectangle by two opposite corners, with a tooltip.
    pub fn rect(&mut self, class: &str, a: (f64, f64), b: (f64, f64), tooltip: &str) {
        let (x, y, width, height) = (a.0.min(b.0), a.1.min(b.1), (a.0 - b.0).abs(), (a.1 - b.1).abs());
        let title = if tooltip.is_empty() { String::new() } else { format!("<title>{}</title>", escape::html(tooltip)) };
        self.push(format!("<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\">{title}</rect>", px(x), px(y), px(width), px(height)));
    }

    /// A path through points, closed or open.
    pub fn path(&mut self, class: &str, points: &[(f64, f64)], is_closed: bool) {
        let steps = points.iter().enumerate().map(|(index, (x, y))| format!("{}{} {}", if index == 0 { "M" } else { "L" }, px(*x), px(*y)));
        let end = if is_closed { "Z" } else { "" };
        self.push(format!("<path class=\"{class}\" d=\"{}{end}\"/>", steps.collect::<String>()));
    }

    /// Text on the line `y`; the class says where `x` is of it.
    pub fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.push(format!("<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>", px(x), px(y), escape::html(text)));
    }

    /// An error bar from `low` to `high` along one axis, at `at` of the other, with caps of `cap` pixels to each side and a halo, so that
    /// it shows on any colour.
    pub fn whisker(&mut self, is_vertical: bool, (low, high): (f64, f64), at: f64, cap: f64) {
        let point = |along: f64, across: f64| if is_vertical { (across, along) } else { (along, across) };
        let stroke = |from: (f64, f64), to: (f64, f64)| format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1));
        let path =
            [stroke(point(low, at), point(high, at)), stroke(point(low, at - cap), point(low, at + cap)), stroke(point(high, at - cap), point(high, at + cap))]
                .concat();
        self.push(format!("<path class=\"halo\" d=\"{path}\"/>"));
        self.push(format!("<path class=\"whisker\" d=\"{path}\"/>"));
    }

    /// A mark of the shape that belongs to a series: circle, square, diamond or triangle.
    pub fn mark(&mut self, series: usize, (x, y): (f64, f64)) {
        let class = format!("dot s{}", series % super::COLOURS);
        match series % 4 {
            0 => self.push(format!("<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"3.8\"/>", px(x), px(y))),
            1 => self.rect(&class, (x - 3.4, y - 3.4), (x + 3.4, y + 3.4), ""),
            2 => self.path(&class, &[(x, y - 4.8), (x + 4.8, y), (x, y + 4.8), (x - 4.8, y)], true),
            _ => self.path(&class, &[(x, y - 4.6), (x + 4.4, y + 3.4), (x - 4.4, y + 3.4)], true),
        }
    }

    /// What was drawn.
    pub fn into_body(self) -> String {
        self.body
    }

    fn push(&mut self, element: String) {
        self.body.push_str(&element);
        self.body.push('\n');
    }
}

/// The width of `text` at a font size, estimated from typical sans-serif letters; a little too wide rather than too narrow.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let letters = text.chars().map(|letter| match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | 'I' | ' ' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | '(' | ')' | '[' | ']' | '\u{202f}' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1.0,
        'A'..='Z' => 0.7,
        letter if letter.is_ascii() => 0.62,
        letter if ('\u{a0}'..'\u{1100}').contains(&letter) => 0.65,
        _ => 1.05,
    });
    letters.sum::<f64>() * size
}

/// `text`, cut with an ellipsis where it would be wider than `most` pixels.
pub(super) fn cut(text: &str, size: f64, most: f64) -> String {
    if width(text, size) <= most {
        return text.into();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if width(&kept, size) + size > most {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// A length in pixels with at most one decimal.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".into(),
        Some(whole) => whole.into(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_long_text_is_cut() {
        assert_eq!((px(12.0), px(-0.04), px(3.26)), ("12".into(), "0".into(), "3.3".into()));
        assert_eq!(cut("short", 12.0, 200.0), "short");
        let long = cut(&"expert iteration ".repeat(20), 12.0, 200.0);
        assert!(long.ends_with('…') && width(&long, 12.0) <= 206.0);
        assert_eq!(cut("abc", 12.0, 0.0), "…");
    }
}
