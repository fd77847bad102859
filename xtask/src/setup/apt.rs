//! Debian packages without an installation: unpacked under `target/tools`.
//!
//! Nothing on the system changes, no service starts, and it works with and without root.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::{
    Result, console,
    workspace::{Run, Workspace},
};

pub(crate) fn is_available(workspace: &Workspace) -> bool {
    ["apt-get", "dpkg-deb"].into_iter().all(|program| workspace.find(program).is_some())
}

/// Unpacks a package with all that it needs and the system lacks, and puts its programs into `tools/bin`.
pub(crate) fn unpack(workspace: &Workspace, package: &str, programs: &[&str]) -> Result {
    update(workspace);
    let apt_get = || workspace.command("apt-get");
    let mut packages = needed(apt_get(), &[package])?;
    if packages.is_empty() {
        packages.push(package.to_owned());
    }
    fetch(workspace, apt_get(), &packages, &workspace.tools().join("apt"))?;
    programs.iter().try_for_each(|program| place(&workspace.tools().join("bin"), program, &wrapper(program)))
}

/// Downloads packages with this `apt-get` and unpacks them into `home/root`.
pub(super) fn fetch(workspace: &Workspace, mut apt_get: Command, packages: &[String], home: &Path) -> Result {
    let (archives, root) = (home.join("archives"), home.join("root"));
    fs::create_dir_all(&archives)?;
    fs::create_dir_all(&root)?;
    apt_get.args(["--quiet", "download"]).args(packages).current_dir(&archives);
    console::busy(&format!("downloading {}", packages.join(" ")), || apt_get.read())?;
    for archive in fs::read_dir(&archives)? {
        workspace.command("dpkg-deb").arg("-x").arg(archive?.path()).arg(&root).read()?;
    }
    fs::remove_dir_all(&archives)?;
    Ok(())
}

/// Puts a script where programs are looked for.
pub(super) fn place(bin: &Path, program: &str, script: &str) -> Result {
    fs::create_dir_all(bin)?;
    fs::write(bin.join(program), script)?;
    fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Installs a package into the system, which only root can.
pub(crate) fn install(workspace: &Workspace, package: &str) -> Result {
    if !is_root(workspace) {
        return Err(format!("only root can: apt-get install {package}").into());
    }
    update(workspace);
    workspace
        .command("apt-get")
        .args(["install", "--yes", "--no-install-recommends", package])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// Brings the package lists up to date, where that is allowed; old lists may do as well.
fn update(workspace: &Workspace) {
    if !is_root(workspace) {
        return;
    }
    let update = || workspace.command("apt-get").args(["--quiet", "update"]).read();
    if let Err(reason) = console::busy("apt-get update", update) {
        console::note(&reason.to_string());
    }
}

fn is_root(workspace: &Workspace) -> bool {
    workspace.command("id").arg("-u").read().is_ok_and(|id| id.trim() == "0")
}

/// The packages and those they need, less what this `apt-get` takes for installed.
pub(super) fn needed(mut apt_get: Command, packages: &[&str]) -> Result<Vec<String>> {
    apt_get.args(["--simulate", "--no-install-recommends", "install"]).args(packages).env("LC_ALL", "C");
    Ok(installs(&apt_get.read()?))
}

/// Reads lines such as `Inst liblzf1 (3.6-3 Debian:12.5/oldstable [amd64])`.
fn installs(plan: &str) -> Vec<String> {
    let lines = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
    lines.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}

/// `exec` keeps the process id, so that signals reach the program itself.
fn wrapper(program: &str) -> String {
    format!(
        r#"#!/bin/sh
root=$(cd "$(dirname "$0")/../apt/root" && pwd)
for folder in "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu; do
    LD_LIBRARY_PATH="${{LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}}$folder"
done
export LD_LIBRARY_PATH
exec "$root/usr/bin/{program}" "$@"
"#
    )
}

#[cfg(test)]
mod tests;
