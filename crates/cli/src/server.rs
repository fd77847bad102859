//! Which server is meant: the environment and the file of the library, under what the command line says.

use std::{env, path::PathBuf, time::Duration};

use redstart_connection::{Config, ConfigError, Store};

use crate::Failure;

/// How long a call may take where nobody said: an operator waits longer than a service.
const PATIENCE: &str = "2000";

/// What says which server it is; on the command line before the environment, and that before the file.
const WHERE: [&str; 12] = [
    "REDIS_URL",
    "KV_URL",
    "REDIS_HOST",
    "REDIS_PORT",
    "REDIS_NODES",
    "REDIS_MODE",
    "REDIS_SENTINEL_MASTER",
    "REDIS_REST_URL",
    "UPSTASH_REDIS_REST_URL",
    "KV_REST_API_URL",
    "REDIS_DB",
    "REDIS_COORDINATION_URL",
];

/// Who logs in.
const WHO: [&str; 3] = ["REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE"];

/// Which server, and as whom.
///
/// Everything else is read as the library reads it: every variable of docs/reference/environment.md, and the
/// table `[redis]` of a file.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Server")]
#[non_exhaustive]
pub struct ServerOptions {
    /// Address, such as redis://host:6379/0 or rediss://…; instead of the servers that the environment names.
    ///
    /// Leave the password out, where others on this machine could read it: REDIS_PASSWORD fills it in.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Nodes of a cluster, or sentinels with --sentinel: host:port, separated by commas.
    #[arg(long, global = true, value_name = "NODES", conflicts_with = "url")]
    pub nodes: Option<String>,
    /// What the sentinels that --nodes names call the primary.
    #[arg(long, global = true, value_name = "NAME", requires = "nodes")]
    pub sentinel: Option<String>,
    /// File with a table of the name `redis`; instead of REDIS_CONFIG_FILE.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Prefix of all keys; instead of REDIS_KEY_PREFIX.
    #[arg(long, global = true, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// What is tolerated: development, staging or production; instead of ENVIRONMENT.
    #[arg(long, global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// How long a call may take, such as 500ms; instead of REDIS_READ_TIMEOUT, and 2s without either.
    #[arg(long, global = true, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
}

/// The server that is meant.
#[derive(Clone, Debug)]
pub struct Server {
    options: ServerOptions,
}

impl Server {
    /// The server that `options` and the environment describe.
    #[must_use]
    pub const fn new(options: ServerOptions) -> Self {
        Self { options }
    }

    /// How to reach it.
    ///
    /// # Errors
    ///
    /// Lists every problem of the options, the environment and the file at once.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(self.config_over(|name| env::var(name).ok())?)
    }

    /// How to reach it, also where production would refuse that: for those who tell what is wrong with it.
    ///
    /// # Errors
    ///
    /// As [`Server::config`], but for what endangers secrets and data.
    pub fn config_as_it_is(&self) -> Result<Config, Failure> {
        let environment = |name: &str| match name {
            "REDIS_ALLOW_INSECURE" => Some("true".to_owned()),
            _ => env::var(name).ok(),
        };
        Ok(self.config_over(environment)?)
    }

    /// How to reach it, with `environment` instead of that of the process.
    fn config_over(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        Config::from_variables(|name| {
            self.said(name)
                .or_else(|| environment(name).filter(|_| !self.hides(name)))
                .or_else(|| default(name))
        })
    }

    /// A store on it, which connects at the first call.
    ///
    /// # Errors
    ///
    /// As [`Server::config`]; and in production when the way to it is not safe.
    pub fn store(&self) -> Result<Store, Failure> {
        Ok(Store::lazy(&self.config()?)?)
    }

    /// What the command line says of a variable.
    fn said(&self, name: &str) -> Option<String> {
        let ServerOptions { url, nodes, sentinel, config, prefix, environment, timeout } = &self.options;
        match name {
            "REDIS_URL" => url.clone(),
            "REDIS_NODES" => nodes.clone(),
            "REDIS_MODE" if sentinel.is_some() => Some("sentinel".to_owned()),
            "REDIS_MODE" if nodes.is_some() => Some("cluster".to_owned()),
            "REDIS_SENTINEL_MASTER" => sentinel.clone(),
            "REDIS_CONFIG_FILE" => config.as_ref().map(|path| path.display().to_string()),
            "REDIS_KEY_PREFIX" => prefix.clone(),
            "ENVIRONMENT" => environment.clone(),
            "REDIS_READ_TIMEOUT" => timeout.map(|timeout| format!("{}ms", timeout.as_millis())),
            _ => None,
        }
    }

    /// Whether the command line makes what the environment says of a variable meaningless.
    fn hides(&self, name: &str) -> bool {
        let ServerOptions { url, nodes, .. } = &self.options;
        let has_login = url.as_deref().is_some_and(|url| url.contains('@'));
        (url.is_some() || nodes.is_some()) && WHERE.contains(&name) || has_login && WHO.contains(&name)
    }
}

/// What holds where nobody says anything.
fn default(name: &str) -> Option<String> {
    match name {
        "REDIS_CONNECT_TIMEOUT" | "REDIS_READ_TIMEOUT" => Some(PATIENCE.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
