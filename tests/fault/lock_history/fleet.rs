//! Real processes that want the same lock, and what befalls them.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use super::record::Record;

/// Set for a process that is to work instead of testing.
pub(super) const URL: &str = "REDSTART_LOCK_WORKER_URL";
pub(super) const PREFIX: &str = "REDSTART_LOCK_WORKER_PREFIX";

/// Processes of this very program; ended on drop.
pub(super) struct Fleet {
    workers: Vec<Child>,
    url: String,
    prefix: String,
    records: Arc<Mutex<Vec<(u32, Record)>>>,
}

impl Fleet {
    pub(super) fn start(count: usize, url: &str, prefix: &str) -> Self {
        let mut fleet = Self {
            workers: Vec::new(),
            url: url.to_owned(),
            prefix: prefix.to_owned(),
            records: Arc::default(),
        };
        for _ in 0..count {
            let worker = fleet.spawn();
            fleet.workers.push(worker);
        }
        fleet
    }

    fn spawn(&self) -> Child {
        let mut worker = Command::new(env::current_exe().unwrap())
            .args(["lock_history::worker_process", "--exact", "--nocapture"])
            .env(URL, &self.url)
            .env(PREFIX, &self.prefix)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (lines, records) = (BufReader::new(worker.stdout.take().unwrap()), Arc::clone(&self.records));
        let pid = worker.id();
        thread::spawn(move || {
            for record in lines.lines().map_while(Result::ok).filter_map(|line| line.parse().ok()) {
                records.lock().unwrap().push((pid, record));
            }
        });
        worker
    }

    /// Stops a process where it stands.
    pub(super) fn stop(&self, worker: usize) {
        self.signal(worker, "-STOP");
    }

    /// Lets a stopped process go on.
    pub(super) fn resume(&self, worker: usize) {
        self.signal(worker, "-CONT");
    }

    /// Kills a process and starts another in its place.
    pub(super) fn replace(&mut self, worker: usize) {
        let successor = self.spawn();
        let mut killed = std::mem::replace(&mut self.workers[worker], successor);
        killed.kill().unwrap();
        killed.wait().unwrap();
    }

    /// What has been written down so far.
    pub(super) fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().iter().map(|(_, record)| *record).collect()
    }

    /// The worker that has had something to say last: most likely it holds the lock.
    pub(super) fn last(&self) -> usize {
        let last = self.records.lock().unwrap().last().map(|(pid, _)| *pid);
        self.workers.iter().position(|worker| Some(worker.id()) == last).unwrap_or(0)
    }

    fn signal(&self, worker: usize, signal: &str) {
        let pid = self.workers[worker].id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // It may have ended by itself.
            let _ended = worker.kill();
            let _ended = worker.wait();
        }
    }
}
