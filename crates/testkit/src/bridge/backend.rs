//! The server behind the bridge.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use crate::{Raw, RedisServer, Reply};

/// One command, name and arguments.
pub(super) type Command = Vec<Vec<u8>>;

/// Connections to the server, as many as were ever needed at once.
#[derive(Debug)]
pub(super) struct Backend {
    address: SocketAddr,
    password: Option<String>,
    resting: Mutex<Vec<Raw>>,
}

impl Backend {
    pub(super) fn new(server: &RedisServer) -> Self {
        let (address, password) = server.way_in();
        Self { address, password, resting: Mutex::default() }
    }

    /// Carries commands out one after the other; blocks the thread.
    pub(super) fn run(&self, commands: &[Command]) -> io::Result<Vec<Reply>> {
        let mut raw = self.take()?;
        let replies = commands.iter().map(|command| raw.try_command(command)).collect::<io::Result<_>>()?;
        self.give_back(raw);
        Ok(replies)
    }

    /// Carries commands out as one step, or none of them; blocks the thread.
    pub(super) fn run_at_once(&self, commands: &[Command]) -> io::Result<Reply> {
        let mut raw = self.take()?;
        raw.try_command(&["MULTI"])?;
        for command in commands {
            // What can't be queued makes EXEC fail.
            raw.try_command(command)?;
        }
        let reply = raw.try_command(&["EXEC"])?;
        self.give_back(raw);
        Ok(reply)
    }

    fn take(&self) -> io::Result<Raw> {
        if let Some(raw) = self.resting().pop() {
            return Ok(raw);
        }
        let mut raw = Raw::connect(self.address)?;
        if let Some(password) = &self.password {
            raw.try_command(&["AUTH", password])?;
        }
        Ok(raw)
    }

    fn give_back(&self, raw: Raw) {
        self.resting().push(raw);
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Raw>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
