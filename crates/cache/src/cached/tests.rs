use super::*;
use crate::{held::About, tag::Tags};

/// A value of which a minute is fresh and an hour is stale, so many seconds after its load.
fn cached_after(seconds: u64) -> Cached<u8> {
    let created = Timestamp::from_micros(1_700_000_000_000_000);
    let life = Life {
        created,
        fresh_for: Duration::from_secs(60),
        stale_for: Duration::from_secs(3_600),
        load_time: Duration::ZERO,
    };
    let about = About { as_of: 1, life: Some(life), tags: Tags::default(), validator: None };
    let held = Held::new(Some(Arc::new(7)), about);
    let now = created.saturating_add(Duration::from_secs(seconds));
    assert_eq!(held.is_stale(now), 60 <= seconds);
    Cached::from_held(held, Source::L1, now).unwrap()
}

#[test]
fn value_says_whether_it_is_stale_and_for_how_long() {
    let fresh = cached_after(59);
    assert_eq!(
        (fresh.is_stale(), fresh.ttl(), fresh.age()),
        (false, Some(Duration::from_secs(1)), Some(Duration::from_secs(59)))
    );
    let stale = cached_after(100);
    assert_eq!((stale.stale_for(), stale.ttl()), (Some(Duration::from_secs(40)), Some(Duration::ZERO)));
}
