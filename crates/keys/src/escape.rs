use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Escapes a text so that it can stand as a part of a key.
///
/// Control characters and space of ASCII, and ``% : { } * ? [ ] \ | # " '``, become `%` and two
/// upper-case hexadecimal digits; everything else stays as it is.
/// Different texts stay different, and [`unescape`] gives the text back.
///
/// ```
/// use redstart_keys::{escape, unescape};
///
/// assert_eq!(escape("50% of *"), "50%25%20of%20%2A");
/// assert_eq!(unescape("50%25%20of%20%2A").as_deref(), Some("50% of *"));
/// ```
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(is_special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push_escaped(&mut out, text);
    Cow::Owned(out)
}

/// Gives back what [`escape`] was given; none for a text that it never writes.
///
/// So no two texts unescape to the same one: `%3a` and `%41` are refused, since escaping
/// writes `%3A` and `A`.
#[must_use]
pub fn unescape(escaped: &str) -> Option<Cow<'_, str>> {
    if !escaped.bytes().any(is_special) {
        return Some(Cow::Borrowed(escaped));
    }
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, code) = rest.split_at(at);
        let &[b'%', high, low, ..] = code.as_bytes() else { return None };
        let byte = nibble(high)? << 4 | nibble(low)?;
        if !is_special(byte) {
            return None;
        }
        out.push_str(plain);
        out.push(char::from(byte));
        rest = &code[3..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// Appends the escaped text.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        // What is special is ASCII, so both cuts fall between characters.
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        push_code(out, special.as_bytes()[0]);
        rest = &special[1..];
    }
    out.push_str(rest);
}

/// Appends `%` and the two digits of one byte.
pub(crate) fn push_code(out: &mut String, byte: u8) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

const fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        0..=b' '
            | 0x7F
            | b'%'
            | b':'
            | b'{'
            | b'}'
            | b'*'
            | b'?'
            | b'['
            | b']'
            | b'\\'
            | b'|'
            | b'#'
            | b'"'
            | b'\''
    )
}

/// The value of an upper-case hexadecimal digit.
const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
