//! A queue that Node's BullMQ shares: adds jobs, carries them out, shows the dead letters.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run -p redstart --example jobs --features jobs`, with
//! `QUEUE_PREFIX=bull` for queues that exist on Node.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use redstart::{
    Category, Entity, Jobs, NewJob, Store, TextId,
    jobs::{Failure, Job, Retry},
};
use serde::{Deserialize, Serialize};

const EMAIL: Entity<TextId> = Entity::new(Category::Jobs, "email").persistent();

/// A message to send.
#[derive(Debug, Deserialize, Serialize)]
struct Message {
    to: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::from_env()?;
    let mut jobs = Jobs::open(&store).await?;
    if let Ok(prefix) = env::var("QUEUE_PREFIX") {
        jobs = jobs.with_prefix(&prefix)?;
    }
    say(&format!("new Worker('email', async job => …, {{ connection, prefix: '{}' }})", jobs.prefix()));
    let emails = jobs.queue::<Message>(&EMAIL);
    let message = |to: &str| Message { to: to.to_owned() };
    emails.add(NewJob::new("welcome", message("ada@example.com"))).await?;
    emails.add(NewJob::new("reminder", message("eve@example.com")).after(Duration::from_secs(2))).await?;
    let twice = Retry::growing(2, Duration::from_millis(500));
    emails.add(NewJob::new("welcome", message("nobody")).with_retry(twice)).await?;

    let worker = emails.worker(send).with_concurrency(4).start();
    let mut depth = emails.depth().await?;
    while depth.waiting + depth.active + depth.delayed > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        depth = emails.depth().await?;
    }
    worker.shutdown(Duration::from_secs(10)).await;
    for dead in emails.dead(0, 10).await? {
        say(&format!(
            "dead after {} attempts: {} {}: {}",
            dead.attempts(),
            dead.id(),
            dead.data(),
            dead.reason()
        ));
    }
    let end = store.shutdown(Duration::from_secs(10)).await;
    if end.is_clean() { Ok(()) } else { Err("something did not end in time".into()) }
}

async fn send(job: Job<Message>) -> Result<(), Failure> {
    let Message { to } = job.data();
    if !to.contains('@') {
        return Err(Failure::new(format!("{to} is no address")));
    }
    say(&format!("{} to {to}, attempt {}", job.name(), job.attempt()));
    Ok(())
}

fn say(text: &str) {
    // Whoever reads may go away before the end, which is no reason to panic.
    let _written = writeln!(io::stdout(), "{text}");
}
