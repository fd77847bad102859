use redstart_connection::{Clock, Timestamp};
use redstart_keys::{Category, TextId};

use super::*;

const EMAIL: Entity<TextId> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();

fn codes() -> (Codes<TextId>, Clock) {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    (Codes::new(&Store::memory_with(clock.clone()), &EMAIL, b"secret of the service"), clock)
}

fn ada() -> TextId {
    TextId::new("ada@example.com").unwrap()
}

async fn sent(codes: &Codes<TextId>) -> Code {
    match codes.issue(&ada()).await.unwrap() {
        Sent::Code(code) => code,
        Sent::Wait { retry_after } => panic!("wait {retry_after:?}"),
    }
}

async fn wait(codes: &Codes<TextId>) -> u64 {
    match codes.issue(&ada()).await.unwrap() {
        Sent::Code(_) => 0,
        Sent::Wait { retry_after } => retry_after.as_secs(),
    }
}

#[tokio::test]
async fn attempts_are_used_up_and_lock_even_the_right_code() {
    let (codes, _) = codes();
    let code = sent(&codes).await;
    for left in (0..5).rev() {
        assert_eq!(codes.verify(&ada(), "wrong").await.unwrap(), Verdict::Wrong { left });
    }
    for guess in ["wrong", code.reveal()] {
        assert_eq!(codes.verify(&ada(), guess).await.unwrap(), Verdict::Locked);
    }
}

#[tokio::test]
async fn code_is_good_once_for_one_subject_within_its_time() {
    let (codes, clock) = codes();
    let code = sent(&codes).await;
    let other = TextId::new("eve@example.com").unwrap();
    assert_eq!(codes.verify(&other, code.reveal()).await.unwrap(), Verdict::Expired);
    let spaced = format!(" {} {}-", &code.reveal()[..3], &code.reveal()[3..]);
    assert_eq!(codes.verify(&ada(), &spaced).await.unwrap(), Verdict::Verified);
    assert_eq!(codes.verify(&ada(), code.reveal()).await.unwrap(), Verdict::Expired);
    clock.advance(Duration::from_secs(30));
    let code = sent(&codes).await;
    clock.advance(Duration::from_secs(600));
    assert_eq!(codes.verify(&ada(), code.reveal()).await.unwrap(), Verdict::Expired);
}

#[tokio::test]
async fn digest_of_one_subject_is_worth_nothing_for_another() {
    let (codes, _) = codes();
    let digest = |subject: &str| {
        let subject = TextId::new(subject).unwrap();
        codes.digest(&EMAIL.key(&subject), &subject, "123456")
    };
    assert_ne!(digest("ada@example.com"), digest("eve@example.com"));
    assert_eq!(digest("ada@example.com"), digest("ada@example.com"));
    let other = Codes::new(&Store::memory(), &EMAIL, b"another secret");
    assert_ne!(other.digest(&EMAIL.key(&ada()), &ada(), "123456"), digest("ada@example.com"));
}

#[tokio::test]
async fn later_code_voids_the_earlier_one() {
    let (codes, clock) = codes();
    let first = sent(&codes).await;
    clock.advance(Duration::from_secs(30));
    let second = sent(&codes).await;
    if first != second {
        assert_eq!(codes.verify(&ada(), first.reveal()).await.unwrap(), Verdict::Wrong { left: 4 });
    }
    assert_eq!(codes.verify(&ada(), second.reveal()).await.unwrap(), Verdict::Verified);
}

#[tokio::test]
async fn codes_are_sent_apart_and_not_too_many() {
    let (codes, clock) = codes();
    for _ in 0..5 {
        sent(&codes).await;
        assert_eq!(wait(&codes).await, 30);
        clock.advance(Duration::from_secs(30));
    }
    assert_eq!(wait(&codes).await, 3600 - 150);
    clock.advance(Duration::from_secs(3600 - 150));
    sent(&codes).await;
}

#[test]
fn code_has_its_digits_and_is_not_shown() {
    for count in [4, 6, 12] {
        let code = digits(count);
        assert!(code.len() == count as usize && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    }
    let many: String = (0..200).map(|_| digits(6)).collect();
    assert!(('0'..='9').all(|digit| many.contains(digit)));
    assert_eq!(format!("{:?}", Code(digits(6))), "Code(***)");
}
