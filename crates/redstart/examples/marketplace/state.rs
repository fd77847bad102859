//! What the service keeps for a while: flows, codes, tokens, counts, switches.

use std::sync::Arc;

use redstart::{
    Codes, Counters, Flags, Sessions, Store, TextId, Ttl,
    http::{IdempotencyLayer, MaintenanceLayer, ReplayGuardLayer},
    state::{FlagRule, OnceTokens, ReplayGuard, Visitors},
};

use crate::{app::App, database::RecordId, flows::Flow, keys, routes::LARGEST_BODY, settings::Secret};

/// The switch that closes the site.
pub(crate) const SITE: &str = "site";
/// The features that can be switched.
pub(crate) const FEATURES: [&str; 2] = ["new-checkout", "express-payout"];

/// What the service keeps for a while.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) uploads: Sessions<Flow>,
    pub(crate) onboardings: Sessions<Flow>,
    pub(crate) payments: Sessions<Flow>,
    pub(crate) verifications: Sessions<Flow>,
    pub(crate) email_codes: Codes<TextId>,
    pub(crate) phone_codes: Codes<TextId>,
    pub(crate) resets: OnceTokens<RecordId>,
    pub(crate) views: Counters<RecordId>,
    pub(crate) downloads: Counters<RecordId>,
    pub(crate) calls: Counters<TextId>,
    pub(crate) visitors: Visitors<RecordId>,
    pub(crate) features: Flags,
    pub(crate) maintenance: Flags,
    guard: ReplayGuard,
}

impl State {
    /// All of it in `store`, which evicts nothing.
    pub(crate) fn new(store: &Store, secret: &Secret) -> Self {
        let features = FEATURES
            .into_iter()
            .fold(Flags::new(store, &keys::FEATURE), |flags, name| flags.with(name, FlagRule::OFF));
        Self {
            uploads: Sessions::new(store, &keys::UPLOAD).sliding(),
            onboardings: Sessions::new(store, &keys::ONBOARDING),
            payments: Sessions::new(store, &keys::PAYMENT),
            verifications: Sessions::new(store, &keys::VERIFICATION),
            email_codes: Codes::new(store, &keys::EMAIL_CODE, secret.bytes()),
            phone_codes: Codes::new(store, &keys::PHONE_CODE, secret.bytes()),
            resets: OnceTokens::new(store, &keys::RESET),
            views: Counters::new(store, &keys::VIEWS).with_top(100),
            downloads: Counters::new(store, &keys::DOWNLOADS),
            calls: Counters::new(store, &keys::API_CALLS).with_top(100),
            visitors: Visitors::new(store, &keys::VISITORS),
            features,
            maintenance: Flags::new(store, &keys::MAINTENANCE).with(SITE, FlagRule::OFF),
            guard: ReplayGuard::new(store, &keys::JTI),
        }
    }
}

/// Carries out a payment once, however often its request is sent; each user's requests are apart.
pub(crate) fn once(app: &Arc<App>) -> IdempotencyLayer {
    let of = Arc::clone(app);
    IdempotencyLayer::new(&app.coordination, &keys::IDEMPOTENCY)
        .with_lease(Ttl::seconds(5))
        .reading(LARGEST_BODY)
        .scoped_by(move |parts| {
            of.tokens.user(&parts.headers).map(|user| user.to_string()).unwrap_or_default()
        })
}

/// Takes each token for a download once.
pub(crate) fn one_download(app: &Arc<App>) -> ReplayGuardLayer {
    let of = Arc::clone(app);
    ReplayGuardLayer::new(app.state.guard.clone(), move |parts| of.tokens.once(parts))
}

/// Closes the site while its switch is on, for everybody but administrators.
pub(crate) fn open_hours(app: &Arc<App>) -> MaintenanceLayer {
    MaintenanceLayer::new(app.state.maintenance.clone(), SITE).exempt("/api/admin").exempt("/api/health")
}
