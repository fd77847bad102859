//! What a stranger could do to the server, and what this connection may do: tried, not believed.

mod commands;
mod users;

use redstart_connection::{Config, ErrorKind, Store};
use serde::Serialize;

pub use self::{
    commands::{AskCommands, Reachable},
    users::{AskUsers, UserRules},
};
use crate::{Ask, Ping, Told, WhoAmI};

/// A password that nobody has.
const WRONG: &str = "redstart-tries-a-wrong-password";

/// What a stranger could do to the server, and what this connection may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Exposure {
    /// Whether what is said to the server is encrypted.
    pub encrypted: bool,
    /// Whether the server is on this machine.
    pub local: bool,
    /// The user by which the server knows this connection.
    pub user: Told<String>,
    /// What came of a connection that did not say who it is.
    pub anonymous: Told<Admission>,
    /// What came of a connection with a password that nobody has.
    pub wrong_password: Told<Admission>,
    /// Which commands this connection may send that could destroy the data or the server.
    pub dangerous: Told<Vec<Reachable>>,
    /// The users of the server and what is weak about them.
    pub users: Told<Vec<UserRules>>,
}

/// What came of an attempt to get in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Admission {
    /// The server refused.
    Refused,
    /// The server let it in, and answered.
    Admitted,
}

impl Exposure {
    /// Tries the server that `config` leads to, and that `store` stands on.
    ///
    /// It opens two connections of its own: one without a login, one with a wrong password, which the server
    /// notes in its ACL LOG. It changes nothing. On the embedded store there is nothing to try.
    pub async fn probe(config: &Config, store: &Store) -> Self {
        let base = Self { encrypted: config.is_encrypted(), local: config.is_loopback(), ..Self::default() };
        if config.is_memory() {
            return Self { local: true, ..base };
        }
        let stranger = config.clone().without_login().allow_insecure(true).with_lanes(1).without_breaker();
        let liar = stranger.clone().with_password(WRONG);
        let liar = match config.username() {
            Some(name) => liar.with_username(name),
            None => liar,
        };
        let (anonymous, wrong_password, user, dangerous, users) = tokio::join!(
            admission(&stranger),
            admission(&liar),
            store.run(&Ask(WhoAmI)),
            store.run(&Ask(AskCommands)),
            store.run(&Ask(AskUsers)),
        );
        // Over REST the token opens the door, and no password is asked for.
        let is_rest = store.status().mode == "rest";
        let over_tcp = |told| if is_rest { Told::NotOffered } else { told };
        Self {
            user: Told::asked(user),
            anonymous: over_tcp(anonymous),
            wrong_password: over_tcp(wrong_password),
            dangerous: Told::asked(dangerous),
            users: Told::asked(users),
            ..base
        }
    }

    /// The dangerous commands that this connection may send.
    #[must_use]
    pub fn reachable(&self) -> Option<Vec<&'static str>> {
        let commands = self.dangerous.known()?.iter().filter(|command| command.allowed);
        Some(commands.map(|command| command.command).collect())
    }
}

/// Connects and asks for a sign of life.
async fn admission(config: &Config) -> Told<Admission> {
    let tried = async { Store::connect(config).await?.run(&Ping).await };
    match tried.await {
        Ok(()) => Told::Known(Admission::Admitted),
        Err(error) if matches!(error.kind(), ErrorKind::Auth | ErrorKind::Permission) => {
            Told::Known(Admission::Refused)
        }
        Err(_) => Told::NoAnswer,
    }
}
