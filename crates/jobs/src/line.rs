//! The connection over which jobs are added and looked at.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::{Jobs, JobsError, library};

/// How long to wait before a failed call is made again.
const REST: Duration = Duration::from_millis(50);

/// One queue, connected when it is first used and anew after a failure.
pub(crate) struct Line {
    jobs: Jobs,
    name: &'static str,
    open: Mutex<Option<Arc<bullmq::Queue>>>,
}

impl Line {
    pub(crate) fn new(jobs: Jobs, name: &'static str) -> Self {
        Self { jobs, name, open: Mutex::new(None) }
    }

    pub(crate) const fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Does `work`, again where the way to the server failed, until the deadline.
    ///
    /// So `work` must bear being done twice.
    pub(crate) async fn ask<R, F>(
        &self,
        work: impl Fn(Arc<bullmq::Queue>) -> F + Send + Sync,
    ) -> Result<R, JobsError>
    where
        F: Future<Output = Result<R, bullmq::Error>> + Send,
        R: Send,
    {
        let within = self.jobs.deadline();
        let mut last = None;
        let tries = async {
            loop {
                match self.attempt(&work).await {
                    Err(error) if error.is_transient() => last = Some(error),
                    outcome => return outcome,
                }
                sleep(REST.mul_f64(fastrand::f64() + 0.5)).await;
            }
        };
        let outcome = timeout(within, tries).await;
        outcome.unwrap_or_else(|_| Err(last.unwrap_or(JobsError::TimedOut { queue: self.name, within })))
    }

    async fn attempt<R, F>(
        &self,
        work: &(impl Fn(Arc<bullmq::Queue>) -> F + Send + Sync),
    ) -> Result<R, JobsError>
    where
        F: Future<Output = Result<R, bullmq::Error>> + Send,
        R: Send,
    {
        let queue = self.queue().await?;
        let failed = match work(Arc::clone(&queue)).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match failed {
            bullmq::Error::InvalidConfig(what) => Err(JobsError::refused(what)),
            failed => {
                self.forget(&queue).await;
                Err(self.failed(failed))
            }
        }
    }

    /// The open connection, or a new one to where the server is now.
    async fn queue(&self) -> Result<Arc<bullmq::Queue>, JobsError> {
        let mut open = self.open.lock().await;
        if let Some(queue) = &*open {
            return Ok(Arc::clone(queue));
        }
        let access = self.jobs.access().await?;
        let options = library::queue(&access, self.jobs.prefix())?;
        let queue =
            bullmq::Queue::with_options(self.name, options).await.map_err(|error| self.failed(error))?;
        Ok(Arc::clone(open.insert(Arc::new(queue))))
    }

    /// Has the next call connect anew; the failed connection may lead to a server that is not the master any more.
    async fn forget(&self, failed: &Arc<bullmq::Queue>) {
        let mut open = self.open.lock().await;
        open.take_if(|queue| Arc::ptr_eq(queue, failed));
    }

    fn failed(&self, error: bullmq::Error) -> JobsError {
        JobsError::Failed { queue: self.name, source: Box::new(error) }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("jobs", &self.jobs).field("name", &self.name).finish_non_exhaustive()
    }
}
