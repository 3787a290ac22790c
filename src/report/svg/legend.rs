//! The legend above a plot: a key and a name for each series, wrapped to the width.

use super::{
    COLOURS, TEXT, WIDTH,
    canvas::{Canvas, cut, width},
};

/// How a series is shown in the plot.
#[derive(Clone, Copy)]
pub(super) enum Key {
    /// As a line with a mark.
    Line,
    /// As filled boxes.
    Box,
}

/// Draws the legend below the title, unless there is only one series, and returns where the plot begins.
pub(super) fn draw<'a>(canvas: &mut Canvas, names: impl ExactSizeIterator<Item = &'a str>, key: Key) -> f64 {
    if names.len() < 2 {
        return 28.0;
    }
    let (mut x, mut y) = (0.0, 40.0);
    for (series, name) in names.enumerate() {
        let name = cut(name, TEXT, 300.0);
        let indent = match key {
            Key::Line => 36.0,
            Key::Box => 20.0,
        };
        let size = indent + width(&name, TEXT) + 18.0;
        if x > 0.0 && x + size > WIDTH {
            (x, y) = (0.0, y + 20.0);
        }
        let colour = series % COLOURS;
        match key {
            Key::Line => {
                canvas.line(&format!("curve s{colour} d{}", series % 4), (x, y - 4.0), (x + 28.0, y - 4.0));
                canvas.mark(series, (x + 14.0, y - 4.0));
            }
            Key::Box => canvas.rect(&format!("bar s{colour}"), (x, y - 10.0), (x + 13.0, y + 2.0), ""),
        }
        canvas.text("tick", x + indent, y, &name);
        x += size;
    }
    y + 10.0
}
