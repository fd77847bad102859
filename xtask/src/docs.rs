//! `cargo xtask docs`: the reference pages, written by the code they describe.

use std::fs;

use crate::{
    Result, console,
    workspace::{Run, Workspace},
};

/// Options of `docs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Compares instead of writing, and fails when a page is not up to date.
    #[arg(long)]
    pub(crate) check: bool,
}

/// A file under docs, the flag with which the example prints it, and what begins it.
struct Page {
    file: &'static str,
    flag: &'static str,
    notice: &'static str,
}

const PAGES: [Page; 7] = [
    Page { file: "reference/keys.md", flag: "--print-catalogue", notice: MARKDOWN },
    Page { file: "reference/metrics.md", flag: "--print-metrics", notice: MARKDOWN },
    Page { file: "reference/environment.md", flag: "--print-environment", notice: MARKDOWN },
    Page { file: "reference/health.md", flag: "--print-health", notice: MARKDOWN },
    Page { file: "reference/alerts.md", flag: "--print-alerts", notice: MARKDOWN },
    Page { file: "dashboards/redstart-alerts.yml", flag: "--print-alert-rules", notice: YAML },
    // JSON has no comments; its description has to do.
    Page { file: "dashboards/redstart.json", flag: "--print-dashboard", notice: "" },
];

const MARKDOWN: &str =
    "<!-- Written by `cargo xtask docs` from the code. Change the code, not this page. -->\n\n";
const YAML: &str = "# Written by `cargo xtask docs` from the code. Change the code, not this file.\n";

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    // As README says it, so that its first command is known to work.
    let example = ["--example", "marketplace"];
    workspace.cargo().arg("build").args(example).run()?;
    let folder = workspace.root().join("docs");
    let mut outdated = Vec::new();
    for Page { file, flag, notice } in PAGES {
        let printed = workspace.cargo().args(["run", "--quiet"]).args(example).args(["--", flag]).read()?;
        if printed.trim().is_empty() {
            return Err(format!("the example prints nothing for {flag}").into());
        }
        let page = format!("{notice}{}\n", printed.trim());
        let path = folder.join(file);
        let present = fs::read_to_string(&path).unwrap_or_default();
        if present == page {
            console::note(&format!("docs/{file} is up to date"));
        } else if arguments.check {
            outdated.push(format!("docs/{file} {}", first_difference(&present, &page)));
        } else {
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(&path, page)?;
            console::note(&format!("docs/{file} is written"));
        }
    }
    if outdated.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nrun `cargo xtask docs` and commit what it writes", outdated.join("\n")).into())
}

fn first_difference(present: &str, wanted: &str) -> String {
    if present.is_empty() {
        return "is missing".to_owned();
    }
    let mut lines = present.lines().zip(wanted.lines()).enumerate();
    match lines.find(|(_, (present, wanted))| present != wanted) {
        Some((index, (present, wanted))) => {
            format!("differs in line {}, which is\n  {present}\nbut must be\n  {wanted}", index + 1)
        }
        None => format!("has {} lines but must have {}", present.lines().count(), wanted.lines().count()),
    }
}

#[cfg(test)]
mod tests;
