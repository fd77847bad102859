//! The parts of a page, one under the other.

use std::fmt::Write as _;

use super::{chart::Chart, escaped};

/// A part of a page.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Heading(String),
    Text(String, Mood),
    /// Large figures beside each other, each with its name below.
    Figures(Vec<(String, Cell)>),
    Table {
        head: Vec<String>,
        rows: Vec<Vec<Cell>>,
    },
    Chart(Chart),
}

/// A text with what to think of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) mood: Mood,
}

/// What to think of something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Mood {
    #[default]
    Plain,
    Good,
    Doubtful,
    Bad,
}

impl Part {
    pub(crate) fn heading(text: &str) -> Self {
        Self::Heading(text.to_owned())
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into(), Mood::Plain)
    }

    pub(crate) fn table<R>(head: &[&str], rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = Cell>,
    {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self::Table { head, rows: rows.into_iter().map(|row| row.into_iter().collect()).collect() }
    }

    pub(super) const fn chart(&self) -> Option<&Chart> {
        match self {
            Self::Chart(chart) => Some(chart),
            _ => None,
        }
    }

    /// Writes it; `number` is that of the next chart. Writing to a `String` cannot fail.
    pub(super) fn write(&self, html: &mut String, number: &mut usize) {
        let _written = match self {
            Self::Heading(text) => writeln!(html, "<h2>{}</h2>", escaped(text)),
            Self::Text(text, mood) => writeln!(html, "<p class=\"{}\">{}</p>", mood.class(), escaped(text)),
            Self::Figures(figures) => {
                let figures = figures.iter().map(|(name, cell)| {
                    let (text, class) = (escaped(&cell.text), cell.mood.class());
                    format!("<div class=\"{class}\"><dd>{text}</dd><dt>{}</dt></div>", escaped(name))
                });
                writeln!(html, "<dl>{}</dl>", figures.collect::<String>())
            }
            Self::Table { head, rows } => {
                let head: String =
                    head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escaped(name))).collect();
                let row = |row: &Vec<Cell>| {
                    let cells = row.iter().map(|Cell { text, mood }| {
                        format!("<td class=\"{}\">{}</td>", mood.class(), escaped(text))
                    });
                    format!("<tr>{}</tr>", cells.collect::<String>())
                };
                let rows: String = rows.iter().map(row).collect();
                writeln!(
                    html,
                    "<div class=\"wide\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
                )
            }
            Self::Chart(chart) => {
                *number += 1;
                let title = escaped(&chart.title);
                writeln!(
                    html,
                    "<figure><figcaption>{title}</figcaption><div class=\"chart\" role=\"img\" \
                     aria-label=\"{title}\" data-chart=\"{}\"></div></figure>",
                    *number - 1
                )
            }
        };
    }
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, mood: Mood) -> Self {
        Self { text: text.into(), mood }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Mood::Plain)
    }
}

impl Mood {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }
}
