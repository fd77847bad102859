//! Values that are used once.

mod replay;
#[cfg(test)]
mod tests;
mod tokens;

pub use self::{
    replay::ReplayGuard,
    tokens::{OnceToken, OnceTokenError, OnceTokens},
};
