use proptest::prelude::*;

use super::*;

#[test]
fn every_special_character_is_escaped() {
    let special = "\0\t\n\u{1F} \u{7F}%:{}*?[]\\|#\"'";
    let escaped = escape(special);
    assert_eq!(escaped, "%00%09%0A%1F%20%7F%25%3A%7B%7D%2A%3F%5B%5D%5C%7C%23%22%27");
    assert_eq!(unescape(&escaped).as_deref(), Some(special));
}

#[test]
fn everything_else_stays() {
    for text in ["", "bob@example.org", "a-b_c.d~e/f", "Größe-Ж-名-🦀", "^$&()+,;<=>!`"] {
        assert!(matches!(escape(text), Cow::Borrowed(same) if same == text));
        assert!(matches!(unescape(text), Some(Cow::Borrowed(same)) if same == text));
    }
}

#[test]
fn what_escape_never_writes_is_refused() {
    for text in ["%", "%2", "a%", "%2a", "%41", "%GG", "%+1", "%C3%B6", "a:b", "a b", "%é", "%2é", "*"] {
        assert_eq!(unescape(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn unescape_gives_back_what_was_escaped(text in prop_oneof![any::<String>(), "[a%:* 2A\\x00-\\x1f]{0,12}"]) {
        let escaped = escape(&text);
        let special = |c: char| c.is_ascii_control() || " :{}*?[]\\|#\"'".contains(c);
        prop_assert!(!escaped.contains(special), "{}", escaped);
        let read = unescape(&escaped);
        prop_assert_eq!(read.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn a_text_is_the_escape_of_at_most_one(text in "[a%:23AaF]{0,8}") {
        if let Some(read) = unescape(&text) {
            prop_assert_eq!(escape(&read), text.as_str());
        }
    }

    #[test]
    fn escaping_keeps_what_begins_with_what(text in "[a%2:*é]{0,6}", start in "[a%2:*é]{0,3}") {
        prop_assert_eq!(escape(&text).starts_with(&*escape(&start)), text.starts_with(&start));
    }
}
