//! `cargo xtask setup`: what the tests need is found or installed.

mod apt;
pub(crate) mod extras;
pub(crate) mod newer;

use crate::{
    Result, console,
    locate::{self, Installed},
    workspace::{Run, Workspace},
};

/// Options of `setup`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Also gets what makes work nicer: cargo-nextest, cargo-deny, Chromium, promtool, Node; and newer servers.
    #[arg(long)]
    all: bool,

    /// Gets one of these alone, and fails when it is not to be had: `promtool`, which brings prometheus along.
    #[arg(conflicts_with = "all")]
    extra: Option<String>,
}

const BY_HAND: &str = "\
no Redis or Valkey server is here, and none could be installed. Install one by hand:
  Debian, Ubuntu   apt-get install redis-server    (or valkey-server)
  Fedora           dnf install valkey
  Alpine           apk add valkey
  macOS            brew install redis
or name one: REDSTART_REDIS_SERVER=/path/to/redis-server";

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    if let Some(extra) = &arguments.extra {
        return extras::one(workspace, extra);
    }
    let server = server(workspace)?;
    console::result(&format!("{:<16}{server}", "server"));
    if arguments.all {
        extras::install(workspace);
        newer::install(workspace);
    }
    Ok(())
}

/// Finds the server to test against, and the program with which people ask it; installs them when there are none.
pub(crate) fn server(workspace: &Workspace) -> Result<Installed> {
    let found = server_alone(workspace)?;
    if workspace.find("redis-cli").is_none()
        && let Err(reason) = apt::unpack(workspace, "redis-tools", &["redis-cli"])
    {
        // The tests that follow the runbooks say so as well.
        console::note(&format!("redis-cli is not to be had: {reason}"));
    }
    Ok(found)
}

fn server_alone(workspace: &Workspace) -> Result<Installed> {
    let tools = workspace.tools();
    if let Some(found) = locate::servers(&tools)?.into_iter().next() {
        return Ok(found);
    }
    if let Err(reason) = install(workspace) {
        return Err(format!("{BY_HAND}\n({reason})").into());
    }
    locate::servers(&tools)?
        .into_iter()
        .next()
        .ok_or_else(|| format!("{BY_HAND}\n(the installed server does not start)").into())
}

fn install(workspace: &Workspace) -> Result {
    if apt::is_available(workspace) {
        return apt::unpack(workspace, "redis-server", &["redis-server"])
            .or_else(|_| apt::unpack(workspace, "valkey-server", &["valkey-server"]));
    }
    if workspace.find("brew").is_some() {
        return workspace.command("brew").args(["install", "redis"]).run();
    }
    Err("neither apt-get nor brew is on the path".into())
}
