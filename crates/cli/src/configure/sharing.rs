//! Whether a server that is to evict keeps something that must not be thrown out.

use redstart_connection::{Config, Store};
use redstart_keys::Category;
use redstart_monitor::{Census, CensusPlan};

use crate::Failure;

/// What may be loaded again.
const EVICTABLE: [&str; 2] = ["cache", "other"];

/// Refuses to let a server evict that keeps locks, limits or jobs, or would.
///
/// It would where no second server is named: then services keep everything on this one.
pub(super) async fn refuse(config: &Config, store: &Store, is_second: bool) -> Result<(), Failure> {
    let found = Census::take(store, &CensusPlan::new(), |_| {}).await;
    let kept: Vec<String> = match &found {
        Ok(census) => {
            let kept = census.categories.iter().filter(|count| !EVICTABLE.contains(&count.category));
            kept.filter(|count| count.keys > 0)
                .map(|count| format!("{} of {}", count.keys, count.category))
                .collect()
        }
        Err(_) => Vec::new(),
    };
    let what = if !kept.is_empty() {
        format!("it keeps keys that must not be thrown out ({})", kept.join(", "))
    } else if is_second {
        "it is named as the server for locks, limits and state (REDIS_COORDINATION_URL)".to_owned()
    } else if config.coordination().is_none() {
        let kinds = [Category::Lock, Category::RateLimit, Category::Jobs].map(Category::name).join(", ");
        format!("no second server is named (REDIS_COORDINATION_URL), so that services keep {kinds} here too")
    } else {
        return Ok(());
    };
    Err(Failure::found(format!("--for cache: this server would evict, and {what}")).with_remedy(
        "use --for both, which never evicts; or name a second server for them by REDIS_COORDINATION_URL; or say \
         --consent-to-eviction, when nothing but caches is ever kept here",
    ))
}
