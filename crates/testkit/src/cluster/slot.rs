//! Which slot a key is in.

/// The slot of a key in a cluster, from 0 to 16383.
///
/// What stands between the first `{` and the next `}`, unless that is nothing, decides alone.
///
/// ```
/// use redstart_testkit::slot_of;
///
/// assert_eq!(slot_of("123456789"), 12739);
/// assert_eq!(slot_of("{user:42}:cart"), slot_of("{user:42}:name"));
/// ```
#[must_use]
pub fn slot_of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let decisive = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    decisive.bytes().fold(0, crc16) % super::SLOTS
}

/// CRC-16/XMODEM, one byte further.
fn crc16(crc: u16, byte: u8) -> u16 {
    (0..8).fold(
        crc ^ (u16::from(byte) << 8),
        |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        },
    )
}
