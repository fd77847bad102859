//! Which commands each component sends, read from its source: the table from which rules of access are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::sources::{self, Source};
use crate::Result;

/// Where the table stands, beside the code that makes rules of it.
const TABLE: &str = "crates/cli/src/security/commands.txt";

const NOTICE: &str =
    "# Written by `cargo xtask layers --write` from the code. Change the code, not this file.";

/// The components that services use, each in the crate of its name.
const COMPONENTS: [&str; 5] = ["cache", "lock", "monitor", "ratelimit", "state"];

/// Commands whose second word says what they do.
const CONTAINERS: [&str; 9] =
    ["acl", "client", "cluster", "config", "latency", "memory", "object", "script", "slowlog"];

/// What the connection sends only for a component that asks for it, or to the sentinels.
const ON_REQUEST: [&str; 6] = ["get", "mget", "scan", "sentinel", "subscribe", "unlink"];

/// What the driver below the connection sends by itself.
const OF_THE_DRIVER: [&str; 2] = ["client|setinfo", "select"];

/// A part of the connection that some components use, by a word in their source.
struct Part {
    words: &'static [&'static str],
    commands: &'static [&'static str],
    /// Where more of its commands stand.
    folder: Option<&'static str>,
}

const PARTS: [Part; 6] = [
    Part { words: &[".script("], commands: &["eval", "evalsha"], folder: None },
    Part { words: &["redis.get(", "redis.get_many("], commands: &["get", "mget"], folder: None },
    Part { words: &[".scan("], commands: &["scan"], folder: None },
    Part { words: &[".unlink("], commands: &["unlink"], folder: None },
    Part { words: &["Subscription::"], commands: &["subscribe", "unsubscribe"], folder: None },
    Part {
        words: &["Feed::", "Append", "ReadGroup"],
        commands: &[],
        folder: Some("crates/connection/src/feed"),
    },
];

type Table = BTreeMap<&'static str, BTreeSet<String>>;

/// Compares the table with the code, or writes it.
pub(crate) fn run(root: &Path, rust: &[Source], is_write: bool) -> Result<Vec<String>> {
    let lua = sources::read_ending(root, "crates", "lua")?;
    let wanted = render(&table(rust, &lua));
    let path = root.join(TABLE);
    if fs::read_to_string(&path).unwrap_or_default() == wanted {
        return Ok(Vec::new());
    }
    if is_write {
        fs::write(&path, wanted)?;
        return Ok(Vec::new());
    }
    Ok(vec![format!("{TABLE} is not what the code sends: run `cargo xtask layers --write`")])
}

fn render(table: &Table) -> String {
    let line = |(component, commands): (&&str, &BTreeSet<String>)| {
        format!("{component}: {}\n", commands.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
    };
    format!("{NOTICE}\n{}", table.iter().map(line).collect::<String>())
}

fn table(rust: &[Source], lua: &[Source]) -> Table {
    let below = |folder: &str| {
        let of_rust = rust.iter().filter(|source| source.is_product() && source.path.starts_with(folder));
        let of_lua = lua.iter().filter(|source| source.path.starts_with(folder));
        of_rust.flat_map(in_rust).chain(of_lua.flat_map(in_lua)).collect::<BTreeSet<String>>()
    };
    let mut connection = below("crates/connection/src/redis");
    connection.retain(|command| !ON_REQUEST.contains(&command.as_str()));
    connection.extend(OF_THE_DRIVER.map(str::to_owned));

    let mut table = Table::from([("connection", connection)]);
    for component in COMPONENTS {
        let folder = format!("crates/{component}/src");
        let mut commands = below(&folder);
        let text: String = rust
            .iter()
            .filter(|source| source.is_product() && source.path.starts_with(&folder))
            .map(|source| source.text.as_str())
            .collect();
        for Part { words, commands: own, folder } in PARTS {
            if words.iter().any(|word| text.contains(word)) {
                commands.extend(own.iter().map(|command| (*command).to_owned()));
                commands.extend(folder.map(below).unwrap_or_default());
            }
        }
        table.insert(component, commands);
    }
    table
}

/// Commands in Rust: `Cmd::new("CONFIG").arg("GET")`, `redis::cmd("XREAD")`.
fn in_rust(source: &Source) -> Vec<String> {
    let text = without_comments(&source.text, "//");
    let openings = ["Cmd::new(\"", "redis::cmd(\"", ".cmd(\"", ".begin(\""];
    openings.iter().flat_map(|opening| commands(&text, opening, '"', ".arg(\"")).collect()
}

/// Commands in Lua: `redis.call('XGROUP', 'CREATE', …)`, `{'XADD', …}`.
fn in_lua(source: &Source) -> Vec<String> {
    let text = without_comments(&source.text, "--");
    let openings = ["call('", "{'", "{ '"];
    openings.iter().flat_map(|opening| commands(&text, opening, '\'', ", '")).collect()
}

fn commands(text: &str, opening: &str, quote: char, next: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (_, rest) in text.match_indices(opening).map(|(at, _)| text.split_at(at + opening.len())) {
        let Some((name, after)) = rest.split_once(quote) else { continue };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_uppercase()) {
            continue;
        }
        let name = name.to_ascii_lowercase();
        let second = after.split_once(next).and_then(|(_, second)| second.split_once(quote));
        found.push(match second {
            Some((second, _)) if CONTAINERS.contains(&name.as_str()) => {
                format!("{name}|{}", second.to_ascii_lowercase())
            }
            _ => name,
        });
    }
    found
}

fn without_comments(text: &str, opening: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(opening));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Source, render, table};

    fn source(path: &str, text: &str) -> Source {
        Source { path: PathBuf::from(path), text: text.to_owned() }
    }

    #[test]
    fn commands_are_read_from_rust_and_from_lua() {
        let rust = [
            source(
                "crates/connection/src/redis/node.rs",
                "redis::cmd(\"PING\"); let mut q = redis::cmd(\"CLUSTER\");\nq.arg(\"SLOTS\");",
            ),
            source("crates/connection/src/redis/scan.rs", "redis::cmd(\"SCAN\")"),
            source(
                "crates/cache/src/a.rs",
                "// Cmd::new(\"FLUSHALL\")\nCmd::new(\"PTTL\").key(k); redis.script(&S)",
            ),
            source("crates/cache/src/tests.rs", "Cmd::new(\"KEYS\")"),
            source("crates/monitor/src/b.rs", "Cmd::new(\"CONFIG\").arg(\"GET\"); page = redis.scan(c)"),
        ];
        let lua = [source(
            "crates/cache/src/a.lua",
            "-- redis.call('DEL')\nredis.call('SET', KEYS[1], 'x')\nlocal a = { 'XADD', KEYS[1] }",
        )];
        let table = table(&rust, &lua);
        let words =
            |component: &str| table[component].iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(words("connection"), "client|setinfo cluster|slots ping select");
        assert_eq!(words("cache"), "eval evalsha pttl set xadd");
        assert_eq!(words("monitor"), "config|get scan");
        assert!(render(&table).contains("\nlock: \n"));
    }
}
