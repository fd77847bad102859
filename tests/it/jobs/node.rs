//! Queues shared with BullMQ on Node.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use redstart_connection::Store;
use redstart_jobs::{Failure, Job, Jobs, NewJob, Queue, Retry};
use redstart_testkit::{RedisServer, shared};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{EMAIL, GUARD, Log, is_deep, store};

/// BullMQ as npm has it; none, and said so, where node or the package can't be had.
struct Node(TempDir);

impl Node {
    fn install() -> Option<Self> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs-exchange");
        let folder = tempfile::tempdir().unwrap();
        for file in ["package.json", "package-lock.json", "exchange.mjs"] {
            std::fs::copy(sources.join(file), folder.path().join(file)).unwrap();
        }
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
        let installed = Self::run("npm", &install, folder.path())
            .and_then(|_| Self::run("node", &["--version"], folder.path()));
        match installed {
            Ok(_) => Some(Self(folder)),
            Err(why) => {
                println!("skipped: BullMQ on Node can't be had here: {why}");
                None
            }
        }
    }

    fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<String, String> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null());
        let output = command.output().map_err(|error| format!("{program}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { Err(format!("{said}{complaint}")) }
    }

    /// Has Node do its part; answers what it says, line by line.
    async fn does(self, role: &str, server: &RedisServer, prefix: &str, count: usize) -> (Vec<Value>, Self) {
        let (address, prefix, role) = (server.address(), prefix.to_owned(), role.to_owned());
        let work = move || {
            let (port, count) = (address.port().to_string(), count.to_string());
            let arguments = ["exchange.mjs", &role, &port, &prefix, "email", &count];
            let said = Self::run("node", &arguments, self.0.path()).unwrap_or_else(|why| panic!("{why}"));
            (said.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), self)
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }
}

async fn queue(store: &Store) -> (Queue<Value>, String) {
    let jobs = Jobs::open(store).await.unwrap();
    (jobs.queue(&EMAIL), jobs.prefix().to_owned())
}

#[tokio::test]
async fn node_carries_out_what_was_added_here() {
    let Some(node) = Node::install() else { return };
    let store = store();
    let (emails, prefix) = queue(&store).await;
    let rests = Retry::growing(3, Duration::from_millis(50));
    let data = json!({ "to": "ada@example.com", "n": 1.5, "text": "ü\u{1f600}" });
    emails.add(NewJob::new("welcome", data.clone()).with_id("first")).await.unwrap();
    emails.add(NewJob::new("late", json!(1)).after(Duration::from_millis(200))).await.unwrap();
    emails.add(NewJob::new("fails-once", json!(2)).with_retry(rests)).await.unwrap();
    emails.add(NewJob::new("fails-always", json!(3)).with_retry(rests)).await.unwrap();

    let (said, _node) = node.does("work", shared(), &prefix, 4).await;

    let first = said.iter().find(|line| line["id"] == "first").unwrap();
    assert_eq!((&first["name"], &first["data"]), (&json!("welcome"), &data));
    let attempts = |name: &str| said.iter().filter(|line| line["name"] == name).count();
    assert_eq!((attempts("late"), attempts("fails-once"), attempts("fails-always")), (1, 2, 3));
    let depth = emails.depth().await.unwrap();
    assert_eq!((depth.completed, depth.dead, depth.waiting, depth.active), (3, 1, 0, 0));
    let dead = emails.dead(0, 1).await.unwrap();
    assert_eq!((dead[0].name(), dead[0].reason(), dead[0].attempts()), ("fails-always", "node says no", 3));
    assert!(emails.revive(dead[0].id()).await.unwrap());
}

#[tokio::test]
async fn what_node_added_is_carried_out_here() {
    let Some(node) = Node::install() else { return };
    let store = store();
    let (emails, prefix) = queue(&store).await;
    let (said, node) = node.does("add", shared(), &prefix, 5).await;
    assert_eq!(said.len(), 5);
    let log = Log::new();
    let noted = log.clone();
    let worker = emails.worker(move |job: Job<Value>| {
        let noted = noted.clone();
        async move {
            noted.push((job.data()["n"].as_u64().unwrap(), job.attempt(), job.is_last_attempt()));
            if job.name() == "fails-always" {
                Err(Failure::new("rust says no"))
            } else {
                Ok(json!({ "by": "rust" }))
            }
        }
    });
    let worker = worker.start();
    is_deep(&emails, |depth| depth.completed == 4 && depth.dead == 1).await;
    let mut tried = log.entries();
    tried.sort_unstable();
    assert_eq!(tried, [(0, 1, true), (1, 1, true), (2, 1, false), (2, 2, true), (3, 1, true), (4, 1, true)]);
    worker.shutdown(GUARD).await;

    let (seen, _node) = node.does("look", shared(), &prefix, 5).await;

    let ended: Vec<&Value> = seen.iter().map(|line| &line["state"]).collect();
    assert_eq!(ended.iter().filter(|state| **state == "completed").count(), 4, "{seen:?}");
    let dead = seen.iter().find(|line| line["state"] == "failed").unwrap();
    assert_eq!(dead["reason"], "rust says no");
    assert!(
        seen.iter().filter(|line| line["state"] == "completed").all(|line| line["answer"]["by"] == "rust")
    );
}
