//! Programs that no test needs, but that make one more check or a nicer run possible.

use std::fs;

use crate::{
    Result, console,
    setup::apt,
    workspace::{Run, Workspace},
};

/// The version of cargo-deny that deny.toml is written for.
const DENY: &str = "0.20.2";

/// A program by the names it may go by, and the way to it.
struct Extra {
    names: &'static [&'static str],
    install: fn(&Workspace) -> Result,
}

const EXTRAS: [Extra; 5] = [
    Extra { names: &["cargo-nextest"], install: |workspace| cargo(workspace, "cargo-nextest") },
    Extra { names: &["cargo-deny"], install: |workspace| cargo(workspace, &deny()) },
    Extra {
        names: &["chromium", "chromium-browser", "google-chrome"],
        install: |workspace| apt::install(workspace, "chromium"),
    },
    Extra {
        names: &["promtool"],
        install: |workspace| apt::unpack(workspace, "prometheus", &["promtool", "prometheus"]),
    },
    Extra { names: &["node"], install: |_| Err("see https://nodejs.org, or your package manager".into()) },
];

/// Finds or installs each; what can't be had is reported and left out.
pub(crate) fn install(workspace: &Workspace) {
    for Extra { names, install } in EXTRAS {
        let found = || names.iter().find_map(|name| workspace.find(name));
        let [name, ..] = names else { continue };
        let outcome = match found() {
            Some(_) => Ok(()),
            None => install(workspace),
        };
        match (outcome, found()) {
            (_, Some(path)) => console::result(&format!("{name:<16}{}", path.display())),
            (Err(reason), None) => console::result(&format!("{name:<16}not to be had: {reason}")),
            (Ok(()), None) => console::result(&format!("{name:<16}installed, but not found on the path")),
        }
    }
    match install_browser(workspace) {
        Ok(()) => console::result(&format!("{:<16}{}", "browser tests", BROWSER_PACKAGES.join(", "))),
        Err(reason) => console::result(&format!("{:<16}not to be had: {reason}", "browser tests")),
    }
}

/// What drives the browser of the tests, in the versions that they are written for.
const BROWSER_PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

/// Installs what drives a browser in the tests, with npm and into the folder of the tools.
///
/// # Errors
///
/// Fails when Node, npm or a Chromium is not here; the tests then say that they skip the browser.
pub(crate) fn install_browser(workspace: &Workspace) -> Result {
    for (program, why) in [("node", "Node"), ("npm", "npm")] {
        workspace.find(program).ok_or_else(|| format!("{why} is not here"))?;
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    if !names.iter().any(|name| workspace.find(name).is_some()) {
        apt::install(workspace, "chromium")?;
    }
    let folder = workspace.tools().join("browser");
    if folder.join("node_modules/playwright-core").is_dir() && folder.join("node_modules/axe-core").is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    let mut npm = workspace.command("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix"]);
    npm.arg(&folder).args(BROWSER_PACKAGES).run()
}

/// Finds or installs the one of this name.
pub(crate) fn one(workspace: &Workspace, name: &str) -> Result {
    if workspace.find(name).is_none() {
        let extra = EXTRAS.iter().find(|extra| extra.names.contains(&name));
        (extra.ok_or_else(|| format!("there is no extra of the name {name}"))?.install)(workspace)?;
    }
    let path =
        workspace.find(name).ok_or_else(|| format!("{name} is installed, but not found on the path"))?;
    console::result(&format!("{name:<16}{}", path.display()));
    Ok(())
}

/// Installs cargo-deny for the user of this machine, so that the next checkout finds it: three to seven minutes.
pub(crate) fn install_deny(workspace: &Workspace) -> Result {
    workspace.cargo().args(["install", "--locked", &deny()]).run()
}

fn deny() -> String {
    format!("cargo-deny@{DENY}")
}

fn cargo(workspace: &Workspace, package: &str) -> Result {
    workspace.cargo().args(["install", "--locked", package, "--root"]).arg(workspace.tools()).run()
}
