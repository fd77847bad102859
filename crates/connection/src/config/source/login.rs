//! Who logs in, and with what.

use std::{path::PathBuf, sync::Arc};

use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;
use crate::config::{Config, Credentials, Mode, PasswordFile, Problem, url::Located};

/// Who logs in, as far as one source says it, or several together.
#[derive(Default)]
pub(super) struct Login {
    db: Option<u32>,
    username: Option<String>,
    password: Option<SecretString>,
    password_file: Option<PathBuf>,
    sentinel_username: Option<String>,
    sentinel_password: Option<SecretString>,
}

impl Login {
    /// What a source says beside its address, which may not differ.
    pub(super) fn read(reader: &mut Reader<'_>, url: Option<&Located>) -> Self {
        let login = Self {
            db: reader.number("REDIS_DB", "a number such as 0"),
            username: reader.text("REDIS_USERNAME"),
            password: reader.secret("REDIS_PASSWORD"),
            password_file: reader.text("REDIS_PASSWORD_FILE").map(PathBuf::from),
            sentinel_username: reader.text("REDIS_SENTINEL_USERNAME"),
            sentinel_password: reader.secret("REDIS_SENTINEL_PASSWORD"),
        };
        let mut has_password = login.password.is_some();
        if let Some(Located { db, username, password, .. }) = url {
            if login.db.zip(*db).is_some_and(|(one, other)| one != other) {
                reader.differs("REDIS_DB", "the database of the URL");
            }
            if login.username.as_ref().zip(username.as_ref()).is_some_and(|(one, other)| one != other) {
                reader.differs("REDIS_USERNAME", "the user of the URL");
            }
            let both = login.password.as_ref().zip(password.as_ref());
            if both.is_some_and(|(one, other)| one.expose_secret() != other.expose_secret()) {
                reader.differs("REDIS_PASSWORD", "the password of the URL");
            }
            has_password |= password.is_some();
        }
        if has_password && login.password_file.is_some() {
            let what = "is set beside a password";
            reader.problem("REDIS_PASSWORD_FILE", what, "the file or the password, not both");
        }
        login
    }

    /// What an address says.
    pub(super) fn of(url: Located) -> Self {
        let Located { db, username, password, .. } = url;
        Self { db, username, password, ..Self::default() }
    }

    /// This and, where it says nothing, what has less weight.
    pub(super) fn or(self, below: Self) -> Self {
        // A file and a password are two ways to say one thing.
        let knows = self.password.is_some() || self.password_file.is_some();
        let (password, password_file) =
            if knows { (self.password, self.password_file) } else { (below.password, below.password_file) };
        Self {
            db: self.db.or(below.db),
            username: self.username.or(below.username),
            password,
            password_file,
            sentinel_username: self.sentinel_username.or(below.sentinel_username),
            sentinel_password: self.sentinel_password.or(below.sentinel_password),
        }
    }

    pub(super) fn apply(self, config: &mut Config) -> Result<(), Problem> {
        // Behind HTTP the token is all there is; what else is set belongs to a server that is not asked.
        if config.mode == Mode::Rest {
            return Ok(());
        }
        config.db = self.db.unwrap_or(0);
        config.password = self.password;
        if let Some(path) = self.password_file {
            let file = PasswordFile::new(&path);
            config.provider = Some(match &self.username {
                Some(username) => Arc::new(file.with_username(username)),
                None => Arc::new(file),
            });
            config.password_file = Some(path);
        }
        config.username = self.username;
        if config.mode != Mode::Sentinel {
            return Ok(());
        }
        match (self.sentinel_username, self.sentinel_password) {
            (username, Some(password)) => {
                config.sentinel_credentials = Some(Credentials { username, password });
                Ok(())
            }
            (Some(_), None) => {
                let right = "REDIS_SENTINEL_PASSWORD beside it";
                Err(Problem::new("REDIS_SENTINEL_USERNAME", "is set without a password", right))
            }
            (None, None) => Ok(()),
        }
    }
}
