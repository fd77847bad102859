use proptest::prelude::*;

use super::*;

fn refusal(text: &str) -> String {
    TextId::new(text).unwrap_err().to_string()
}

#[test]
fn refusals_name_the_reason() {
    assert_eq!(refusal(""), "id is empty; give 1 to 256 bytes");
    assert_eq!(refusal(&"x".repeat(10_240)), "id has 10240 bytes; at most 256 are allowed");
    assert_eq!(refusal("abc\u{7}"), "id holds the control character U+0007 at byte 3");
    assert_eq!(refusal("é\u{85}"), "id holds the control character U+0085 at byte 2");
    assert_eq!(refusal("\u{7F}"), "id holds the control character U+007F at byte 0");
}

#[test]
fn refusals_never_echo_the_text() {
    let error = TextId::new("secret-of-bob\n").unwrap_err();
    assert!(!format!("{error}{error:?}").contains("secret"));
}

#[test]
fn what_a_key_must_escape_may_stand_in_an_id() {
    for text in ["a:b", "{x}", "*", "50%", "a|b", "#1", "a b", "'\"", "[a-z]", "名"] {
        assert_eq!(TextId::new(text).map(|id| id.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn every_way_in_checks() {
    assert!("".parse::<TextId>().is_err());
    assert!(TextId::try_from("").is_err());
    assert!(TextId::try_from(String::new()).is_err());
    assert_eq!("a".parse(), TextId::try_from("a"));
    assert_eq!(TextId::try_from("a".to_owned()), TextId::new("a"));
}

proptest! {
    #[test]
    fn an_id_has_1_to_256_bytes_and_no_control_characters(text in ".{0,20}|(?s:.){0,20}|[aé]{100,280}") {
        let good = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        prop_assert_eq!(TextId::new(&text).is_ok(), good);
    }
}
