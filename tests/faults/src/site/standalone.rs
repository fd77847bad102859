//! One server, or two of which one takes the other's place.

use std::{fs, net::SocketAddr, path::PathBuf, thread, time::Duration};

use redstart_connection::{Config, ConfigError, TlsConfig};
use redstart_testkit::{RedisServer, Setup};

use super::{DURABLE, PASSWORD, PAUSE_BEFORE_KEY_MICROS};
use crate::{Result, fault::Needs};

/// The server that is struck, and the one that replaces it where that is the fault.
pub(crate) struct Standalone {
    pub(crate) server: RedisServer,
    pub(crate) standby: Option<RedisServer>,
    is_demoted: bool,
    /// The authorities that the client trusts, apart from the server's own file.
    trusted: Option<PathBuf>,
}

impl Standalone {
    pub(crate) fn start(needs: Needs) -> Self {
        let mut setup = durable();
        if needs.password {
            setup = setup.password(PASSWORD);
        }
        if needs.tls {
            setup = setup.tls();
        }
        if needs.slow_loading {
            setup = setup.option("key-load-delay", PAUSE_BEFORE_KEY_MICROS);
        }
        let server = setup.start();
        let standby = needs.standby.then(|| {
            let port = server.address().port();
            durable().option("replicaof", &format!("127.0.0.1 {port}")).start()
        });
        let trusted = needs.tls.then(|| server.ca_file().with_file_name("trusted.crt"));
        let standalone = Self { server, standby, is_demoted: false, trusted };
        standalone.trust_present_authority().ok();
        standalone
    }

    pub(crate) fn config(&self, proxy: Option<SocketAddr>) -> std::result::Result<Config, ConfigError> {
        let address = proxy.unwrap_or_else(|| self.server.address());
        let config = Config::from_url(&self.server.url_at(address))?;
        Ok(match &self.trusted {
            Some(file) => config.with_tls(TlsConfig::new().with_ca_file(file)),
            None => config,
        })
    }

    /// Who has the data.
    pub(crate) fn holder(&self) -> &RedisServer {
        self.standby.as_ref().filter(|_| self.is_demoted).unwrap_or(&self.server)
    }

    /// Makes the standby the master and the server its replica, without loss; answers when that is so.
    pub(crate) fn demote(&mut self) -> Result {
        let standby = self.standby.as_ref().ok_or("there is no standby")?;
        // It knows of its link before the server does.
        wait_for(|| has(standby, "master_link_status:up") && info(&self.server).contains("state=online"))?;
        let port = standby.address().port().to_string();
        self.server.raw().command(&["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "5000"]);
        wait_for(|| has(standby, "role:master") && has(&self.server, "role:slave"))?;
        self.is_demoted = true;
        Ok(())
    }

    /// Has the client trust whoever signed the server's certificate.
    pub(crate) fn trust_present_authority(&self) -> Result {
        if let Some(trusted) = &self.trusted {
            fs::copy(self.server.ca_file(), trusted)?;
        }
        Ok(())
    }
}

fn durable() -> Setup {
    DURABLE.into_iter().fold(RedisServer::configure(), |setup, (name, value)| setup.option(name, value))
}

fn has(server: &RedisServer, line: &str) -> bool {
    info(server).lines().any(|own| own.trim_end() == line)
}

fn info(server: &RedisServer) -> String {
    server.raw().command(&["INFO", "replication"]).text()
}

fn wait_for(condition: impl Fn() -> bool) -> Result {
    for _ in 0..5_000 {
        if condition() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Err("the standby does not follow the server".into())
}
