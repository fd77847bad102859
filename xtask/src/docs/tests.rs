use super::first_difference;

#[test]
fn difference_is_shown_where_it_begins() {
    assert_eq!(first_difference("a\nb\n", "a\nc\n"), "differs in line 2, which is\n  b\nbut must be\n  c");
    assert_eq!(first_difference("a\n", "a\nb\n"), "has 1 lines but must have 2");
    assert_eq!(first_difference("", "a\n"), "is missing");
}
