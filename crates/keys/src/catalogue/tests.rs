use super::*;
use crate::{TextId, Ttl};

const USER: Entity<u64> =
    Entity::new(Category::Cache, "user").ttl(Ttl::hours(1)).version(2).describe("Profile of a user.");
const LOGIN: Entity<TextId> = Entity::new(Category::RateLimit, "login")
    .ttl(Ttl::minutes(15))
    .sensitive()
    .describe("Attempts | by e-mail\n address.");
const FEATURE: Entity<TextId> =
    Entity::new(Category::Flag, "feature").persistent().plain().describe("Switch of a feature.");

#[test]
fn catalogue_is_rendered_as_a_table() {
    let table = Catalogue::new().with(&USER).with(&LOGIN).with(&FEATURE).to_markdown();
    assert_eq!(
        table,
        "\
| key | pattern | TTL | class | description |
| --- | --- | --- | --- | --- |
| `cache:user` | `cache:user:v2:{*}` | 1h | evictable, version 2 | Profile of a user. |
| `ratelimit:login` | `ratelimit:login:{*}` | 15min | required, sensitive | Attempts \\| by e-mail address. |
| `flag:feature` | `flag:feature:[^#]*` | none | persistent, plain | Switch of a feature. |
"
    );
}

#[test]
fn rows_tell_what_was_declared() {
    let catalogue = Catalogue::new().with(&LOGIN);
    let [row] = catalogue.rows() else { panic!("one row") };
    assert_eq!((row.category, row.name, row.version), (Category::RateLimit, "login", 1));
    assert_eq!((row.lifetime, row.persistence), (LOGIN.lifetime(), Persistence::Required));
    assert!(row.sensitive && !row.plain);
}

#[test]
fn every_problem_is_reported() {
    const BARE: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5)).describe(" ");
    let problems =
        Catalogue::new().with(&USER).with(&BARE).with(&USER.plain().version(3)).check().unwrap_err();
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["lock:payout has no description", "cache:user is declared twice"]);
    assert_eq!(Catalogue::new().check(), Ok(()));
}
