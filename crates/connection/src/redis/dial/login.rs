//! The credentials of the moment.

use std::{sync::Arc, time::Duration};

use crate::{Certainty, Config, Credentials, CredentialsProvider, Error, ErrorKind, Result};

/// Where a connection's credentials come from.
pub(crate) enum Login {
    Fixed(Option<Credentials>),
    Asked(Arc<dyn CredentialsProvider>),
}

impl Login {
    pub(super) fn new(config: &Config) -> Self {
        match &config.provider {
            Some(provider) => Self::Asked(Arc::clone(provider)),
            None => Self::Fixed(config.credentials()),
        }
    }

    pub(super) const fn fixed(credentials: Option<Credentials>) -> Self {
        Self::Fixed(credentials)
    }

    /// How often they may have changed; never when they can't.
    pub(super) fn interval(&self) -> Option<Duration> {
        match self {
            Self::Fixed(_) => None,
            Self::Asked(provider) => Some(provider.interval()),
        }
    }

    pub(super) async fn current(&self) -> Result<Option<Credentials>> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Asked(provider) => match provider.credentials().await {
                Ok(credentials) => Ok(Some(credentials)),
                Err(error) => {
                    let what = format!("no credentials could be had: {error}");
                    Err(Error::new(ErrorKind::Auth, Certainty::NotSent, what).with_source(error))
                }
            },
        }
    }
}
