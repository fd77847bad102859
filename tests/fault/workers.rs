//! Real processes that do what a test wants to see done, and what befalls them.

use std::{
    env,
    fmt::Display,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    str::FromStr,
    sync::{Arc, Mutex},
    thread,
};

/// Processes of this very program, each of which runs one test with an environment of its own; ended on drop.
pub(crate) struct Workers<R> {
    test: &'static str,
    workers: Vec<Child>,
    jobs: Vec<Job>,
    records: Arc<Mutex<Vec<(u32, R)>>>,
}

/// The variables of one worker.
pub(crate) type Job = Vec<(&'static str, String)>;

impl<R: Copy + FromStr + Send + 'static> Workers<R> {
    /// Starts a worker for each job, all of which run `test`.
    pub(crate) fn start(test: &'static str, jobs: Vec<Job>) -> Self {
        let mut started = Self { test, workers: Vec::new(), jobs: Vec::new(), records: Arc::default() };
        for job in jobs {
            let worker = started.spawn(&job);
            started.workers.push(worker);
            started.jobs.push(job);
        }
        started
    }

    fn spawn(&self, job: &Job) -> Child {
        let mut worker = Command::new(env::current_exe().unwrap())
            .args([self.test, "--exact", "--nocapture"])
            .envs(job.iter().map(|(name, value)| (name, value)))
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
    pub(crate) fn stop(&self, worker: usize) {
        self.signal(worker, "-STOP");
    }

    /// Lets a stopped process go on.
    pub(crate) fn resume(&self, worker: usize) {
        self.signal(worker, "-CONT");
    }

    /// Kills a process and starts another in its place.
    pub(crate) fn replace(&mut self, worker: usize) {
        let successor = self.spawn(&self.jobs[worker]);
        let mut killed = std::mem::replace(&mut self.workers[worker], successor);
        killed.kill().unwrap();
        killed.wait().unwrap();
    }

    /// Whether all have done their work.
    pub(crate) fn have_ended(&mut self) -> bool {
        self.workers.iter_mut().all(|worker| worker.try_wait().unwrap().is_some())
    }

    /// What has been written down so far.
    pub(crate) fn records(&self) -> Vec<R> {
        self.records.lock().unwrap().iter().map(|(_, record)| *record).collect()
    }

    /// The worker that has had something to say last.
    pub(crate) fn last(&self) -> usize {
        let last = self.records.lock().unwrap().last().map(|(pid, _)| *pid);
        self.workers.iter().position(|worker| Some(worker.id()) == last).unwrap_or(0)
    }

    fn signal(&self, worker: usize, signal: &str) {
        let pid = self.workers[worker].id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl<R> Drop for Workers<R> {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // It may have ended by itself.
            let _ended = worker.kill();
            let _ended = worker.wait();
        }
    }
}

/// Writes a record to the standard output, on a line of its own.
pub(crate) fn print(record: impl Display) {
    // Whoever reads may have gone. The name of the test may stand on the line before.
    let _written = write!(io::stdout().lock(), "\n{record}\n");
}
