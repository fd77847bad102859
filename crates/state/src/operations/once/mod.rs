//! Values that are used once.

mod first_use;
mod token;

pub use self::{
    first_use::{FirstUse, Use},
    token::{IssueToken, RedeemToken, RevokeToken},
};
