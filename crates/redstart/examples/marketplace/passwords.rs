//! Passwords: kept as argon2 hashes, compared in constant time, a few at once.

use argon2::{
    Argon2, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{PasswordHash, Result, Salt, SaltString, rand_core::OsRng},
};
use tokio::{sync::Semaphore, task};

/// Each comparison takes 19 MB and a processor for tens of milliseconds.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Nobody's password: what is compared when there is no account, so that it takes as long.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxlIHNhbHQ$bm9ib2R5IGtub3dzIHRoaXMgcGFzc3dvcmQgYXQgYWw";

/// Hashes the password of the sample data; real passwords each get a salt of their own.
pub(crate) fn sample_hash(password: &str) -> Result<String> {
    let salt = Salt::from_b64("c2FtcGxlIHNhbHQ")?;
    Ok(Argon2::default().hash_password(password.as_bytes(), salt)?.to_string())
}

/// Hashes a password with a salt of its own; none if that can't be done.
pub(crate) async fn hash(password: String) -> Option<String> {
    // The semaphore is never closed, so there is always a turn.
    let _turn = TURNS.acquire().await;
    let hash = task::spawn_blocking(move || {
        let salt = SaltString::generate(&mut OsRng);
        Some(Argon2::default().hash_password(password.as_bytes(), &salt).ok()?.to_string())
    });
    hash.await.ok()?
}

/// Tells whether a password is that of an account; the work is the same if there is none.
pub(crate) async fn is_right(password: String, account_hash: Option<String>) -> bool {
    // The semaphore is never closed, so there is always a turn.
    let _turn = TURNS.acquire().await;
    let comparison = task::spawn_blocking(move || {
        let hash = account_hash.as_deref().unwrap_or(DECOY);
        let is_equal = PasswordHash::new(hash)
            .and_then(|hash| Argon2::default().verify_password(password.as_bytes(), &hash))
            .is_ok();
        is_equal && account_hash.is_some()
    });
    comparison.await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
