//! Who may come in.

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use super::{
    Question,
    question::{lossy, pairs},
};

/// Asks by which name the server knows this connection.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct WhoAmI;

impl Question for WhoAmI {
    type Answer = String;
    const NAME: &'static str = "monitor.whoami";

    fn cmd(&self) -> Cmd {
        Cmd::new("ACL").arg("WHOAMI")
    }

    fn read(&self, answer: Value) -> Result<String> {
        answer.into_text()
    }
}

/// Asks what everybody may do who does not say who they are.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskDefaultUser;

/// What everybody may do who does not say who they are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DefaultUser {
    /// Whether they may come in at all.
    pub enabled: bool,
    /// Whether they need a password.
    pub needs_password: bool,
}

impl DefaultUser {
    /// Whether anybody who reaches the server may come in.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.enabled && !self.needs_password
    }
}

impl Question for AskDefaultUser {
    type Answer = DefaultUser;
    const NAME: &'static str = "monitor.default_user";

    fn cmd(&self) -> Cmd {
        Cmd::new("ACL").arg("GETUSER").arg("default")
    }

    fn read(&self, answer: Value) -> Result<DefaultUser> {
        let flags = pairs(answer)?.into_iter().find(|(name, _)| name == "flags");
        let flags: Vec<String> = match flags {
            Some((_, flags)) => flags.into_array()?.into_iter().map(lossy).collect(),
            None => Vec::new(),
        };
        let has = |flag: &str| flags.iter().any(|found| found == flag);
        Ok(DefaultUser { enabled: has("on"), needs_password: !has("nopass") })
    }
}
