//! Forgetting what is cached: by pattern, by tag, by id.

use std::{hash::Hash, str::FromStr};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use http::StatusCode;
use redstart_cache::{Applied, Cache, Survey, Swept, Tag};
use redstart_connection::{BoxFuture, Result};
use redstart_keys::{Category, Id, Pattern};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{OpsState, admin::parse, json as answer};
use crate::ApiError;

/// A cache of which single entries and tags can be forgotten.
pub(super) trait Forget: Send + Sync {
    fn name(&self) -> &'static str;

    /// Forgets one entry; none when the text is no id.
    fn forget_id<'a>(&'a self, id: &str) -> Option<BoxFuture<'a, Result<Applied>>>;

    fn forget_tag(&self, tag: Tag) -> BoxFuture<'_, Result<Applied>>;
}

impl<K, V> Forget for Cache<K, V>
where
    K: Id + Clone + Eq + FromStr + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn forget_id<'a>(&'a self, id: &str) -> Option<BoxFuture<'a, Result<Applied>>> {
        let id = id.parse::<K>().ok()?;
        Some(Box::pin(async move { self.invalidate(&id).await }))
    }

    fn forget_tag(&self, tag: Tag) -> BoxFuture<'_, Result<Applied>> {
        Box::pin(async move { self.invalidate_tag(&tag).await })
    }
}

/// What is to be forgotten.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    pattern: Option<String>,
    cache: Option<String>,
    id: Option<String>,
    tag: Option<String>,
    #[serde(default)]
    dry_run: bool,
    confirm: Option<String>,
}

/// What was forgotten, or would be.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forgotten {
    /// The pattern as it was understood: within the caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// The cache whose entry or tag it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
    /// Whether nothing was removed.
    dry_run: bool,
    /// How many keys match; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<u64>,
    /// Some of their names; only of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<String>,
    /// How many keys were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    scanned: Option<u64>,
    /// How many entries were removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    /// Whether the other processes have been told; the embedded store has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<bool>,
    /// How long it took.
    duration_ms: u64,
}

/// Removes cached entries: by pattern, by tag, or one by its id.
#[utoipa::path(
    delete,
    path = "/api/admin/redis/cache",
    tag = "admin",
    params(
        ("pattern" = Option<String>, Query, description = "Keys within `cache:`, such as `user:*`"),
        ("cache" = Option<String>, Query, description = "The cache of the id or tag"),
        ("id" = Option<String>, Query, description = "The entry to forget"),
        ("tag" = Option<String>, Query, description = "The tag to forget"),
        ("dryRun" = Option<bool>, Query, description = "Counts what matches and removes nothing"),
        ("confirm" = Option<String>, Query, description = "The prefix of the store, or `cache` without one; needed to remove everything"),
    ),
    responses(
        (status = 200, description = "What was removed, or would be", body = Forgotten),
        (status = 400, description = "The query makes no sense, or everything is meant and not confirmed"),
        (status = 401, description = "No token"),
        (status = 403, description = "Asked by a page of another origin, or under an unknown host name"),
        (status = 409, description = "Another sweep is running"),
    ),
    security(("token" = []))
)]
pub(super) async fn forget(
    State(state): State<OpsState>,
    query: Result<Query<Which>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(which) = query.map_err(|_| unclear())?;
    let clock = state.store().clock();
    let started = clock.instant();
    let Which { pattern, cache, id, tag, dry_run, confirm } = which;
    let done = match (pattern, cache, id, tag) {
        (Some(pattern), None, None, None) => {
            let pattern = within_cache(&pattern)?;
            if dry_run {
                preview(&state, &pattern).await?
            } else {
                confirmed(&state, &pattern, confirm.as_deref())?;
                sweep(&state, &pattern).await?
            }
        }
        (None, Some(cache), Some(id), None) => {
            let cache = known(&state, &cache)?;
            let forgetting = cache.forget_id(&id);
            let forgetting = forgetting.ok_or_else(|| {
                ApiError::bad_request(format!("This is no id of the cache '{}'.", cache.name()))
            })?;
            applied(cache.name(), dry_run, forgetting).await?
        }
        (None, Some(cache), None, Some(tag)) => {
            let cache = known(&state, &cache)?;
            let tag = Tag::new(tag)
                .map_err(|problem| ApiError::bad_request(format!("The tag is not right: {problem}.")))?;
            applied(cache.name(), dry_run, cache.forget_tag(tag)).await?
        }
        _ => return Err(unclear()),
    };
    let took = clock.instant().saturating_duration_since(started).as_millis();
    let done = Forgotten { duration_ms: u64::try_from(took).unwrap_or(u64::MAX), ..done };
    tracing::info!(?done, "an administrator asked to forget cached entries");
    Ok(answer(StatusCode::OK, &done))
}

async fn preview(state: &OpsState, pattern: &Pattern) -> Result<Forgotten, ApiError> {
    let Survey { matched, examples, .. } = redstart_cache::survey(state.store(), pattern).await?;
    let pattern = Some(pattern.to_string());
    Ok(Forgotten { pattern, dry_run: true, matched: Some(matched), examples, ..Forgotten::default() })
}

async fn sweep(state: &OpsState, pattern: &Pattern) -> Result<Forgotten, ApiError> {
    let Some(_sweeping) = state.begin_sweep() else {
        let message = "Another sweep is running. Try again when it is done.";
        return Err(ApiError::new(StatusCode::CONFLICT, "SWEEP_RUNNING", message));
    };
    let Swept { scanned, removed, .. } = redstart_cache::sweep(state.store(), pattern).await?;
    Ok(Forgotten {
        pattern: Some(pattern.to_string()),
        scanned: Some(scanned),
        deleted: Some(removed),
        published: Some(true),
        ..Forgotten::default()
    })
}

/// One entry or one tag; a dry run has nothing to count.
async fn applied(
    cache: &'static str,
    dry_run: bool,
    forgetting: BoxFuture<'_, Result<Applied>>,
) -> Result<Forgotten, ApiError> {
    let published = if dry_run { None } else { Some(forgetting.await?.published) };
    Ok(Forgotten { cache: Some(cache), dry_run, published, ..Forgotten::default() })
}

fn known<'a>(state: &'a OpsState, name: &str) -> Result<&'a dyn Forget, ApiError> {
    let found = state.0.caches.iter().find(|cache| cache.name() == name);
    found.map(|cache| &**cache).ok_or_else(|| {
        let names: Vec<_> = state.0.caches.iter().map(|cache| cache.name()).collect();
        ApiError::bad_request(format!("There is no such cache; there are: {}.", names.join(", ")))
    })
}

/// Everything is removed only by who says whose everything it is.
fn confirmed(state: &OpsState, pattern: &Pattern, confirm: Option<&str>) -> Result<(), ApiError> {
    let text = pattern.to_string();
    let is_everything =
        text.strip_prefix("cache:").is_some_and(|rest| rest.bytes().all(|byte| matches!(byte, b'*' | b':')));
    let prefix = state.store().prefix().as_str();
    let word = if prefix.is_empty() { Category::Cache.name() } else { prefix };
    if !is_everything || confirm == Some(word) {
        return Ok(());
    }
    let message = format!("This removes every cached entry. Add confirm={word} to say that this is meant.");
    Err(ApiError::new(StatusCode::BAD_REQUEST, "CONFIRMATION_REQUIRED", message))
}

/// The pattern within the category of caches, to which it is confined whatever it says.
fn within_cache(text: &str) -> Result<Pattern, ApiError> {
    if text.is_empty() {
        return parse(text);
    }
    let category = text.split_once(':').and_then(|(first, _)| Category::from_name(first));
    match category {
        Some(Category::Cache) => parse(text),
        Some(other) => Err(ApiError::bad_request(format!(
            "Only cached entries can be removed here, not those of '{other}'."
        ))),
        None => parse(&format!("{}:{text}", Category::Cache)),
    }
}

fn unclear() -> ApiError {
    ApiError::bad_request("Say what to remove: ?pattern=user:*, ?cache=user&id=42, or ?cache=user&tag=trial.")
}

#[cfg(test)]
mod tests;
