use super::*;

fn written(number: impl WriteArg) -> String {
    let mut out = b"before ".to_vec();
    number.write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn numbers_are_written_as_the_formatter_writes_them() {
    for number in [0, 7, 10, 99, 100, 4_294_967_295, 1_700_000_000_000_001, u64::MAX] {
        assert_eq!(written(number), format!("before {number}"));
    }
    for number in [i64::MIN, -4_711, -10, -1, 0, 1, i64::MAX] {
        assert_eq!(written(number), format!("before {number}"));
    }
    assert_eq!(written(u8::MAX) + &written(i32::MIN), "before 255before -2147483648");
}
