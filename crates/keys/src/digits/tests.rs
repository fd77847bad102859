use proptest::prelude::*;

use super::*;

#[test]
fn the_ends_of_the_range_have_digits() {
    let mut out = String::new();
    push_decimal(&mut out, 0);
    push_decimal(&mut out, u64::MAX);
    assert_eq!(out, "018446744073709551615");
}

proptest! {
    #[test]
    fn digits_are_those_that_display_writes(number: u64, shift in 0..64_u32) {
        let number = number >> shift;
        let mut out = "before ".to_owned();
        push_decimal(&mut out, number);
        prop_assert_eq!(out, format!("before {number}"));
    }
}
