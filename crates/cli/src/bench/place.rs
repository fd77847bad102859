//! What is measured: the configured server, or a disposable one.

use std::path::Path;

use redstart_connection::{Config, Store};
use redstart_testkit::{RedisServer, locate};

use super::Args;
use crate::{Console, Failure, Server};

/// Where it is measured.
#[derive(Debug)]
pub(super) struct Place {
    config: Config,
    shown: String,
    /// Ended when it is dropped.
    _disposable: Option<RedisServer>,
}

/// The memory of a disposable server that is there to be filled.
const SMALL: &str = "32mb";

impl Place {
    pub(super) fn find(args: &Args, server: &Server, console: &Console) -> Result<Self, Failure> {
        let config = server.config()?;
        if args.disposable {
            return Self::disposable(&[]);
        }
        if config.is_memory() {
            console.note("no server is configured: a disposable one of this machine is measured");
            return Self::disposable(&[]);
        }
        Self::configured(config)
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The server whose memory is filled: a small one of its own, or the configured one where the operator
    /// consents.
    pub(super) fn to_fill(&self, args: &Args, console: &Console) -> Result<Self, Failure> {
        if !args.fill {
            return Self::disposable(&[("maxmemory", SMALL), ("maxmemory-policy", "allkeys-lru")]);
        }
        let question =
            format!("{} is filled to its bound, and what others store there may be evicted.", self.shown);
        if !console.confirm(&question)? {
            return Err(Failure::usage("the memory was not filled, since nobody consented"));
        }
        Self::configured(self.config.clone())
    }

    fn configured(config: Config) -> Result<Self, Failure> {
        let shown = Store::lazy(&config)?.describe().to_owned();
        Ok(Self { config, shown, _disposable: None })
    }

    fn disposable(options: &[(&str, &str)]) -> Result<Self, Failure> {
        // Where an operator is, there are no tools of a workspace.
        let found = locate::servers(&locate::tools(Path::new(".")))?.into_iter().next().ok_or_else(|| {
            Failure::usage("no redis-server and no valkey-server is on this machine to be started")
                .with_remedy("install one (apt install redis-server), or name a server with --url")
        })?;
        let setup =
            options.iter().fold(RedisServer::configure(), |setup, (name, value)| setup.option(name, value));
        let server = setup.start();
        let url = server.url();
        let patient = |name: &str| match name {
            "REDIS_URL" => Some(url.clone()),
            "REDIS_READ_TIMEOUT" | "REDIS_CONNECT_TIMEOUT" => Some("2000".to_owned()),
            _ => None,
        };
        let config = Config::from_variables(patient)?;
        let shown = format!("a disposable {} on this machine", found.version);
        Ok(Self { config, shown, _disposable: Some(server) })
    }
}
