//! Guessers at the same time.

use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_state::{Codes, Sent, Verdict};
use redstart_testkit::{Reply, shared};
use tokio::task::JoinSet;

use super::process;
use crate::support::config;

const EMAIL: Entity<TextId> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
const SECRET: &[u8] = b"secret of the service";

fn ada() -> TextId {
    TextId::new("ada@example.com").unwrap()
}

/// The verdicts of 1,000 guesses at once, from four processes.
async fn guesses(fleet: &[Codes<TextId>], guess: &str) -> Vec<Verdict> {
    let mut guesses = JoinSet::new();
    for attempt in 0..1_000 {
        let (codes, guess) = (fleet[attempt % fleet.len()].clone(), guess.to_owned());
        guesses.spawn(async move { codes.verify(&ada(), &guess).await.unwrap() });
    }
    guesses.join_all().await
}

async fn fleet() -> (Vec<Codes<TextId>>, String) {
    let config = config();
    let fleet: Vec<_> = (0..4).map(|_| Codes::new(&process(&config), &EMAIL, SECRET)).collect();
    let Sent::Code(code) = fleet[0].issue(&ada()).await.unwrap() else { panic!("the first is issued") };
    let code = code.reveal().to_owned();
    (fleet, code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_wrong_guesses_at_once_use_exactly_the_allowed_attempts() {
    let (fleet, code) = fleet().await;
    let verdicts = guesses(&fleet, "wrong").await;
    let mut left: Vec<u32> = verdicts
        .iter()
        .filter_map(|verdict| if let Verdict::Wrong { left } = verdict { Some(*left) } else { None })
        .collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4]);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Locked).count(), 995);
    assert_eq!(fleet[1].verify(&ada(), &code).await.unwrap(), Verdict::Locked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_right_guesses_at_once_one_is_verified() {
    let (fleet, code) = fleet().await;
    let verdicts = guesses(&fleet, &code).await;
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Verified).count(), 1);
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Expired).count(), 999);
}

#[tokio::test]
async fn server_sees_neither_code_nor_address() {
    let config = config();
    let store = process(&config);
    let codes = Codes::new(&store, &EMAIL, SECRET);
    let Sent::Code(code) = codes.issue(&ada()).await.unwrap() else { panic!("the first is issued") };
    let name = String::from_utf8(store.name_of(&EMAIL.key(&ada()))).unwrap();
    let mut raw = shared().raw();
    let kept: Vec<String> = raw.command(&["HGETALL", &name]).array().into_iter().map(Reply::text).collect();
    let kept = kept.join(" ");
    assert!(kept.contains("left"), "there is something: {kept}");
    assert!(!kept.contains(code.reveal()), "{kept}");
    // Digests have no such letters, while some of a name's they may well have.
    assert!(!name.contains("example") && !kept.contains("example"), "{name} {kept}");
}
