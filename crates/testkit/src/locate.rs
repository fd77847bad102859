//! Where a Redis or Valkey server is found on this machine.
//!
//! `xtask` compiles this very file too: what it installs and what the harness starts must be the same.

use std::{
    env, fmt, io,
    path::{Path, PathBuf},
    process::Command,
};

/// The variable that names the server to test against, before any other place is asked.
pub const VARIABLE: &str = "REDSTART_REDIS_SERVER";

const NAMES: [&str; 2] = ["redis-server", "valkey-server"];

/// A server that can be started: its program and what it says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Installed {
    /// The program.
    pub path: PathBuf,
    /// Its kind and version, such as `Redis 7.0.15` or `Valkey 8.1.1`.
    pub version: String,
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.version, self.path.display())
    }
}

/// Finds every server, the one to prefer first: [`VARIABLE`], then `PATH`, then `tools`.
///
/// # Errors
///
/// Fails when [`VARIABLE`] names something that is no server: whoever set it wants that one and no other.
pub fn servers(tools: &Path) -> io::Result<Vec<Installed>> {
    if let Some(named) = env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        return match server_at(&named) {
            Some(found) => Ok(vec![found]),
            None => {
                Err(io::Error::other(format!("{VARIABLE}={} is no Redis or Valkey server", named.display())))
            }
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([tools.join("bin")]).collect::<Vec<_>>();
    Ok(NAMES
        .iter()
        .filter_map(|name| folders.iter().map(|folder| folder.join(name)).find_map(|path| server_at(&path)))
        .collect())
}

/// The server at this path, if there is one that can be started.
#[must_use]
pub fn server_at(path: &Path) -> Option<Installed> {
    if !path.is_file() {
        return None;
    }
    let output = Command::new(path).arg("--version").output().ok()?;
    let version = version(&String::from_utf8_lossy(&output.stdout))?;
    Some(Installed { path: path.to_owned(), version })
}

/// The folder that `cargo xtask setup` installs into.
#[must_use]
pub fn tools(workspace: &Path) -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => workspace.join(target).join("tools"),
        None => workspace.join("target/tools"),
    }
}

/// Reads `Redis server v=7.0.15 sha=…` and `Valkey server v=8.1.1 …`.
fn version(line: &str) -> Option<String> {
    let (kind, rest) = line.split_once(" server v=")?;
    let number = rest.split_whitespace().next()?;
    Some(format!("{kind} {number}"))
}
