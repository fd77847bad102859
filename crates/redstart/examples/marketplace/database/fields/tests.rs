use super::*;

fn price(text: &str) -> Option<String> {
    let price: Price = serde_json::from_str(text).ok()?;
    serde_json::to_string(&price).ok()
}

#[test]
fn id_has_one_spelling() {
    for (text, number) in [("1", 1), ("42", 42), ("9223372036854775807", i64::MAX)] {
        assert_eq!(text.parse::<RecordId>().unwrap(), RecordId(number));
    }
    for text in
        ["", "0", "-1", "+1", "01", " 1", "1 ", "1.0", "1e3", "*", "a:b{c}", "٣", "9223372036854775808"]
    {
        assert!(text.parse::<RecordId>().is_err(), "{text}");
    }
}

#[test]
fn price_keeps_its_cents() {
    for (given, shown) in [("19.99", "19.99"), ("0.1", "0.1"), ("7", "7.0"), ("1e3", "1000.0"), ("0", "0.0")]
    {
        assert_eq!(price(given).as_deref(), Some(shown));
    }
    for given in ["-1", "0.001", "1000000", "1e30", "\"1\"", "null"] {
        assert_eq!(price(given), None, "{given}");
    }
}

#[test]
fn names_and_addresses_are_one_line() {
    let name = |text: &str| Name::try_from(text.to_owned()).is_ok();
    assert!(name("Grace Hopper") && name(&"ü".repeat(200)));
    assert!(!name("") && !name("  ") && !name("a\nb") && !name(&"x".repeat(201)));

    let email = |text: &str| Email::try_from(text.to_owned()).map(|email| email.0).ok();
    assert_eq!(email("Ada@Example.org").as_deref(), Some("ada@example.org"));
    for text in ["", "@", "ada", "ada@", "@example.org", "ada @example.org", "ada@example.org\n"] {
        assert_eq!(email(text), None, "{text}");
    }
}
