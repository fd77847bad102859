//! Writing to a stream. What a reader sees of it is told in `feed.rs`.

use redstart_connection::Append;
use redstart_keys::{Category, Key, Ttl};

use super::World;

#[test]
fn append_answers_alike() {
    let world = World::new();
    let append = Append::new(Key::namespace(Category::Cache, "item", "inv"), Ttl::hours(1)).field("k", "v");
    for _ in 0..3 {
        // The server numbers by a clock that no test moves; that both number is what can be compared.
        world.agree_on(&append, |cursor| cursor > redstart_connection::Cursor::default());
    }
}
