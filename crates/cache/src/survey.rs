//! What a sweep would remove.

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, ScanCursor, Store, Timestamp};
use redstart_keys::Pattern;

use crate::sweep::PAGE;

/// How many names a survey shows.
const EXAMPLES: usize = 20;

/// What matches a pattern at the moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Survey {
    /// How many keys match; the server may show one twice while it grows or shrinks.
    pub matched: u64,
    /// Some of their names.
    pub examples: Vec<String>,
}

/// Counts what [`sweep`](crate::sweep) would remove, and removes nothing.
///
/// The tickets of loads under way are not counted.
///
/// ```
/// use redstart_cache::{Cache, survey};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::memory();
/// let users = Cache::<u64, String>::new(&store, &USER);
/// users.set(&42, &"Ada".to_owned()).await?;
///
/// let survey = survey(&store, &USER.pattern()).await?;
/// assert_eq!((survey.matched, survey.examples), (1, vec!["cache:user:{42}".to_owned()]));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails when the store does.
pub async fn survey(store: &Store, pattern: &Pattern) -> Result<Survey> {
    let mut survey = Survey::default();
    let mut page = SurveyPage::new(pattern.clone());
    loop {
        let (cursor, names) = store.run(&page).await?;
        survey.matched += u64::try_from(names.len()).unwrap_or(u64::MAX);
        let room = EXAMPLES.saturating_sub(survey.examples.len());
        survey.examples.extend(names.into_iter().take(room));
        match cursor {
            Some(cursor) => page.cursor = cursor,
            None => return Ok(survey),
        }
    }
}

/// One step of a survey.
#[derive(Clone, Debug)]
pub struct SurveyPage {
    pattern: Pattern,
    cursor: ScanCursor,
}

impl SurveyPage {
    /// The first step of a survey of what `pattern` matches.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        Self { pattern, cursor: ScanCursor::default() }
    }
}

impl Operation for SurveyPage {
    /// Where the next step begins, none at the end, and the names that this one saw.
    type Output = (Option<ScanCursor>, Vec<String>);
    const NAME: &'static str = "cache.survey";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "surveyed"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let page = redis.scan(&self.cursor, &self.pattern, PAGE).await?;
        let names = page.names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok((page.next, names))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        Ok((None, memory.scan(&self.pattern, now).iter().map(ToString::to_string).collect()))
    }
}
