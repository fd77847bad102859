//! How the service is set up whose server is broken.

use clap::ValueEnum;
use redstart_ratelimit::OnOutage;

/// How the service under test is set up.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The service under test")]
#[non_exhaustive]
pub struct Service {
    /// How many processes it has.
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub processes: u32,
    /// What its rate limits answer while the server is away.
    #[arg(long, value_enum, value_name = "RULE", default_value_t)]
    pub limiter: OutageRule,
    /// What stands behind its caches.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub cache: Behind,
}

/// What rate limits answer while the server is away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
#[non_exhaustive]
pub enum OutageRule {
    /// Each process counts for itself, with its share of the limit.
    #[default]
    Local,
    /// Everything is allowed.
    Allow,
    /// Everything is refused.
    Deny,
}

/// What stands behind caches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
#[non_exhaustive]
pub enum Behind {
    /// The source of the values: what the cache does not have is loaded.
    #[default]
    Loader,
    /// Nothing: readers take what the cache has, and fail where it can't be asked.
    Alone,
}

impl Service {
    /// The rule of its limits.
    pub(super) fn on_outage(&self) -> OnOutage {
        match self.limiter {
            OutageRule::Local => OnOutage::Local { share: 1.0 / f64::from(self.processes) },
            OutageRule::Allow => OnOutage::Allow,
            OutageRule::Deny => OnOutage::Deny,
        }
    }
}
