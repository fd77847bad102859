use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn header_survives_the_round_trip(
        absent: bool,
        as_of: u64,
        form: u8,
        times: [u64; 3],
        load: u32,
        tags in prop::collection::vec("[a-z:]{1,256}", 0..5),
        validator in prop::option::of("[ -~]{0,40}"),
        payload: Vec<u8>,
    ) {
        let header = Header {
            absent,
            as_of,
            form,
            created: Timestamp::from_micros(times[0]),
            fresh_for: Duration::from_micros(times[1]),
            stale_for: Duration::from_micros(times[2]),
            load_time: Duration::from_micros(u64::from(load)),
            tags: tags.iter().map(|text| Tag::stored(text)).collect(),
            validator: validator.map(Into::into),
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        prop_assert!(bytes.len() >= LENGTH);
        prop_assert_eq!(&bytes[3..11], &as_of.to_be_bytes());
        bytes.extend_from_slice(&payload);
        prop_assert_eq!(Header::read(&bytes), Some((header, payload.as_slice())));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        if let Some((_, payload)) = Header::read(&bytes) {
            prop_assert!(payload.len() + LENGTH <= bytes.len());
        }
    }
}

#[test]
fn foreign_bytes_have_no_header() {
    assert_eq!(Header::read(b"{\"id\":1,\"name\":\"somebody else's JSON\"}"), None);
    assert_eq!(Header::read(b""), None);
}
