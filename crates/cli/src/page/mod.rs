//! Reports as one page of HTML that needs nothing else: no network, no other file.

mod chart;
mod part;

use std::fmt::Write as _;

use redstart_monitor::{UPLOT_CSS, UPLOT_JS};

pub(crate) use self::{
    chart::Chart,
    part::{Cell, Mood, Part},
};
use crate::Failure;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page may do: run what stands in it, and ask nobody.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// A report in the making.
#[derive(Debug)]
pub(crate) struct Page {
    title: String,
    parts: Vec<Part>,
}

impl Page {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), parts: Vec::new() }
    }

    pub(crate) fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// The page with `data`, the document behind it, for whoever wants the figures themselves.
    pub(crate) fn render(&self, data: &impl serde::Serialize) -> Result<String, Failure> {
        let charts: Vec<&Chart> = self.parts.iter().filter_map(Part::chart).collect();
        let mut body = String::new();
        let mut number = 0;
        for part in &self.parts {
            part.write(&mut body, &mut number);
        }
        let mut html = String::with_capacity(128 * 1024);
        let title = escaped(&self.title);
        // Writing to a String cannot fail.
        let _written = write!(
            html,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{UPLOT_CSS}{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             {body}</main>\n<script type=\"application/json\" id=\"charts\">{}</script>\n\
             <script type=\"application/json\" id=\"data\">{}</script>\n\
             <script>{UPLOT_JS}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            embedded(&charts)?,
            embedded(data)?,
        );
        Ok(html)
    }
}

/// JSON that can stand inside a script of a page, whatever texts are in it.
fn embedded(value: &impl serde::Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(value)
        .map_err(|error| Failure::found(format!("the report can't be written as JSON: {error}")))?;
    Ok(json.replace('<', "\\u003c"))
}

/// Text that can stand anywhere in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_can_neither_leave_their_place_nor_ask_anybody() {
        let mut page = Page::new("</title><script>evil()</script>");
        page.add(Part::text("<img src=http://elsewhere.example>"));
        let html = page.render(&"</script><script>evil()").unwrap();
        let ours = html.replace(UPLOT_JS, "").replace(UPLOT_CSS, "");
        assert_eq!(ours.matches("<script").count(), 4, "{ours}");
        assert!(!ours.contains("<img"), "{ours}");
        for foreign in ["https://", "@import", "url("] {
            assert!(!ours.contains(foreign), "{foreign}");
        }
    }
}
