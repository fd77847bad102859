//! The `Idempotency-Key` field of a request.

use http::{HeaderMap, HeaderName};

/// The field that says which requests are repeats of each other.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The most bytes that a key may have.
const LONGEST: usize = 255;

/// A request that names its key in a way that can't be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct InvalidKey;

/// The key of a request, quoted as the draft has it, or bare as most clients send it.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<Vec<u8>>, InvalidKey> {
    let mut fields = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(InvalidKey);
    }
    let text = field.as_bytes().trim_ascii();
    let key = match text.strip_prefix(b"\"") {
        Some(rest) => unquoted(rest.strip_suffix(b"\"").ok_or(InvalidKey)?)?,
        None if text.contains(&b'"') => return Err(InvalidKey),
        None => text.to_vec(),
    };
    let is_right = (1..=LONGEST).contains(&key.len()) && key.iter().all(|byte| (b' '..=b'~').contains(byte));
    if is_right { Ok(Some(key)) } else { Err(InvalidKey) }
}

/// What stands between the quotes of a string of RFC 8941, where a backslash escapes itself and the quote.
fn unquoted(text: &[u8]) -> Result<Vec<u8>, InvalidKey> {
    let mut key = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        key.push(match byte {
            b'"' => return Err(InvalidKey),
            b'\\' => *bytes.next().filter(|byte| matches!(byte, b'"' | b'\\')).ok_or(InvalidKey)?,
            byte => byte,
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&[u8]]) -> Result<Option<String>, InvalidKey> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        Ok(read(&headers)?.map(|key| String::from_utf8(key).unwrap()))
    }

    #[test]
    fn key_is_read_quoted_and_bare() {
        assert_eq!(of(&[]), Ok(None));
        for field in ["\"8e03978e\"", "8e03978e", " 8e03978e "] {
            assert_eq!(of(&[field.as_bytes()]), Ok(Some("8e03978e".into())), "{field}");
        }
        assert_eq!(of(&[br#""a\"b\\c""#]), Ok(Some(r#"a"b\c"#.into())));
        assert_eq!(of(&[&[b'k'; 255]]).map(|key| key.unwrap().len()), Ok(255));
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let long = [b'k'; 256];
        let wrong: [&[u8]; 8] =
            [b"", b"\"\"", b"\"open", b"a\"b", b"\"a\"b\"", b"\"a\\b\"", b"\xc3\xa4", &long];
        for field in wrong {
            assert_eq!(of(&[field]), Err(InvalidKey), "{field:?}");
        }
        assert_eq!(of(&[b"a", b"a"]), Err(InvalidKey));
    }
}
