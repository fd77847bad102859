//! The facade and the README say the same.

/// The first block of a page that begins with this line, without the marks of a doc comment.
fn block<'a>(page: &'a str, begin: &str) -> Vec<&'a str> {
    let bare =
        |line: &'a str| line.strip_prefix("//!").map_or(line, |line| line.strip_prefix(" ").unwrap_or(line));
    let lines = page.lines().map(bare).skip_while(|line| *line != begin);
    lines.skip(1).take_while(|line| *line != "```").collect()
}

#[test]
fn readme_shows_the_quickstart_of_the_docs() {
    let quickstart = block(include_str!("lib.rs"), "```");
    assert_eq!(quickstart.len(), 20);
    assert_eq!(block(include_str!("../../../README.md"), "```rust"), quickstart);
}
