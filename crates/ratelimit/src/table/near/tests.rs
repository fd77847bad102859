use super::*;

#[test]
fn slips_are_counted() {
    let slips_of: &[(&str, &str, Option<usize>)] = &[
        ("login", "login", Some(0)),
        ("LOGIN", "login", Some(0)),
        ("logn", "login", Some(1)),
        ("loginn", "login", Some(1)),
        ("lagin", "login", Some(1)),
        ("lgoin", "login", Some(1)),
        ("serach", "search", Some(1)),
        ("limit", "limits", Some(1)),
        ("lmit", "limits", Some(2)),
        ("", "login", None),
        ("logout", "login", None),
        ("ab", "cd", None),
        ("a", "ab", None),
        ("apy", "api", Some(1)),
        ("log-in-and-out", "login", None),
        ("löginn", "login", Some(2)),
    ];
    for &(name, known, expected) in slips_of {
        assert_eq!(slips(name, known), expected, "{name} for {known}");
    }
    assert_eq!(slips(&"x".repeat(1_000_000), "login"), None);
}

#[test]
fn the_nearest_is_meant() {
    let known = || ["api", "search", "search-all", "default"].into_iter();
    assert_eq!(nearest("serach", known()), Some("search"));
    assert_eq!(nearest("search-al", known()), Some("search-all"));
    assert_eq!(nearest("payment", known()), None);
}
