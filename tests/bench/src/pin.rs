//! Client and server on one core.
//!
//! A lone call is a game of wake-ups: whether the other side sleeps on another core decides more than the code
//! does, and differently from slice to slice. On one core only the work counts.

use std::{
    fs,
    process::{self, Command, Stdio},
};

/// Keeps processes on the first core that this one may use, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pinned {
    pids: Vec<u32>,
    allowed: String,
}

impl Pinned {
    /// Pins this process and another; none where the system can't.
    pub(crate) fn with(other: u32) -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim();
        let first = allowed.split([',', '-']).next()?;
        // Built first: what is pinned by half is set free by its drop.
        let pinned = Self { pids: vec![process::id(), other], allowed: allowed.to_owned() };
        pinned.pids.iter().all(|pid| run_on(first, *pid)).then_some(pinned)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        for pid in &self.pids {
            if !run_on(&self.allowed, *pid) {
                eprintln!("process {pid} stays on one core: taskset failed");
            }
        }
    }
}

/// Lets all threads of a process run on `cores` alone.
fn run_on(cores: &str, pid: u32) -> bool {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", cores, &pid.to_string()]);
    taskset.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
