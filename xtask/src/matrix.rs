//! `cargo xtask matrix`: the tests that talk to servers, on every server that is found.

mod count;

use crate::{
    Result,
    console::{self, Stopwatch},
    locate::{self, Installed},
    matrix::count::Count,
    setup, test,
    workspace::{Run, Workspace},
};

/// The tests that talk to servers.
const WHICH: [&str; 6] = ["--test", "it", "--test", "fault", "--test", "e2e"];

/// Options of `matrix`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Runs on what is here, and unpacks no newer servers.
    #[arg(long)]
    offline: bool,

    /// Passed to the runner after `--`: names of tests to run, for instance.
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Runs on every server, also after a failure, and ends with a table.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let servers = servers(workspace, arguments)?;
    let mut rows = vec![["server", "passed", "failed", "took", "program"].map(str::to_owned)];
    let mut failures = Vec::new();
    for server in &servers {
        console::heading(&format!("tests on {}", server.version));
        let watch = Stopwatch::start();
        let mut count = Count::default();
        let command = &mut test::command(workspace, server, &WHICH, &arguments.filter);
        let done = command.watch(|line| count.take(line));
        let Count { passed, failed, names } = count;
        if let Err(reason) = done {
            let names: String = names.iter().map(|name| format!("\n  {name}")).collect();
            failures.push(format!("{}: {reason}{names}", server.version));
        }
        let path = server.path.display().to_string();
        rows.push([server.version.clone(), passed.to_string(), failed.to_string(), watch.to_string(), path]);
    }
    console::heading("the matrix");
    for [server, passed, failed, took, program] in rows {
        console::result(&format!("{server:<16}{passed:>8}{failed:>8}{took:>10}  {program}"));
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// Every version once; a server that was named stands alone.
fn servers(workspace: &Workspace, arguments: &Arguments) -> Result<Vec<Installed>> {
    setup::server(workspace)?;
    let mut servers = locate::servers(&workspace.tools())?;
    if std::env::var_os(locate::VARIABLE).is_some() {
        console::skipped("all other servers", &format!("{} names this one", locate::VARIABLE));
        return Ok(servers);
    }
    if !arguments.offline {
        setup::newer::install(workspace);
    }
    for newer in setup::newer::servers(workspace) {
        if servers.iter().all(|server| server.version != newer.version) {
            servers.push(newer);
        }
    }
    if servers.len() == 1 {
        console::skipped("a second server", "only one is here; `cargo xtask setup --all` unpacks newer ones");
    }
    Ok(servers)
}
