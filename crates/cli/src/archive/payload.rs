//! Whether two answers of DUMP hold the same value.

/// The version of the form and the checksum, which every payload ends with.
const FOOTER: usize = 10;
/// The kinds whose elements have no order, in the encoding that keeps none.
const SET: u8 = 2;
const HASH: u8 = 4;

/// Tells whether two payloads hold the same value.
///
/// A big set or hash comes in the order of the server's own table, which is another on every server. What
/// two servers encode differently counts as different, since their settings differ then.
pub(crate) fn is_same_value(left: &[u8], right: &[u8]) -> bool {
    let (Some(left), Some(right)) = (value(left), value(right)) else { return left == right };
    if left == right {
        return true;
    }
    match (left.split_first(), right.split_first()) {
        (Some((&SET, left)), Some((&SET, right))) => is_same_bag(left, right, 1),
        (Some((&HASH, left)), Some((&HASH, right))) => is_same_bag(left, right, 2),
        _ => false,
    }
}

fn value(payload: &[u8]) -> Option<&[u8]> {
    payload.get(..payload.len().checked_sub(FOOTER)?)
}

/// Compares elements of `width` strings each, in whatever order.
fn is_same_bag(left: &[u8], right: &[u8], width: usize) -> bool {
    let sorted = |bytes| {
        let strings = strings(bytes)?;
        let mut elements: Vec<Vec<&[u8]>> = strings.chunks(width).map(<[_]>::to_vec).collect();
        elements.sort_unstable();
        Some(elements)
    };
    sorted(left).is_some_and(|left| Some(left) == sorted(right))
}

/// The strings of a table as they are encoded; none when it is not understood.
fn strings(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, mut rest) = length(bytes)?;
    let mut strings = Vec::new();
    while !rest.is_empty() {
        let after = string(rest)?;
        let (one, others) = rest.split_at(rest.len() - after.len());
        strings.push(one);
        rest = others;
    }
    Some(strings)
}

/// A length, and what follows it; none for the marks of special encodings.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match (first >> 6, first) {
        (0, _) => Some((usize::from(first), rest)),
        (1, _) => {
            let (&second, rest) = rest.split_first()?;
            Some((usize::from(first & 0x3f) << 8 | usize::from(second), rest))
        }
        (2, 0x80) => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            Some((usize::try_from(u32::from_be_bytes(*length)).ok()?, rest))
        }
        (2, 0x81) => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            Some((usize::try_from(u64::from_be_bytes(*length)).ok()?, rest))
        }
        _ => None,
    }
}

/// What follows a string: plain, a number of one, two or four bytes, or compressed.
fn string(bytes: &[u8]) -> Option<&[u8]> {
    match *bytes.first()? {
        0xc0 => bytes.get(2..),
        0xc1 => bytes.get(3..),
        0xc2 => bytes.get(5..),
        0xc3 => {
            let (compressed, rest) = length(&bytes[1..])?;
            let (_, rest) = length(rest)?;
            rest.get(compressed..)
        }
        _ => {
            let (length, rest) = length(bytes)?;
            rest.get(length..)
        }
    }
}
