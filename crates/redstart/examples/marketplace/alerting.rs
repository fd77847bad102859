//! What wakes somebody, and whom.

use redstart::{
    Monitor,
    monitor::{Alert, AlertSettings, AlertTable, Alerts, Exposition},
};

use crate::settings::Settings;

/// The toolkit's table, and what the two services promise of their caches.
pub(crate) fn table() -> AlertTable {
    AlertTable::default()
        .with(Alert::cache_hit_rate("postcode", 0.80))
        .with(Alert::cache_hit_rate("product", 0.60))
}

/// Judges from now on, and tells the receivers that the environment names.
pub(crate) fn start(settings: &mut Settings, monitor: &Monitor, exposition: &Exposition) -> Alerts {
    let alerts = AlertSettings::new(monitor).with_table(table()).with_exposition(exposition);
    let alerts = alerts.with_source(&format!("marketplace@{}", settings.address));
    let webhooks = std::mem::take(&mut settings.webhooks);
    webhooks.into_iter().fold(alerts, AlertSettings::with_webhook).start()
}
