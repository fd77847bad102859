use super::*;

fn page(keys: Vec<CountedKey>, told: Told<()>) -> CensusPage {
    CensusPage { keys, sizes: told, uses: told, servers: 1, next: None }
}

fn key(name: &str, ends: bool, bytes: u64) -> CountedKey {
    CountedKey {
        name: name.to_owned(),
        ends,
        bytes: Some(bytes),
        frequency: Some(u8::try_from(bytes % 256).unwrap()),
    }
}

#[test]
fn keys_are_counted_by_category() {
    let mut tally = Tally::default();
    tally.add(page(vec![key("cache:user:{1}", true, 100), key("jobs:mail:{1}", false, 5)], Told::Known(())));
    tally.add(page(vec![key("cache:user:{2}", false, 300), key("bull:mail:7", false, 1)], Told::Known(())));
    let census = tally.finish();
    let counts: Vec<_> = census
        .categories
        .iter()
        .map(|count| (count.category, count.keys, count.without_ttl, count.bytes))
        .collect();
    assert_eq!(counts, [("cache", 2, 1, 400), ("jobs", 1, 1, 5), ("other", 1, 1, 1)]);
    // Queues may stay, and what belongs to others is their own affair.
    assert_eq!((census.endless, census.endless_keys.as_slice()), (1, &["cache:user:{2}".to_owned()][..]));
    assert_eq!((census.biggest_bytes(), census.hottest_frequency()), (Some(300), Some(100)));
}

#[test]
fn twenty_keys_are_named() {
    let mut tally = Tally::default();
    for nth in 0..1_000 {
        tally.add(page(vec![key(&format!("cache:user:{{{nth}}}"), false, nth)], Told::Known(())));
    }
    let census = tally.finish();
    assert_eq!((census.endless, census.endless_keys.len()), (1_000, 20));
    let sizes: Vec<_> = census.biggest.known().unwrap().iter().map(|key| key.bytes).collect();
    assert_eq!((sizes.len(), sizes[0], sizes[19]), (20, 999, 980));
}

#[test]
fn what_is_not_told_is_no_size() {
    let mut tally = Tally::default();
    let unknown = CountedKey { name: "cache:user:{1}".to_owned(), ends: true, ..CountedKey::default() };
    tally.add(page(vec![unknown], Told::NotAllowed));
    let census = tally.finish();
    assert_eq!((&census.biggest, census.biggest_bytes()), (&Told::NotAllowed, None));
}

#[tokio::test]
async fn the_embedded_store_is_counted_too() {
    let census = Census::take(&Store::memory(), &CensusPlan::new(), |_| {}).await.unwrap();
    assert_eq!((census.complete, census.counted, census.servers), (true, 0, 1));
    assert_eq!(census.biggest, Told::NotOffered);
}
