//! What the declarations promise.

use std::collections::BTreeSet;

use crate::{keys, reference};

#[test]
fn catalogue_is_in_order() {
    assert_eq!(keys::catalogue().check(), Ok(()));
}

#[test]
fn environment_names_each_variable_once() {
    let page = reference::page("--print-environment").unwrap();
    let names: Vec<_> =
        page.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('`').nth(1)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}
