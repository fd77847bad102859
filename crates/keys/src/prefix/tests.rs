use super::*;

fn refusal(text: &str) -> String {
    Prefix::new(text).unwrap_err().to_string()
}

#[test]
fn one_trailing_colon_is_dropped() {
    assert_eq!(Prefix::new("prod:ecom:"), Prefix::new("prod:ecom"));
    assert_eq!(Prefix::new("prod").unwrap().as_bytes(), b"prod:");
    assert_eq!(Prefix::new("prod::").unwrap().as_str(), "prod:");
}

#[test]
fn prefix_may_be_empty() {
    for text in ["", ":"] {
        let prefix = Prefix::new(text).unwrap();
        assert_eq!(prefix, Prefix::none());
        assert!(prefix.is_empty());
        assert_eq!(prefix.as_bytes(), b"");
    }
}

#[test]
fn refusals_name_the_reason() {
    assert_eq!(refusal(&"x".repeat(65)), "prefix has 65 bytes; at most 64 are allowed");
    assert_eq!(
        refusal("prod\n"),
        "prefix holds '\\n' at byte 4; letters, digits, '_', '.', ':' and '-' are allowed"
    );
    for text in ["a b", "a*", "{a}", "a#", "é", "[a]", "a?", "a\\", "a%"] {
        assert!(Prefix::new(text).is_err(), "{text}");
    }
    assert!(Prefix::new(&("x".repeat(64) + ":")).is_ok());
}

#[test]
fn prefix_is_taken_off_what_the_server_gives() {
    let prefix = Prefix::new("prod").unwrap();
    assert_eq!(prefix.strip(b"prod:cache:user:{1}").as_deref(), Some(&b"cache:user:{1}"[..]));
    assert_eq!(prefix.strip(b"{prod:cache:user:1}:g").as_deref(), Some(&b"{cache:user:1}:g"[..]));
    assert_eq!(prefix.strip(b"production:cache:user:{1}"), None);
    assert_eq!(Prefix::none().strip(b"{a}").as_deref(), Some(&b"{a}"[..]));
}
