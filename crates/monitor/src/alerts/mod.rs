//! Alerts: what is worth waking somebody, judged in the service itself.

mod board;
mod list;
mod notice;
mod page;
mod rules;
mod state;
mod table;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redstart_connection::names;
use tokio::{sync::broadcast, time::MissedTickBehavior};

#[cfg(feature = "client")]
pub(crate) use self::board::message;
use self::board::{Board, Moment};
#[cfg(feature = "gate")]
pub(crate) use self::rules::seconds;
pub use self::{
    list::{AlertList, AlertPhase, AlertState, SilenceState},
    notice::{Notice, NoticeStatus},
    page::alerts_to_markdown,
    rules::alert_rules,
    table::{Alert, AlertTable, Bound},
};
use crate::{Monitor, scrape::Ledger};

/// How often the alerts are judged.
const EVERY: Duration = Duration::from_secs(10);
/// After which time it is told again that an alert fires.
const REPEAT_EVERY: Duration = Duration::from_secs(4 * 60 * 60);
/// How many notices may wait for somebody to hear them.
const WAITING: usize = 256;

/// The alerts of a service, judged every ten seconds by a task that ends with the store.
///
/// An alert is *pending* while its bound is broken, *fires* when that has lasted for its hold time, and is
/// *over* when the answer has been back behind the clearing bound for a minute.
/// Each is told once when it fires and once when it is over; while it fires it is repeated every four hours.
/// A worse bound of the same alert silences the milder one.
///
/// Each process judges for itself: with many of them, let Prometheus judge by [`alert_rules`] instead, or
/// let one process alone have a webhook.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_monitor::{AlertSettings, Monitor};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let alerts = AlertSettings::new(&Monitor::new(Store::memory())).start();
/// alerts.judge().await;
/// assert!(alerts.list().alerts.is_empty());
/// # }
/// ```
#[derive(Clone)]
pub struct Alerts(Arc<Inner>);

struct Inner {
    monitor: Monitor,
    #[cfg(feature = "prometheus")]
    exposition: Option<crate::Exposition>,
    board: Mutex<Board>,
    /// Held while a page is read and judged, so that pages are judged in their order.
    ledger: tokio::sync::Mutex<Ledger>,
    notices: broadcast::Sender<Notice>,
}

/// What is judged, and who is told.
pub struct AlertSettings {
    monitor: Monitor,
    #[cfg(feature = "prometheus")]
    exposition: Option<crate::Exposition>,
    #[cfg(feature = "webhook")]
    webhooks: Vec<crate::Webhook>,
    table: AlertTable,
    repeat_every: Duration,
    source: String,
}

/// There is no alert of this name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownAlert(String);

impl AlertSettings {
    /// Alerts on what `monitor` sees.
    #[must_use]
    pub fn new(monitor: &Monitor) -> Self {
        Self {
            monitor: monitor.clone(),
            #[cfg(feature = "prometheus")]
            exposition: None,
            #[cfg(feature = "webhook")]
            webhooks: Vec::new(),
            table: AlertTable::default(),
            repeat_every: REPEAT_EVERY,
            source: "redstart".to_owned(),
        }
    }

    /// Alerts on what the process recorded too: latencies, errors, limits, locks.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn with_exposition(mut self, exposition: &crate::Exposition) -> Self {
        self.exposition = Some(exposition.clone());
        self
    }

    /// Tells this receiver too.
    #[cfg(feature = "webhook")]
    #[must_use]
    pub fn with_webhook(mut self, webhook: crate::Webhook) -> Self {
        self.webhooks.push(webhook);
        self
    }

    /// What is judged. Defaults to [`AlertTable::default`].
    #[must_use]
    pub fn with_table(mut self, table: AlertTable) -> Self {
        self.table = table;
        self
    }

    /// After which time it is told again that an alert fires. Defaults to 4 hours.
    #[must_use]
    pub const fn with_repeats_every(mut self, interval: Duration) -> Self {
        self.repeat_every = interval;
        self
    }

    /// Who tells it, in every message: the name of the service, and of the instance. Defaults to `redstart`.
    #[must_use]
    pub fn with_source(mut self, source: &str) -> Self {
        source.clone_into(&mut self.source);
        self
    }

    /// Begins to judge, within a runtime; outside one only [`Alerts::judge`] does.
    #[must_use]
    pub fn start(self) -> Alerts {
        let board = Board::new(&self.table, self.repeat_every, &self.source);
        let alerts = Alerts(Arc::new(Inner {
            monitor: self.monitor,
            #[cfg(feature = "prometheus")]
            exposition: self.exposition,
            board: Mutex::new(board),
            ledger: tokio::sync::Mutex::default(),
            notices: broadcast::Sender::new(WAITING),
        }));
        let tasks = alerts.0.monitor.store().tasks();
        #[cfg(feature = "webhook")]
        for webhook in self.webhooks {
            tasks.spawn("monitor.webhook", webhook.deliver(alerts.subscribe()));
        }
        let judging = alerts.clone();
        tasks.spawn("monitor.alerts", async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                judging.judge().await;
            }
        });
        alerts
    }
}

impl Alerts {
    /// Judges now; otherwise it is done every ten seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropped midway, it judges nothing and tells nobody.
    pub async fn judge(&self) {
        let mut ledger = self.0.ledger.lock().await;
        let page = self.page().await;
        let clock = self.0.monitor.store().clock();
        let now = Moment { instant: clock.instant(), time: clock.now() };
        let mut board = self.board();
        let names = board.names();
        let read = ledger.read(&page, |name| names.iter().any(|wanted| wanted == name));
        let samples = match read {
            Ok(samples) => samples,
            Err(unreadable) => {
                tracing::error!(
                    ?unreadable,
                    "the process's own metrics can't be read, so no alert is judged"
                );
                return;
            }
        };
        let notices = board.judge(&samples, now);
        for (alert, severity, is_firing) in board.firing() {
            let labels = [("alert", alert.to_owned()), ("severity", severity.name().to_owned())];
            metrics::gauge!(names::ALERTS_FIRING, &labels).set(f64::from(u8::from(is_firing)));
        }
        drop(board);
        for notice in notices {
            let Notice { alert, severity, message, status, .. } = &notice;
            match status {
                NoticeStatus::Firing => tracing::warn!(alert, ?severity, message, "an alert fires"),
                NoticeStatus::Resolved => tracing::info!(alert, ?severity, message, "an alert is over"),
            }
            // Nobody listening is no error.
            let _heard = self.0.notices.send(notice);
        }
    }

    /// The alerts as they stood when they were judged last.
    #[must_use]
    pub fn list(&self) -> AlertList {
        self.board().list()
    }

    /// Every notice from now on; a listener that falls 256 behind loses the oldest.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Tells nobody of an alert for this long, in this process; it is judged and listed all the same.
    ///
    /// If it still fires when the silence ends, it is told then.
    ///
    /// # Errors
    ///
    /// Fails when there is no alert of this name.
    pub fn silence(&self, alert: &str, length: Duration, reason: &str) -> Result<(), UnknownAlert> {
        let clock = self.0.monitor.store().clock();
        let now = Moment { instant: clock.instant(), time: clock.now() };
        let is_known = self.board().silence(alert, length.min(LONGEST_SILENCE), reason, now);
        if is_known { Ok(()) } else { Err(UnknownAlert(alert.to_owned())) }
    }

    /// Ends the silence of an alert; answers whether there was one.
    #[must_use]
    pub fn end_silence(&self, alert: &str) -> bool {
        self.board().end_silence(alert)
    }

    async fn page(&self) -> String {
        #[cfg(feature = "prometheus")]
        if let Some(exposition) = &self.0.exposition {
            return exposition.render().await;
        }
        self.0.monitor.sampled_text().await
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A silence without end is an alert left out; that is for the table to say.
const LONGEST_SILENCE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl fmt::Display for UnknownAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no alert {:?}", self.0)
    }
}

impl std::error::Error for UnknownAlert {}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").field("monitor", &self.0.monitor).finish_non_exhaustive()
    }
}

impl fmt::Debug for AlertSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertSettings")
            .field("monitor", &self.monitor)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
