use proptest::prelude::*;

use super::*;

/// The definition, slowly: a star takes nothing or one more.
fn slowly(glob: &[u8], text: &[u8]) -> bool {
    match (glob, text) {
        ([], _) => text.is_empty(),
        ([b'*', after @ ..], _) => slowly(after, text) || (!text.is_empty() && slowly(glob, &text[1..])),
        (_, []) => false,
        (_, [byte, later @ ..]) => take(glob, *byte).is_some_and(|rest| slowly(rest, later)),
    }
}

#[test]
fn globs_match_as_on_the_server() {
    // (glob, what it matches, what it does not); compared with Redis 7 by hand.
    let table: &[(&str, &[&str], &[&str])] = &[
        ("abc", &["abc"], &["ab", "abcd", "Abc"]),
        ("a?c", &["abc", "a*c"], &["ac", "abbc"]),
        ("*", &["a", "a:b"], &[]),
        ("a*", &["a", "ab"], &["b"]),
        ("a**c", &["ac", "abc"], &["acb"]),
        ("*a*b*", &["ab", "xaxbx"], &["ba"]),
        ("*ab", &["aab", "abab"], &["aba"]),
        ("[abc]", &["a", "c"], &["d", "ab"]),
        ("[a-c]x", &["ax", "bx"], &["dx", "-x"]),
        ("[c-a]", &["b"], &["d"]),
        ("[^a]", &["b", "^"], &["a"]),
        ("[^a-c]*", &["d", "dd"], &["a", "bd"]),
        ("[]", &[], &["]", "[]", "a"]),
        ("[^]", &["a", "]"], &["ab"]),
        ("[", &[], &["["]),
        ("[abc", &["a", "c"], &["[abc", "d"]),
        ("[a-", &["a", "-"], &["b"]),
        ("[a-]", &["a", "]", "^", "_", "`"], &["-", "b"]),
        ("[\\]]", &["]"], &["\\", "a"]),
        ("[\\", &["\\"], &["a"]),
        ("[\\a-z]", &["a", "-", "z"], &["b", "\\"]),
        ("[!a]", &["!", "a"], &["b"]),
        ("\\*", &["*"], &["a", "\\*"]),
        ("\\a", &["a"], &["\\a"]),
        ("a\\", &["a\\"], &["a"]),
        ("{*}", &["{}", "{42}"], &["{42}:g", "42"]),
    ];
    for (glob, matching, others) in table {
        for text in *matching {
            assert!(matches(glob.as_bytes(), text.as_bytes()), "{glob} matches {text}");
        }
        for text in *others {
            assert!(!matches(glob.as_bytes(), text.as_bytes()), "{glob} does not match {text}");
        }
    }
}

#[test]
fn many_stars_do_not_take_long() {
    let glob = "a*".repeat(120) + "b";
    assert!(!matches(glob.as_bytes(), "a".repeat(5000).as_bytes()));
}

proptest! {
    #[test]
    fn backing_up_to_the_last_star_misses_nothing(glob in "[ab*?\\[\\]^\\\\-]{0,8}", text in "[ab\\]^-]{0,8}") {
        prop_assert_eq!(matches(glob.as_bytes(), text.as_bytes()), slowly(glob.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn any_bytes_are_taken(glob: Vec<u8>, text: Vec<u8>) {
        prop_assert_eq!(matches(&glob, &text), slowly(&glob, &text));
    }
}
