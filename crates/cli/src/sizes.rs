//! Sizes as people read them.

/// Bytes with a unit: `1.5 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_have_their_unit() {
        assert_eq!([0, 1023, 1024, 1536 << 10].map(super::bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]);
    }
}
