//! The users of the server, and what is weak about them.

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use crate::{Question, inspect::lossy};

/// The digests of the passwords that are tried first.
const GUESSED: [&str; 15] = [
    "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", // password
    "34fb46c847bb9df96e5205a39d382f648a6e8dce1e014cd85b4ca6a88d88ed03", // redis
    "1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf", // foobared
    "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918", // admin
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", // secret
    "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86", // changeme
    "4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2", // root
    "37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f", // default
    "36c0c6b32a5cdcbeaa192a2af99f9ac820f08206c964a456a2ca3100b97b1487", // valkey
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", // test
    "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92", // 123456
    "65e84be33532fb784c48129675f9eff3a682b27168c0ea744b2cf58ee02337c5", // qwerty
    "1c8bfe8f801d79745c4631d09fff36c82aa37fc4cce4fc946683d7b336b63032", // letmein
    "d74ff0ee8da3b9806b18c877dbf29bbde50b5bd8e4dad7a3a725000feb82e8f1", // pass
    "fc613b4dfd6736a7bd268c8a0e74ed0d1c04a959f59dd74ef2874983fd443fc9", // master
];

/// Asks for the users of the server; what it answers holds digests of passwords, which are not kept.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskUsers;

/// What a user may do, and what is weak about it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserRules {
    /// The user's name.
    pub name: String,
    /// Whether anybody may come in by this name.
    pub enabled: bool,
    /// Whether any password does.
    pub passwordless: bool,
    /// Whether its password is one of those that are tried first.
    pub guessable: bool,
    /// Whether it may use every key.
    pub all_keys: bool,
    /// Whether it may send every command.
    pub all_commands: bool,
}

impl UserRules {
    /// Whether whoever reaches the server may come in by this name without knowing a secret.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.enabled && (self.passwordless || self.guessable)
    }

    /// Whether it may do everything to everything.
    #[must_use]
    pub const fn is_mighty(&self) -> bool {
        self.enabled && self.all_keys && self.all_commands
    }

    /// Reads a line such as `user app on #5e88… ~cache:* &* -@all +get`.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (Some("user"), Some(name)) = (words.next(), words.next()) else { return None };
        let mut user = Self { name: name.to_owned(), ..Self::default() };
        for word in words {
            match word {
                "on" => user.enabled = true,
                "nopass" => user.passwordless = true,
                "~*" | "allkeys" => user.all_keys = true,
                "+@all" | "allcommands" => user.all_commands = true,
                "-@all" | "nocommands" => user.all_commands = false,
                _ => user.guessable |= word.strip_prefix('#').is_some_and(|digest| GUESSED.contains(&digest)),
            }
        }
        Some(user)
    }
}

impl Question for AskUsers {
    type Answer = Vec<UserRules>;
    const NAME: &'static str = "monitor.users";

    fn cmd(&self) -> Cmd {
        Cmd::new("ACL").arg("LIST")
    }

    fn read(&self, answer: Value) -> Result<Self::Answer> {
        let lines = answer.into_array()?.into_iter().map(lossy);
        Ok(lines.filter_map(|line| UserRules::parse(&line)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{GUESSED, UserRules};

    fn check(line: &str, is_open: bool, is_mighty: bool) {
        let user = UserRules::parse(line).unwrap();
        assert_eq!((user.is_open(), user.is_mighty()), (is_open, is_mighty), "{line}");
    }

    #[test]
    fn weakness_is_read_from_the_rules() {
        check("user default on nopass sanitize-payload ~* &* +@all", true, true);
        check("user default off nopass sanitize-payload ~* &* +@all", false, false);
        check("user app on sanitize-payload #00ff ~app:* resetchannels -@all +get", false, false);
        check("user app on #00ff ~* &* +@all -flushall", false, true);
        check(&format!("user app on #{} ~app:* -@all +get", GUESSED[2]), true, false);
    }
}
