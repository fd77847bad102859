//! Our settings as those of the library below.

use std::time::Duration;

use bullmq::{
    JobOptions, QueueOptions, WorkerOptions,
    options::{RedisConnectionOptions, TlsCerts},
    types::{KeepJobs, RemoveOnFinish},
};
use redstart_connection::Access;

use crate::JobsError;

/// How long, in seconds, and how many: jobs that were carried out, and dead letters.
const KEEP_COMPLETED: (u64, usize) = (3_600, 1_000);
const KEEP_DEAD: (u64, usize) = (14 * 86_400, 10_000);

/// What the library needs to connect.
pub(crate) fn connection(access: &Access) -> Result<RedisConnectionOptions, JobsError> {
    let mut options = RedisConnectionOptions::new();
    options.username = access.username().map(str::to_owned);
    options.password = access.password().map(str::to_owned);
    if let Some(tls) = access.tls() {
        if let Some(name) = tls.server_name() {
            let what = format!(
                "the server's certificate bears the name {name}, which BullMQ can't be told; \
                give it the name of its host"
            );
            return Err(JobsError::refused(what));
        }
        options.tls = true;
        let (client_cert, client_key) = tls.identity().map(|(c, k)| (c.to_vec(), k.to_vec())).unzip();
        let root_cert = tls.authorities().map(<[u8]>::to_vec);
        options.tls_certs = Some(TlsCerts { root_cert, client_cert, client_key });
    }
    if access.is_cluster() {
        let scheme = if access.tls().is_some() { "rediss" } else { "redis" };
        let url = |(host, port): &(String, u16)| format!("{scheme}://{}:{port}", bracketed(host));
        return Ok(options.cluster_nodes(access.servers().iter().map(url)));
    }
    let Some((host, port)) = access.servers().first() else {
        return Err(JobsError::refused("no server is named; name one by REDIS_URL"));
    };
    let db = u8::try_from(access.db())
        .map_err(|_| JobsError::refused(format!("BullMQ has the databases 0 to 255, not {}", access.db())))?;
    Ok(options.host(host).port(*port).db(db))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// How a queue is opened to put jobs into it.
pub(crate) fn queue(access: &Access, prefix: &str) -> Result<QueueOptions, JobsError> {
    let job = JobOptions {
        remove_on_complete: Some(keep(KEEP_COMPLETED)),
        remove_on_fail: Some(keep(KEEP_DEAD)),
        ..JobOptions::default()
    };
    Ok(QueueOptions::new().connection(connection(access)?).prefix(prefix).default_job_options(job))
}

/// How a worker is opened.
pub(crate) fn worker(access: &Access, prefix: &str, bounds: Bounds) -> Result<WorkerOptions, JobsError> {
    let Bounds { concurrency, lease, crashes } = bounds;
    let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut options = WorkerOptions::new().connection(connection(access)?).prefix(prefix);
    options.concurrency = concurrency.max(1);
    options.lock_duration = lease;
    // A third, as our own leases are renewed: one renewal that is lost costs no job.
    options.lock_renew_time = Some((lease / 3).max(1));
    options.stalled_interval = lease;
    options.max_stalled_count = crashes;
    // The wait for a job holds up the end of the worker.
    options.drain_delay = 1;
    options.run_retry_delay = 500;
    // What a job says of this itself goes first; those that Node adds often say nothing.
    options.remove_on_complete = Some(keep(KEEP_COMPLETED));
    options.remove_on_fail = Some(keep(KEEP_DEAD));
    Ok(options)
}

/// What bounds a worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) concurrency: usize,
    pub(crate) lease: Duration,
    pub(crate) crashes: u32,
}

// The scripts count the age in seconds, whatever the library's documentation says.
const fn keep((age, count): (u64, usize)) -> RemoveOnFinish {
    RemoveOnFinish::Options(KeepJobs { age: Some(age), count: Some(count), limit: None })
}
