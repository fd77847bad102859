use super::*;

fn text_of(name: &'static str, version: u16) -> String {
    let mut out = String::new();
    Scope { version, ..Scope::new(Category::Cache, name) }.push_to(&mut out);
    out
}

#[test]
fn names_are_short_and_simple() {
    for name in ["user", "file-processing", "2", "v", "v2-user", "vip", "7v", &"x".repeat(48)] {
        assert!(is_valid_name(name), "{name}");
    }
    for name in ["", "User", "a:b", "a_b", "a b", "é", "{x}", "v2", "v0", "v12345", &"x".repeat(49)] {
        assert!(!is_valid_name(name), "{name}");
    }
}

#[test]
fn first_version_is_not_written() {
    assert_eq!(text_of("user", 1), "cache:user:");
    assert_eq!(text_of("user", 2), "cache:user:v2:");
    assert_eq!(text_of("user", u16::MAX), "cache:user:v65535:");
}

#[test]
fn names_that_are_refused_are_escaped() {
    assert_eq!(text_of("a:b", 1), "cache:a%3Ab:");
    assert_eq!(text_of("v2", 1), "cache:%762:");
}

#[test]
fn scope_is_stripped_from_its_own_names_only() {
    let first = Scope::new(Category::Cache, "user");
    let second = Scope { version: 2, ..first };
    assert_eq!(first.strip(b"cache:user:{1}"), Some(&b"{1}"[..]));
    assert_eq!(second.strip(b"cache:user:v2:{1}"), Some(&b"{1}"[..]));
    assert_eq!(second.strip(b"cache:user:v22:{1}"), None);
    assert_eq!(second.strip(b"cache:user:{1}"), None);
    assert_eq!(first.strip(b"cache:users:{1}"), None);
    assert_eq!(first.strip(b"lock:user:{1}"), None);
    assert_eq!(first.strip(b"cache"), None);
}
