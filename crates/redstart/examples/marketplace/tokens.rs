//! Bearer tokens: signed, so that every instance with the same secret knows who shows them.

use std::{fmt, fmt::Write as _, time::Duration};

use argon2::password_hash::rand_core::{OsRng, RngCore as _};
use axum::http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use redstart::{connection::Clock, http::ShownToken};
use serde::{Deserialize, Serialize};

use crate::{database::RecordId, signing};

/// How long a token is good for.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long a token for one download is good for.
const DOWNLOAD: Duration = Duration::from_secs(5 * 60);

const ISSUER: &str = "marketplace";

/// Issues tokens, and tells who shows one.
pub(crate) struct Tokens {
    clock: Clock,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    iss: String,
    aud: Audience,
    sub: RecordId,
    exp: u64,
    jti: String,
    /// What may be downloaded, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<RecordId>,
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Audience {
    /// Everything that its user may do.
    Api,
    /// One download.
    Download,
}

impl Tokens {
    /// Tokens under a secret of all instances.
    pub(crate) fn new(clock: Clock, secret: &[u8]) -> Self {
        signing::install();
        let (encoding, decoding) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Self { clock, encoding, decoding }
    }

    /// Issues a token to a user; none if it can't be signed.
    pub(crate) fn issue(&self, user: RecordId) -> Option<String> {
        self.sign(Audience::Api, user, LIFETIME, None)
    }

    /// Issues a token for one download of an asset.
    pub(crate) fn issue_download(&self, user: RecordId, asset: RecordId) -> Option<String> {
        self.sign(Audience::Download, user, DOWNLOAD, Some(asset))
    }

    /// The user who shows a token that is still good.
    pub(crate) fn user(&self, headers: &HeaderMap) -> Option<RecordId> {
        self.shown(Audience::Api, headers).map(|claims| claims.sub)
    }

    /// What may be downloaded with the token that is shown.
    pub(crate) fn download(&self, headers: &HeaderMap) -> Option<RecordId> {
        self.shown(Audience::Download, headers)?.asset
    }

    /// The verified token for one download, for the guard against its replay.
    pub(crate) fn once(&self, parts: &Parts) -> Option<ShownToken> {
        let Claims { iss, jti, exp, .. } = self.shown(Audience::Download, &parts.headers)?;
        Some(ShownToken::until_secs(iss, jti, exp))
    }

    fn sign(&self, aud: Audience, sub: RecordId, ttl: Duration, asset: Option<RecordId>) -> Option<String> {
        let exp = self.clock.now().saturating_add(ttl).as_secs();
        let claims = Claims { iss: ISSUER.to_owned(), aud, sub, exp, jti: random(), asset };
        encode(&Header::default(), &claims, &self.encoding).ok()
    }

    fn shown(&self, aud: Audience, headers: &HeaderMap) -> Option<Claims> {
        let (scheme, shown) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut validation = Validation::default();
        validation.set_issuer(&[ISSUER]);
        // The guard against replay remembers a use for a minute longer than this.
        validation.leeway = 0;
        validation.validate_aud = false;
        let claims = decode::<Claims>(shown, &self.decoding, &validation).ok()?.claims;
        (claims.aud == aud).then_some(claims)
    }
}

/// 128 random bits, in hexadecimal digits.
pub(crate) fn random() -> String {
    let mut random = [0; 16];
    OsRng.fill_bytes(&mut random);
    random.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(***)")
    }
}
