use super::*;

fn digest_of(secret: &[u8], parts: &[&[u8]]) -> String {
    let mut out = Vec::new();
    DigestKey::new(secret).write(parts, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn digest_is_the_first_half_of_hmac_sha256() {
    // RFC 4231, test case 2.
    assert_eq!(
        digest_of(b"Jefe", &[b"what do ya want ", b"for nothing?"]),
        "5bdcc146bf60754e6a042426089575c7"
    );
}

#[test]
fn secrets_of_every_length_are_taken() {
    let digests = [0, 1, 64, 65, 1000].map(|length| digest_of(&vec![b'k'; length], &[b"id"]));
    assert!(digests.iter().all(|digest| digest.len() == 32));
    let different: std::collections::HashSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn secret_is_not_printed() {
    assert_eq!(format!("{:?}", DigestKey::new(b"hunter2")), "***");
}
