//! Newer servers than this system has: those of Debian 13, with all their libraries, under `target/tools`.
//!
//! They stand apart from the server that the tests use: `cargo xtask matrix` alone asks for them.

use std::{fs, path::PathBuf, process::Command};

use super::apt;
use crate::{
    Result, console,
    locate::{Installed, server_at},
    workspace::{Run, Workspace},
};

/// The Debian release, and what it has: Redis 8.0 and Valkey 8.1.
const RELEASE: &str = "trixie";
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The newer servers that are here.
pub(crate) fn servers(workspace: &Workspace) -> Vec<Installed> {
    let bin = home(workspace).join("bin");
    PROGRAMS.iter().filter_map(|program| server_at(&bin.join(program))).collect()
}

/// Unpacks those that are missing; what can't be had is reported and left out.
pub(crate) fn install(workspace: &Workspace) {
    if servers(workspace).len() < PROGRAMS.len()
        && let Err(reason) = unpack(workspace)
    {
        console::skipped("Redis 8 and Valkey 8", &format!("not to be had: {reason}"));
    }
    for server in servers(workspace) {
        console::result(&format!("{:<16}{}", server.version, server.path.display()));
    }
}

fn unpack(workspace: &Workspace) -> Result {
    if !apt::is_available(workspace) {
        return Err("neither apt-get nor dpkg-deb is on the path".into());
    }
    let home = home(workspace);
    let config = configure(workspace)?;
    let apt_get = || {
        let mut apt_get = workspace.command("apt-get");
        apt_get.env("APT_CONFIG", &config);
        apt_get
    };
    console::busy(&format!("the package lists of Debian {RELEASE}"), || {
        apt_get().args(["--quiet", "update", "--error-on=any"]).read()
    })?;
    let packages = apt::needed(apt_get(), &PROGRAMS)?;
    apt::fetch(workspace, apt_get(), &packages, &home)?;
    for program in PROGRAMS {
        apt::place(&home.join("bin"), program, &wrapper(program))?;
    }
    Ok(())
}

/// Writes the settings of an apt that knows that release alone, and takes nothing for installed: programs of
/// another release bring their own C library along.
fn configure(workspace: &Workspace) -> Result<PathBuf> {
    let home = home(workspace);
    let mirror = mirror(workspace.command("apt-get"))?;
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(home.join(folder))?;
    }
    fs::write(home.join("status"), "")?;
    fs::write(home.join("sources.list"), format!("deb [signed-by={KEYRING}] {mirror} {RELEASE} main\n"))?;
    let at = |name: &str| home.join(name).display().to_string();
    let settings = [
        ("Dir::State", at("state")),
        ("Dir::State::status", at("status")),
        ("Dir::Cache", at("cache")),
        ("Dir::Etc::sourcelist", at("sources.list")),
        ("Dir::Etc::sourceparts", "/dev/null".to_owned()),
        ("Dir::Etc::preferences", "/dev/null".to_owned()),
        ("Dir::Etc::preferencesparts", "/dev/null".to_owned()),
        ("Acquire::Languages", "none".to_owned()),
        // Its own user may not be allowed into the folder.
        ("APT::Sandbox::User", "root".to_owned()),
    ];
    let lines = settings.map(|(name, value)| format!("{name} \"{value}\";\n"));
    let config = home.join("apt.conf");
    fs::write(&config, lines.concat())?;
    Ok(config)
}

/// Where this system gets its own Debian packages.
fn mirror(mut apt_get: Command) -> Result<String> {
    let targets = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"];
    let listed = apt_get.args(targets).read()?;
    let first = listed.lines().find(|mirror| !mirror.contains("security"));
    Ok(first.ok_or("this apt knows no mirror of Debian; run `apt-get update` once")?.to_owned())
}

fn home(workspace: &Workspace) -> PathBuf {
    workspace.tools().join(RELEASE)
}

/// Starts the program by the loader of its own release; `exec` keeps the process id, so that signals reach it.
fn wrapper(program: &str) -> String {
    format!(
        r#"#!/bin/sh
root=$(cd "$(dirname "$0")/../root/usr" && pwd)
for loader in "$root"/lib64/ld-linux-*.so.* "$root"/lib/ld-linux-*.so.*; do
    [ -x "$loader" ] && break
done
for folder in "$root"/lib/*-linux-gnu; do
    folders="${{folders:+$folders:}}$folder"
done
exec "$loader" --library-path "$folders" "$root/bin/{program}" "$@"
"#
    )
}
