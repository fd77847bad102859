use proptest::prelude::*;

use super::*;
use crate::TextId;

fn text_of(id: &(impl Id + ?Sized)) -> String {
    let mut out = String::new();
    id.write(&mut IdWriter::new(&mut out));
    out
}

#[test]
fn ids_write_themselves() {
    assert_eq!(text_of(&42_u8), "42");
    assert_eq!(text_of(&-1_i8), "-1");
    assert_eq!(text_of(&i64::MIN), "-9223372036854775808");
    assert_eq!(text_of(&i128::MIN), i128::MIN.to_string());
    assert_eq!(text_of(&u128::MAX), u128::MAX.to_string());
    assert_eq!(text_of(&true), "true");
    assert_eq!(text_of(&':'), "%3A");
    assert_eq!(text_of(&'名'), "名");
    assert_eq!(text_of(&Ipv4Addr::LOCALHOST), "127.0.0.1");
    assert_eq!(text_of(&Ipv6Addr::LOCALHOST), "%3A%3A1");
    assert_eq!(text_of(&IpAddr::from([10, 0, 0, 1])), "10.0.0.1");
    assert_eq!(text_of(&&&7), "7");
    assert_eq!(text_of(&TextId::new("a b").unwrap()), "a%20b");
}

#[test]
fn uuid_is_written_as_32_digits() {
    let bytes = [0xDE, 0xAD, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 255];
    assert_eq!(text_of(&bytes), "dead00010203040506070809".to_owned() + "0a0b0cff");
}

#[test]
fn tuples_join_their_parts() {
    let a = TextId::new("a|b").unwrap();
    assert_eq!(text_of(&(7, true)), "7|true");
    assert_eq!(text_of(&(7, &a, 'x')), "7|a%7Cb|x");
    assert_eq!(text_of(&(7, (8, 9))), text_of(&(7, 8, 9)));
}

#[test]
fn displayed_text_is_escaped() {
    struct Version(u8, u8);
    impl Id for Version {
        fn write(&self, out: &mut IdWriter<'_>) {
            write!(out, "{}:{}", self.0, self.1).unwrap();
        }
    }
    assert_eq!(text_of(&Version(1, 2)), "1%3A2");
}

#[test]
fn writer_does_not_print_what_it_was_given() {
    let mut out = "bob".to_owned();
    assert_eq!(format!("{:?}", IdWriter::new(&mut out)), "IdWriter(***)");
}

proptest! {
    #[test]
    fn integers_write_what_display_writes(number: i128, shift in 0..128_u32) {
        let number = number >> shift;
        prop_assert_eq!(text_of(&number), number.to_string());
        if let Ok(number) = u64::try_from(number) {
            prop_assert_eq!(text_of(&number), number.to_string());
        }
        if let Ok(number) = i64::try_from(number) {
            prop_assert_eq!(text_of(&number), number.to_string());
        }
        prop_assert_eq!(text_of(&number.unsigned_abs()), number.unsigned_abs().to_string());
    }

    #[test]
    fn tuples_of_texts_never_collide(
        pairs in prop::collection::hash_set(("[a|]{1,3}", "[a|]{1,3}", "[a|]{1,2}"), 2..60),
    ) {
        let id = |text: &String| TextId::new(text).unwrap();
        let written: std::collections::HashSet<_> =
            pairs.iter().map(|(a, b, c)| text_of(&(id(a), id(b), id(c)))).collect();
        prop_assert_eq!(written.len(), pairs.len());
    }

    #[test]
    fn addresses_never_collide(a: u128, b: u128, shift in 0..128_u32) {
        let (a, b) = (a >> shift, b >> shift);
        let texts = [a, b].map(|bits| text_of(&IpAddr::V6(Ipv6Addr::from_bits(bits))));
        prop_assert_eq!(a == b, texts[0] == texts[1]);
        prop_assert_eq!(a == b, text_of(&a.to_be_bytes()) == text_of(&b.to_be_bytes()));
    }
}
