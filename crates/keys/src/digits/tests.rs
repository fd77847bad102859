use proptest::prelude::*;

use super::*;

#[test]
fn the_ends_of_the_range_have_digits() {
    assert_eq!(Digits::of(0).as_str(), "0");
    assert_eq!(Digits::of(u64::MAX).as_str(), "18446744073709551615");
}

proptest! {
    #[test]
    fn digits_are_those_that_display_writes(number: u64, shift in 0..64_u32) {
        let number = number >> shift;
        let digits = Digits::of(number);
        prop_assert_eq!(digits.as_str(), number.to_string());
    }
}
