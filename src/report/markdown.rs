//! Reports as Markdown: tables aligned for reading as text, charts as the tables of their numbers, unless a table beside them gives these.

use super::{
    Block, Cell, Report, Table,
    escape::{fenced, markdown as escape, markdown_inline},
    number::{MISSING, cell_texts},
};

/// The report as GitHub-flavoured Markdown with a final line end.
pub fn markdown(report: &Report) -> String {
    let mut parts = vec![format!("# {}", escape(&report.title))];
    parts.extend(paragraph(&report.summary));
    if !report.highlights.is_empty() {
        let lines = report.highlights.iter().map(|highlight| {
            let note = if highlight.note.is_empty() { String::new() } else { format!(" ({})", markdown_inline(&highlight.note)) };
            format!("- **{}**: {}{note}", markdown_inline(&highlight.label), cell_text(&highlight.value))
        });
        parts.push(lines.collect::<Vec<_>>().join("\n"));
    }
    for section in &report.sections {
        parts.push(format!("## {}", escape(&section.title)));
        for block in &section.blocks {
            match block {
                Block::Paragraph { text } => parts.extend(paragraph(text)),
                Block::Table { table } => parts.extend(table_parts(table, "")),
                // The table beside it says all that a drawing could.
                Block::Chart { chart } if chart.is_tabled => {}
                Block::Chart { chart } => parts.extend(table_parts(&chart.table(), &chart.description)),
                Block::Listing { caption, text } => {
                    parts.extend(paragraph(caption));
                    parts.push(fenced(text));
                }
            }
        }
    }
    let provenance = &report.provenance;
    parts.push("## How these numbers were made".into());
    if !provenance.command.is_empty() {
        parts.push(fenced(&provenance.command));
    }
    let facts: Vec<String> = provenance.facts().iter().map(|(name, value)| format!("- {}: {}", markdown_inline(name), markdown_inline(value))).collect();
    if !facts.is_empty() {
        parts.push(facts.join("\n"));
    }
    parts.join("\n\n") + "\n"
}

fn paragraph(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| escape(text.trim()))
}

/// Caption, description and body of a table; a table without columns has no body.
fn table_parts(table: &Table, description: &str) -> Vec<String> {
    let mut parts: Vec<String> = paragraph(&table.caption).map(|caption| format!("**{caption}**")).into_iter().collect();
    parts.extend(paragraph(description));
    if !table.columns.is_empty() {
        parts.push(table_text(table));
    }
    parts
}

/// The value of a cell with its interval; the brackets of an interval are no markup, those of a text would be.
fn cell_text(cell: &Cell) -> String {
    match cell_texts(cell) {
        (value, Some(interval)) => format!("{} {interval}", markdown_inline(&value)),
        (value, None) => markdown_inline(&value),
    }
}

fn table_text(table: &Table) -> String {
    let header: Vec<String> = table.columns.iter().map(|column| markdown_inline(&column.name)).collect();
    let cell = |row: &[Cell], column: usize| row.get(column).map_or_else(|| MISSING.into(), cell_text);
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| (0..header.len()).map(|column| cell(row, column)).collect()).collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).chain([header[column].chars().count(), 3]).max().unwrap_or(3))
        .collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().enumerate().map(|(column, text)| {
            let gap = " ".repeat(widths[column] - text.chars().count());
            if table.is_numeric(column) { format!("{gap}{text}") } else { format!("{text}{gap}") }
        });
        format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule =
        widths.iter().enumerate().map(|(column, &width)| if table.is_numeric(column) { format!("{}:", "-".repeat(width - 1)) } else { "-".repeat(width) });
    let rule = format!("| {} |", rule.collect::<Vec<_>>().join(" | "));
    [line(&header), rule].into_iter().chain(rows.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
}
