//! Tokens of our own that may be redeemed once.

use std::{fmt, marker::PhantomData, str::FromStr};

use redstart_connection::{Error, Store};
use redstart_keys::Ttl;
use redstart_keys::{Entity, TextId};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    InvalidSecret,
    operations::{IssueToken, RedeemToken, RevokeToken},
    secret::{Secret, owner_id},
};

/// Tokens that are redeemed once, such as the links that reset a password or confirm an address.
///
/// The server keeps a digest, so whoever reads the server redeems nothing. Each token stands for a value,
/// such as the user whose password it resets.
///
/// While the store does not answer, nothing is issued and nothing redeemed.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use redstart_state::OnceTokens;
///
/// const RESET: Entity<TextId> = Entity::new(Category::Verification, "reset").ttl(Ttl::minutes(30));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let resets = OnceTokens::<u64>::new(&Store::memory(), &RESET);
/// let link = format!("https://shop.example/reset?token={}", resets.issue_for("user 7", &7).await?);
///
/// let (_, token) = link.split_once("token=").ok_or("no token")?;
/// assert_eq!(resets.redeem(&token.parse()?).await?, Some(7));
/// assert_eq!(resets.redeem(&token.parse()?).await?, None);
/// # Ok(()) }
/// ```
pub struct OnceTokens<T> {
    store: Store,
    entity: Entity<TextId>,
    ttl: Ttl,
    value: PhantomData<fn(T) -> T>,
}

/// A token that is redeemed once; `Display` writes it, `Debug` does not.
#[derive(Clone, Eq, PartialEq)]
pub struct OnceToken(Secret);

/// Why a token was not issued or not redeemed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnceTokenError {
    /// The store did not answer.
    #[error("the store did not answer about a token")]
    Unavailable(#[from] Error),
    /// The value can't be written, or not read as this type.
    #[error("the value of a token is not of its type")]
    Value(#[source] serde_json::Error),
}

impl<T: Serialize + DeserializeOwned + Sync> OnceTokens<T> {
    /// Tokens kept in `store` under the keys of `entity`, for as long as its TTL says; 30 minutes where it
    /// has none.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<TextId>) -> Self {
        let ttl = entity.ttl().unwrap_or(Ttl::minutes(30));
        Self { store: store.clone(), entity: *entity, ttl, value: PhantomData }
    }

    /// Issues a token beside all others.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value can't be written.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway a token may be kept; nobody knows it.
    pub async fn issue(&self, value: &T) -> Result<OnceToken, OnceTokenError> {
        self.put(Secret::anywhere(), value).await
    }

    /// Issues a token for a subject, such as a user, and voids the subject's earlier one.
    ///
    /// # Errors
    ///
    /// As [`issue`](Self::issue).
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the earlier one may be void.
    pub async fn issue_for(&self, subject: &str, value: &T) -> Result<OnceToken, OnceTokenError> {
        self.put(Secret::at(subject), value).await
    }

    /// Redeems a token: answers its value the first time, and none ever after.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value is of another type. The token may be used up
    /// then.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the token may be used up.
    pub async fn redeem(&self, token: &OnceToken) -> Result<Option<T>, OnceTokenError> {
        let OnceToken(secret) = token;
        let redeem = RedeemToken::new(self.entity.key(&secret.place()), secret.digest());
        let value = self.store.run(&redeem).await?;
        value.map(|value| serde_json::from_slice(&value).map_err(OnceTokenError::Value)).transpose()
    }

    /// Voids the token of a subject; answers whether there was one.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn revoke(&self, subject: &str) -> Result<bool, OnceTokenError> {
        Ok(self.store.run(&RevokeToken::new(self.entity.key(&owner_id(subject)))).await?)
    }

    async fn put(&self, secret: Secret, value: &T) -> Result<OnceToken, OnceTokenError> {
        let value = serde_json::to_vec(value).map_err(OnceTokenError::Value)?;
        let key = self.entity.key(&secret.place());
        self.store.run(&IssueToken::new(key, secret.digest(), value.into(), self.ttl)).await?;
        Ok(OnceToken(secret))
    }
}

impl fmt::Display for OnceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for OnceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceToken(***)")
    }
}

impl FromStr for OnceToken {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        text.parse().map(Self)
    }
}

impl<T> Clone for OnceTokens<T> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), ..*self }
    }
}

impl<T> fmt::Debug for OnceTokens<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnceTokens({:?}, {})", self.entity, self.ttl)
    }
}
