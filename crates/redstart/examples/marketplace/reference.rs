//! The reference pages that the code writes about itself.

use std::fmt::Write as _;

use redstart::{connection, monitor};

use crate::{
    database::{QUERIES, QUERIES_HELP},
    keys, settings,
};

/// The page that a flag asks for.
pub(crate) fn page(flag: &str) -> Option<String> {
    match flag {
        "--print-catalogue" => Some(catalogue()),
        "--print-metrics" => Some(metrics()),
        "--print-environment" => Some(environment()),
        _ => None,
    }
}

fn catalogue() -> String {
    format!(
        "# Keys\n\n\
         Every key of the example service `marketplace`, from its declarations in `keys.rs`.\n\
         On the server each stands behind the prefix of the environment.\n\n{}",
        keys::catalogue().to_markdown()
    )
}

fn metrics() -> String {
    format!(
        "# Metrics\n\n\
         What the toolkit tells the recorder of the service, and what the monitor asks the server when \
         `/metrics` is read.\n\n{}\n\
         The example service adds one of its own:\n\n\
         | metric | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n\
         | `{QUERIES}` | counter | count |  | {QUERIES_HELP} |\n",
        monitor::to_markdown()
    )
}

fn environment() -> String {
    let mut page = String::from(
        "# Environment\n\n\
         A variable that is set to nothing counts as not set.\n\
         Everything that is wrong is reported at once.\n\n\
         ## The connection\n\n| variable | default | meaning |\n| --- | --- | --- |\n",
    );
    for variable in connection::VARIABLES {
        row(&mut page, variable.name, variable.default, variable.description);
    }
    page.push_str("\n## The example service\n\n| variable | default | meaning |\n| --- | --- | --- |\n");
    for (name, default, meaning) in settings::VARIABLES {
        row(&mut page, name, default, meaning);
    }
    page
}

fn row(page: &mut String, name: &str, default: &str, meaning: &str) {
    // Writing to a String cannot fail.
    let _written = writeln!(page, "| `{name}` | {default} | {meaning} |");
}
