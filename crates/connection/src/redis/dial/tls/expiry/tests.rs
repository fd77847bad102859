use super::*;

/// The skeleton of a certificate with this end.
fn certificate(version: bool, tag: u8, end: &[u8]) -> Vec<u8> {
    let wrap = |tag: u8, content: &[u8]| {
        let mut bytes = vec![tag, 0x82];
        bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    };
    let validity = [wrap(UTC_TIME, b"200101000000Z"), wrap(tag, end)].concat();
    let mut fields = if version { vec![VERSION, 3, 2, 1, 2] } else { Vec::new() };
    // Serial number, algorithm, issuer, of which the contents do not matter here.
    fields.extend([2, 1, 7, SEQUENCE, 0, SEQUENCE, 0]);
    fields.extend(wrap(SEQUENCE, &validity));
    wrap(SEQUENCE, &wrap(SEQUENCE, &fields))
}

fn check(tag: u8, end: &[u8], seconds: Option<u64>) {
    let expected = seconds.map(|seconds| Timestamp::from_micros(seconds * 1_000_000));
    for version in [true, false] {
        assert_eq!(not_after(&certificate(version, tag, end)), expected, "{}", String::from_utf8_lossy(end));
    }
}

#[test]
fn both_forms_of_time_are_read() {
    check(UTC_TIME, b"261121142300Z", Some(1_795_270_980));
    check(UTC_TIME, b"700101000001Z", Some(1));
    check(UTC_TIME, b"000229000000Z", Some(951_782_400));
    check(GENERALIZED_TIME, b"20261121142300Z", Some(1_795_270_980));
    check(GENERALIZED_TIME, b"40960101000000Z", Some(67_090_118_400));
}

#[test]
fn nonsense_has_no_end() {
    for end in [&b"261321142300Z"[..], b"26112114230Z", b"261121142300", b"2611211423xxZ", b"Z", b""] {
        check(UTC_TIME, end, None);
    }
    check(UTC_TIME, b"500101000000Z", None);
    check(2, b"261121142300Z", None);
}

#[test]
fn no_bytes_make_it_panic() {
    let whole = certificate(true, UTC_TIME, b"261121142300Z");
    for end in 0..whole.len() {
        assert_eq!(not_after(&whole[..end]), None, "cut after {end}");
        for value in [0, 0x7f, 0x80, 0x84, 0xff] {
            let mut damaged = whole.clone();
            damaged[end] = value;
            let _read = not_after(&damaged);
        }
    }
}
