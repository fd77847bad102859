use super::*;

#[test]
fn a_label_cannot_end_its_quotes() {
    let mut page = Page::default();
    page.sample(crate::metrics_table::UP, &[("a", "x\"} 1\nforged 1\\")], 1.5);
    let text = page.into_text();
    let expected = concat!(r#"redis_up{a="x\"} 1\nforged 1\\"} 1.5"#, "\n");
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn a_family_has_one_header() {
    let mut page = Page::default();
    for db in ["0", "1"] {
        page.whole(crate::metrics_table::DATABASE_KEYS, &[("db", db)], 3);
    }
    assert_eq!(page.into_text().matches("# TYPE").count(), 1);
}
