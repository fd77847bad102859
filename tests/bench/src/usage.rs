//! What this process and the server have spent.

use std::{collections::HashMap, fs, time::Duration};

use redstart_testkit::Raw;

/// What was spent up to a moment, or between two.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU of this process; none where `/proc` does not tell.
    pub(crate) client: Duration,
    /// CPU of the server.
    pub(crate) server: Duration,
    /// The part of it inside the commands that were counted.
    pub(crate) in_commands: Duration,
    /// How often the server read from a socket.
    pub(crate) reads: u64,
}

impl Usage {
    /// What was spent so far; of the server's commands `counted` alone.
    pub(crate) fn now(server: Option<&mut Raw>, counted: &[&str]) -> Self {
        let client = client_cpu().unwrap_or_default();
        let Some(raw) = server else { return Self { client, ..Self::default() } };
        let cpu = info(raw, "cpu");
        let seconds = |name: &str| cpu.get(name).and_then(|value| value.parse().ok()).unwrap_or(0.0);
        let server = Duration::from_secs_f64(seconds("used_cpu_sys") + seconds("used_cpu_user"));
        let reads = info(raw, "stats").get("total_reads_processed").and_then(|value| value.parse().ok());
        let commands = info(raw, "commandstats");
        let micros =
            counted.iter().filter_map(|command| micros(commands.get(&format!("cmdstat_{command}"))?));
        let in_commands = Duration::from_micros(micros.sum());
        Self { client, server, in_commands, reads: reads.unwrap_or(0) }
    }

    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            client: self.client.saturating_sub(earlier.client),
            server: self.server.saturating_sub(earlier.server),
            in_commands: self.in_commands.saturating_sub(earlier.in_commands),
            reads: self.reads.saturating_sub(earlier.reads),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self { client, server, in_commands, reads } = other;
        self.client += *client;
        self.server += *server;
        self.in_commands += *in_commands;
        self.reads += reads;
    }
}

/// One section of the server's INFO.
fn info(raw: &mut Raw, section: &str) -> HashMap<String, String> {
    let text = raw.command(&["INFO", section]).text();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The microseconds in `calls=12,usec=34,…`.
fn micros(stats: &str) -> Option<u64> {
    stats.split(',').find_map(|field| field.strip_prefix("usec="))?.parse().ok()
}

/// The CPU time of all threads of this process.
///
/// From `schedstat`, which counts nanoseconds: the ticks of `/proc/self/stat` are a fifteenth of a slice.
fn client_cpu() -> Option<Duration> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        // A thread that ended in between has nothing more to say.
        let Ok(text) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

/// How busy the machine is, as its own words tell.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
