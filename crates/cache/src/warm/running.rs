//! A warming in the background.

use tokio::sync::watch;

use super::{
    Warmer,
    report::{WarmProgress, WarmReport},
    run::run,
};

/// A warming that runs in the background; dropping this does not end it.
#[derive(Clone, Debug)]
pub struct WarmRun(watch::Receiver<State>);

#[derive(Clone, Debug, Default)]
struct State {
    progress: WarmProgress,
    report: Option<WarmReport>,
}

impl WarmRun {
    pub(super) fn start(warmer: &Warmer) -> Self {
        let (teller, state) = watch::channel(State::default());
        let work = warmer.clone();
        warmer.store.tasks().spawn("cache warming", async move {
            let told = |progress: &WarmProgress| teller.send_modify(|state| state.progress = *progress);
            let report = run(&work, told).await;
            teller.send_modify(|state| state.report = Some(report));
        });
        Self(state)
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> WarmProgress {
        self.0.borrow().progress
    }

    /// Waits for progress that was not shown yet; none when it has ended and all was shown.
    ///
    /// Of several steps in a row only the last may be shown.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this is dropped midway.
    pub async fn changed(&mut self) -> Option<WarmProgress> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().progress)
    }

    /// Waits for the end; none when the shutdown of the store came before.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if this is dropped midway, and the warming goes on.
    pub async fn report(&self) -> Option<WarmReport> {
        let mut state = self.0.clone();
        let ended = state.wait_for(|state| state.report.is_some()).await;
        ended.ok()?.report.clone()
    }
}
