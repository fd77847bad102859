//! `cargo xtask test`: every test that this machine can run, and a word about those it can't.

use std::process::Command;

use crate::{
    Result, console,
    locate::{self, Installed},
    setup,
    workspace::{Run, Workspace},
};

/// Options of `test`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Passed to the runner after `--`: names of tests to run, for instance.
    #[arg(last = true)]
    filter: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let server = setup::server(workspace)?;
    let others: Vec<_> =
        locate::servers(&workspace.tools())?.into_iter().filter(|other| *other != server).collect();
    console::note(&format!("server: {server}"));
    if others.is_empty() {
        console::skipped("a second kind of server", &format!("only {} is here", server.version));
    }
    console::skipped("benchmarks", "they measure and don't judge; see `cargo xtask bench`");
    if let Err(reason) = setup::extras::install_browser(workspace) {
        console::skipped("the page for operators in a browser", &reason.to_string());
    }
    if let Err(reason) = setup::extras::one(workspace, "promtool") {
        console::skipped("the rules and panels under the real promtool", &reason.to_string());
    }
    if !arguments.filter.is_empty() {
        console::skipped("documentation tests", "only the named tests were asked for");
    }

    let mut failures = Vec::new();
    let mut step = |name: &str, done: Result| {
        if let Err(reason) = done {
            failures.push(format!("{name}: {reason}"));
        }
    };
    // The end-to-end tests start these; built here, no test has to wait for its build.
    let examples = [
        "build",
        "--quiet",
        "-p",
        "redstart",
        "--features",
        "gate,jobs,prometheus,rest,tls-ring,webhook",
        "--examples",
    ];
    step("examples", workspace.cargo().args(examples).run());
    console::heading(&format!("tests on {}", server.version));
    step("tests", command(workspace, &server, &[], &arguments.filter).run());
    for other in &others {
        console::heading(&format!("integration and fault tests on {}", other.version));
        // Not by `--package`: that would build everything anew for another set of features.
        let which = ["--test", "it", "--test", "fault"];
        step(&other.version, command(workspace, other, &which, &arguments.filter).run());
    }
    if arguments.filter.is_empty() {
        console::heading("documentation tests");
        step("documentation tests", workspace.cargo().args(["test", "--doc", "--all-features"]).run());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// The tests with nextest when it is there: a process for each, so that none sees another's globals.
pub(crate) fn command(
    workspace: &Workspace,
    server: &Installed,
    which: &[&str],
    filter: &[String],
) -> Command {
    let mut cargo = workspace.cargo();
    if workspace.find("cargo-nextest").is_some() {
        cargo.args(["nextest", "run", "--all-features"]).args(which).args(filter);
    } else {
        cargo
            .args(["test", "--tests", "--all-features", "--no-fail-fast"])
            .args(which)
            .arg("--")
            .args(filter);
    }
    cargo.env(locate::VARIABLE, &server.path);
    cargo
}
