//! Every key of the service, declared once: what it holds, for how long, and how dear it is.

use redstart::{Category, Entity, TextId, Ttl, keys::Catalogue};

use crate::{database::RecordId, policies};

pub(crate) const USER: Entity<RecordId> = cache("user", Ttl::hours(1), "Profile of a user.");
pub(crate) const CREATOR: Entity<RecordId> = cache("creator", Ttl::hours(1), "Public page of a creator.");
pub(crate) const BRAND: Entity<RecordId> = cache("brand", Ttl::hours(1), "Brand that licenses assets.");
pub(crate) const PROJECT: Entity<RecordId> = cache("project", Ttl::minutes(30), "Project of a user.");
pub(crate) const ASSET: Entity<RecordId> = cache("asset", Ttl::minutes(30), "Asset of a project.");
pub(crate) const LICENSE: Entity<RecordId> = cache("license", Ttl::minutes(15), "Licence of an asset.");
pub(crate) const PRODUCT: Entity<RecordId> =
    cache("product", Ttl::hours(1), "Product without what changes often.");
pub(crate) const PRODUCT_INVENTORY: Entity<RecordId> =
    cache("product-inventory", Ttl::minutes(1), "How many of a product are left.");
pub(crate) const PRODUCT_PRICE: Entity<RecordId> =
    cache("product-price", Ttl::minutes(5), "Price of a product.");
pub(crate) const POSTCODE: Entity<TextId> =
    Entity::new(Category::Cache, "postcode").ttl(Ttl::hours(24)).describe("Place and state of a postcode.");
const ANALYTICS: Entity<TextId> =
    Entity::new(Category::Cache, "analytics").ttl(Ttl::minutes(5)).describe("Report, by its name.");

pub(crate) const UPLOAD: Entity<TextId> = session("upload", Ttl::minutes(15), "Upload under way.");
pub(crate) const PAYMENT: Entity<TextId> = session("payment", Ttl::minutes(15), "Payment under way.");
pub(crate) const ONBOARDING: Entity<TextId> =
    session("onboarding", Ttl::hours(24), "Registration that is not finished.");
pub(crate) const VERIFICATION: Entity<TextId> =
    session("verification", Ttl::minutes(15), "Proof of identity under way.");

const EMAIL_JOBS: Entity<TextId> = jobs("email", "Queue of messages to send.");
const FILE_JOBS: Entity<TextId> = jobs("file-processing", "Queue of files to convert.");
const ROYALTY_JOBS: Entity<TextId> = jobs("royalty-calculation", "Queue of royalties to work out.");
const ANALYTICS_JOBS: Entity<TextId> = jobs("analytics", "Queue of events to count.");
const NOTIFICATION_JOBS: Entity<TextId> = jobs("notifications", "Queue of notifications to deliver.");

pub(crate) const IDEMPOTENCY: Entity<TextId> = Entity::new(Category::Idempotency, "request")
    .ttl(Ttl::hours(24))
    .describe("Answer to a request that may be sent again.");

pub(crate) const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti")
    .ttl(Ttl::hours(1))
    .describe("Use of a token that is good once; it ends a minute after the token.");

/// How long a lock outlives a holder that has crashed.
pub(crate) const LOCK_TTL: Ttl = Ttl::minutes(5);
pub(crate) const ROYALTY_RUN: Entity<RecordId> = lock("royalty-run", "Held while a royalty run pays.");
pub(crate) const PAYOUT: Entity<RecordId> = lock("payout", "Held while a creator is paid out.");
pub(crate) const ASSET_PROCESSING: Entity<RecordId> =
    lock("asset-processing", "Permits to convert assets of a project.");

pub(crate) const DOWNLOADS: Entity<RecordId> = counter("downloads", "Downloads of an asset within a day.");
pub(crate) const VIEWS: Entity<RecordId> = counter("views", "Views of a product within a day.");
pub(crate) const VISITORS: Entity<RecordId> =
    counter("visitors", "Different visitors of a product within a day, about.");
pub(crate) const API_CALLS: Entity<TextId> = counter("api", "Calls of a route within a day.");

pub(crate) const MAINTENANCE: Entity<TextId> = Entity::new(Category::Flag, "maintenance")
    .persistent()
    .describe("Switch that closes a part of the site.");
pub(crate) const FEATURE: Entity<TextId> =
    Entity::new(Category::Flag, "feature").persistent().describe("Switch of a feature.");

pub(crate) const EMAIL_CODE: Entity<TextId> = code("email", "Code that proves an e-mail address.");
pub(crate) const PHONE_CODE: Entity<TextId> = code("phone", "Code that proves a telephone number.");

pub(crate) const RESET: Entity<TextId> = Entity::new(Category::Verification, "password-reset")
    .ttl(Ttl::minutes(30))
    .describe("Link that sets a new password, once.");

/// All of them, in the order of the reference page.
pub(crate) fn catalogue() -> Catalogue {
    let keys = Catalogue::new()
        .with(&USER)
        .with(&CREATOR)
        .with(&BRAND)
        .with(&PROJECT)
        .with(&ASSET)
        .with(&LICENSE)
        .with(&ANALYTICS)
        .with(&POSTCODE)
        .with(&PRODUCT)
        .with(&PRODUCT_INVENTORY)
        .with(&PRODUCT_PRICE)
        .with(&UPLOAD)
        .with(&PAYMENT)
        .with(&ONBOARDING)
        .with(&VERIFICATION)
        .with(&EMAIL_JOBS)
        .with(&FILE_JOBS)
        .with(&ROYALTY_JOBS)
        .with(&ANALYTICS_JOBS)
        .with(&NOTIFICATION_JOBS)
        .with(&IDEMPOTENCY)
        .with(&JTI)
        .with(&ROYALTY_RUN)
        .with(&PAYOUT)
        .with(&ASSET_PROCESSING)
        .with(&DOWNLOADS)
        .with(&VIEWS)
        .with(&VISITORS)
        .with(&API_CALLS)
        .with(&MAINTENANCE)
        .with(&FEATURE)
        .with(&EMAIL_CODE)
        .with(&PHONE_CODE)
        .with(&RESET);
    policies::ALL.iter().fold(keys, |keys, policy| keys.with(policy.entity()))
}

const fn cache(name: &'static str, ttl: Ttl, description: &'static str) -> Entity<RecordId> {
    Entity::new(Category::Cache, name).ttl(ttl).describe(description)
}

const fn session(name: &'static str, ttl: Ttl, description: &'static str) -> Entity<TextId> {
    Entity::new(Category::Session, name).ttl(ttl).describe(description)
}

const fn jobs(name: &'static str, description: &'static str) -> Entity<TextId> {
    Entity::new(Category::Jobs, name).persistent().describe(description)
}

const fn lock(name: &'static str, description: &'static str) -> Entity<RecordId> {
    Entity::new(Category::Lock, name).ttl(LOCK_TTL).describe(description)
}

const fn counter<I>(name: &'static str, description: &'static str) -> Entity<I> {
    Entity::new(Category::Counter, name).ttl(Ttl::hours(24)).describe(description)
}

const fn code(name: &'static str, description: &'static str) -> Entity<TextId> {
    Entity::new(Category::Verification, name).ttl(Ttl::minutes(10)).sensitive().describe(description)
}
