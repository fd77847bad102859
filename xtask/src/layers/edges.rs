//! Who may depend on whom.

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::{Result, workspace::Workspace};

/// One line in a manifest of the workspace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) dev: bool,
}

/// The layers from the ground up: a crate may use those of the layers below its own, never a sibling.
const LAYERS: [&[&str]; 7] = [
    &["redstart-keys"],
    &["redstart-connection"],
    &[
        "redstart-cache",
        "redstart-jobs",
        "redstart-lock",
        "redstart-monitor",
        "redstart-ratelimit",
        "redstart-state",
        "redstart-testkit",
    ],
    &["redstart-http"],
    &["redstart"],
    &["redstart-cli"],
    &["redstart-tests"],
];

/// Beside the layers, and what they may use.
const ASIDE: [(&str, &[&str]); 3] =
    [("xtask", &["redstart-keys"]), ("redstart-bench", &[]), ("redstart-faults", &[])];

pub(crate) fn read(workspace: &Workspace) -> Result<Vec<Edge>> {
    let manifest = workspace.root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec()?;
    let edges = metadata.packages.iter().flat_map(|package| {
        package.dependencies.iter().map(|dependency| Edge {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            dev: dependency.kind == DependencyKind::Development,
        })
    });
    Ok(edges.collect())
}

pub(crate) fn violations(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(violation).collect()
}

fn violation(edge: &Edge) -> Option<String> {
    let Edge { from, to, dev } = edge;
    let reason = if is_ours(to) { ours(from, to, *dev)? } else { others(from, to, *dev)? };
    Some(format!("{from} → {to}: {reason}"))
}

fn is_ours(name: &str) -> bool {
    name == "redstart" || name.starts_with("redstart-") || name == "xtask"
}

fn ours(from: &str, to: &str, dev: bool) -> Option<&'static str> {
    // The benchmarks and the faults stand above everything and measure each layer alone.
    if matches!(from, "redstart-bench" | "redstart-faults") {
        return None;
    }
    if let Some((_, allowed)) = ASIDE.iter().find(|(name, _)| *name == from) {
        return (!allowed.contains(&to)).then_some("xtask must build when the crates don't");
    }
    // The command starts disposable servers for its drills; no service is built on it.
    if to == "redstart-testkit" && !matches!(from, "redstart" | "redstart-cli" | "redstart-tests") {
        return Some("what tests need is no part of a product crate; its tests stand in tests/");
    }
    // A package may turn on its own features for its examples.
    if from == to && dev {
        return None;
    }
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    match (layer(from), layer(to)) {
        (Some(from), Some(to)) if to < from => None,
        (Some(from), Some(to)) if to == from => Some("siblings don't know each other"),
        (Some(_), Some(_)) => Some("a lower layer can't use a higher one"),
        _ => Some("it has no place in xtask/src/layers/edges.rs: a new crate is an ADR"),
    }
}

fn others(from: &str, to: &str, dev: bool) -> Option<&'static str> {
    let bench = from == "redstart-bench";
    let allowed = match to {
        "redis" | "bb8" => bench || from == "redstart-connection",
        _ if to.starts_with("redis-") || to.starts_with("bb8-") => bench || from == "redstart-connection",
        // It brings a driver and connections of its own.
        "bullmq-official" => from == "redstart-jobs",
        // The tests hold it to the laws of our own cache, as a peer.
        "moka" => {
            bench
                || matches!(from, "redstart-connection" | "redstart-cache")
                || (from == "redstart-tests" && dev)
        }
        "quick_cache" => from == "redstart-cache",
        _ if to == "axum" || to.starts_with("axum-") => {
            // The tests of the command need services to ask.
            matches!(from, "redstart-http" | "redstart-tests")
                || (matches!(from, "redstart" | "redstart-cli") && dev)
        }
        _ => true,
    };
    (!allowed).then_some("this dependency belongs behind another crate of ours")
}

#[cfg(test)]
mod tests;
