//! The example of the guide says everything that can be said.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::*;

const EXAMPLE: &str = include_str!("../../../../../docs/guide/redstart.toml");

/// The file with every line in force that is commented out: `# name = value`.
fn complete() -> String {
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(setting) if setting.contains(" = ") => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().map(line).collect()
}

fn fields(above: &str, table: &DeTable<'_>, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = format!("{above}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) => fields(&format!("{path}."), table, into),
            _ => {
                into.insert(path);
            }
        }
    }
}

#[test]
fn example_is_right_as_it_stands() {
    let config = Config::from_toml(EXAMPLE).expect("it is an example");
    assert_eq!(config.describe(), "redis://127.0.0.1:6379/0");
}

#[test]
fn example_names_every_field_and_no_other() {
    let text = complete();
    let table = DeTable::parse(&text).expect("every line is TOML").into_inner();
    let Some(DeValue::Table(redis)) = table.get("redis").map(toml::Spanned::get_ref) else {
        panic!("no [redis]")
    };
    let mut named = BTreeSet::new();
    fields("", redis, &mut named);
    let known: BTreeSet<String> =
        VARIABLES.iter().filter_map(|setting| setting.field.map(str::to_owned)).collect();
    assert_eq!(named, known);
}

#[test]
fn example_shows_the_defaults() {
    let quiet: String =
        EXAMPLE.lines().filter(|line| !line.starts_with("url = ")).map(|line| format!("{line}\n")).collect();
    let config = Config::from_toml(&quiet).expect("without a server it is memory");
    let default = read(&[]).expect("nothing is set");
    assert_eq!(format!("{config:?}"), format!("{default:?}"));
}
