//! Reports as one HTML file: style and drawings inside, no script, nothing fetched.

use super::{
    Block, Cell, Chart, Highlight, Provenance, Report, Section, Table,
    escape::html as escape,
    number::{MISSING, cell_texts, grouped},
    svg,
};

/// A second lock behind escaping: a browser must run and fetch nothing, whatever a completion holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The report as a self-contained HTML page that reads well in light, in dark and on paper.
pub fn html(report: &Report) -> String {
    let title = escape(&report.title);
    let style = [include_str!("html/palette.css"), include_str!("html/page.css"), svg::STYLE].concat();
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
    );
    page.push_str(&format!("<header>\n<h1>{title}</h1>\n"));
    if !report.summary.trim().is_empty() {
        page.push_str(&format!("<p class=\"summary\">{}</p>\n", escape(report.summary.trim())));
    }
    if !report.highlights.is_empty() {
        let items: String = report.highlights.iter().map(highlight).collect();
        page.push_str(&format!("<ul class=\"highlights\">\n{items}</ul>\n"));
    }
    if report.sections.len() > 2 {
        let links = report.sections.iter().enumerate().map(|(index, part)| format!("<a href=\"#part-{}\">{}</a>\n", index + 1, escape(&part.title)));
        page.push_str(&format!("<nav aria-label=\"Contents\">\n{}</nav>\n", links.collect::<String>()));
    }
    page.push_str("</header>\n<main>\n");
    report.sections.iter().enumerate().for_each(|(index, part)| page.push_str(&section(index + 1, part)));
    page.push_str(&provenance(&report.provenance));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn highlight(highlight: &Highlight) -> String {
    let (value, interval) = cell_texts(&highlight.value);
    let line = |class: &str, text: &str| if text.is_empty() { String::new() } else { format!("<span class=\"{class}\">{}</span>", escape(text)) };
    let interval = interval.map_or_else(String::new, |interval| format!("95 % interval {}", grouped_interval(&interval)));
    let lines = [line("label", &highlight.label), line("value", &shown(&highlight.value, &value)), line("interval", &interval)];
    format!("<li>{}{}</li>\n", lines.concat(), line("note", &highlight.note))
}

fn section(number: usize, section: &Section) -> String {
    let blocks: String = section.blocks.iter().map(block).collect();
    format!("<section id=\"part-{number}\">\n<h2>{}</h2>\n{blocks}</section>\n", escape(&section.title))
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph { text } => format!("<p>{}</p>\n", escape(text.trim())),
        Block::Table { table: data } => table(data),
        Block::Chart { chart: data } => chart(data),
        Block::Listing { caption, text } => {
            format!("<figure class=\"listing\">\n<figcaption>{}</figcaption>\n<pre>{}</pre>\n</figure>\n", escape(caption), escape(text.trim_end()))
        }
    }
}

fn chart(chart: &Chart) -> String {
    let numbers = table(&Table { caption: String::new(), ..chart.table() });
    let caption = if chart.description.is_empty() { String::new() } else { format!("<figcaption>{}</figcaption>\n", escape(&chart.description)) };
    format!("<figure>\n{}{caption}<details>\n<summary>The numbers as a table</summary>\n{numbers}</details>\n</figure>\n", svg(chart))
}

fn table(table: &Table) -> String {
    let class = |column: usize| if table.is_numeric(column) { " class=\"number\"" } else { "" };
    let heads = table.columns.iter().enumerate().map(|(column, head)| format!("<th scope=\"col\"{}>{}</th>", class(column), escape(&head.name)));
    let caption = if table.caption.is_empty() { String::new() } else { format!("<caption>{}</caption>\n", escape(&table.caption)) };
    let rows = table.rows.iter().map(|row| {
        let cells = (0..table.columns.len()).map(|column| {
            let content = cell(row.get(column).unwrap_or(&Cell::Missing));
            // The first column names its row where it holds words.
            let is_name = column == 0 && !table.is_numeric(0);
            if is_name { format!("<th scope=\"row\">{content}</th>") } else { format!("<td{}>{content}</td>", class(column)) }
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    });
    let (heads, rows) = (heads.collect::<String>(), rows.collect::<String>());
    format!("<div class=\"scroll\" tabindex=\"0\">\n<table>\n{caption}<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n")
}

fn cell(cell: &Cell) -> String {
    let (value, interval) = cell_texts(cell);
    let interval = interval.map_or_else(String::new, |interval| format!("<span class=\"interval\">{}</span>", escape(&grouped_interval(&interval))));
    format!("{}{interval}", escape(&shown(cell, &value)))
}

/// Digits of a number grouped; words as they are.
fn shown(cell: &Cell, text: &str) -> String {
    if matches!(cell, Cell::Text { .. }) { text.into() } else { grouped(text) }
}

fn grouped_interval(interval: &str) -> String {
    match interval.trim_matches(['[', ']']).split_once(", ") {
        Some((low, high)) => format!("[{}, {}]", grouped(low), grouped(high)),
        None => MISSING.into(),
    }
}

fn provenance(provenance: &Provenance) -> String {
    let command = if provenance.command.is_empty() { String::new() } else { format!("<pre>{}</pre>\n", escape(&provenance.command)) };
    let facts = provenance.facts().into_iter().map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(&value)));
    let facts: String = facts.collect();
    let list = if facts.is_empty() { String::new() } else { format!("<dl>\n{facts}</dl>\n") };
    format!("<section id=\"provenance\">\n<h2>How these numbers were made</h2>\n{command}{list}</section>\n")
}
