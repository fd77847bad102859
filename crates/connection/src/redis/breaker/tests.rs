use std::sync::{Arc, Mutex};

use super::*;

const TIMEOUT: Duration = Duration::from_millis(200);

type Turns = Arc<Mutex<Vec<Turn>>>;

fn breaker(config: BreakerConfig) -> (Breaker, Turns) {
    let turns = Turns::default();
    let seen = Arc::clone(&turns);
    (Breaker::new(Some(config), TIMEOUT, move |turn| seen.lock().expect("no panic").push(turn)), turns)
}

fn deadline() -> Instant {
    runtime_now() + TIMEOUT
}

fn succeed(breaker: &Breaker) -> bool {
    breaker.admit(deadline()).and_then(|permit| permit.settle(Ok(()))).is_ok()
}

fn fail(breaker: &Breaker) {
    fail_with(breaker, ErrorKind::Connection);
}

fn fail_with(breaker: &Breaker, kind: ErrorKind) {
    if let Ok(permit) = breaker.admit(deadline()) {
        permit.settle::<()>(Err(Error::new(kind, Certainty::Unknown, "no"))).expect_err("it is passed on");
    }
}

async fn pass(seconds: f64) {
    tokio::time::advance(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn half_of_enough_calls_must_fail() {
    let (breaker, turns) = breaker(BreakerConfig::default());
    (0..10).for_each(|_| assert!(succeed(&breaker)));
    (0..9).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
    let refused = breaker.admit(deadline()).err().expect("it is open");
    assert_eq!((refused.kind(), refused.certainty()), (ErrorKind::Unavailable, Certainty::NotSent));
    assert!(refused.to_string().contains("10 of 20 calls failed"), "{refused}");
    assert_eq!(turns.lock().expect("no panic").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn few_calls_and_old_calls_open_nothing() {
    let (breaker, _) = breaker(BreakerConfig::default());
    (0..19).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    pass(10.5).await;
    (0..19).for_each(|_| fail(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed, "the old failures count no more");
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_it_as_well() {
    let (breaker, _) = breaker(BreakerConfig::default());
    for _ in 0..20 {
        let permit = breaker.admit(deadline()).expect("it is closed");
        pass(0.161).await;
        permit.settle(Ok(())).expect("it is passed on");
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    let refused = breaker.admit(deadline()).err().expect("it is open");
    assert!(refused.to_string().contains("took 160ms or more"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn three_probes_must_all_succeed() {
    let (breaker, turns) = breaker(BreakerConfig::default());
    (0..20).for_each(|_| fail(&breaker));
    pass(1.3).await;
    let probes: Vec<_> = (0..3).map(|_| breaker.admit(deadline()).expect("a probe")).collect();
    assert!(breaker.admit(deadline()).is_err(), "three are enough");
    probes.into_iter().for_each(|probe| probe.settle(Ok(())).expect("it is passed on"));
    assert_eq!(breaker.state(), BreakerState::Closed);
    let turns = turns.lock().expect("no panic");
    assert!(matches!(turns[..], [Turn::Opened(_), Turn::HalfOpened, Turn::Closed]), "{turns:?}");
}

#[tokio::test(start_paused = true)]
async fn failed_probe_opens_it_for_longer() {
    let (breaker, _) = breaker(BreakerConfig::default());
    (0..20).for_each(|_| fail(&breaker));
    let mut pause = Duration::ZERO;
    for opening in 0..8 {
        let until = breaker.detail().until;
        pause = until - runtime_now();
        let nominal = Duration::from_secs(1).saturating_mul(1 << opening).min(Duration::from_secs(30));
        assert!((nominal.mul_f64(0.75)..=nominal.mul_f64(1.25)).contains(&pause), "{pause:?} of {nominal:?}");
        tokio::time::advance(pause).await;
        fail(&breaker);
    }
    assert!(pause >= Duration::from_secs(22));
}

#[tokio::test(start_paused = true)]
async fn probe_that_came_too_early_opens_it_for_no_longer() {
    let (breaker, _) = breaker(BreakerConfig::default());
    (0..20).for_each(|_| fail(&breaker));
    for _ in 0..8 {
        let pause = breaker.detail().until - runtime_now();
        assert!(pause <= Duration::from_millis(1_250), "{pause:?}");
        tokio::time::advance(pause).await;
        fail_with(&breaker, ErrorKind::Loading);
        assert_eq!(breaker.state(), BreakerState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_probe_gives_its_place_back_and_a_late_one_fails() {
    let (breaker, _) = breaker(BreakerConfig::default());
    (0..20).for_each(|_| fail(&breaker));
    pass(1.3).await;
    let probes: Vec<_> = (0..3).map(|_| breaker.admit(deadline()).expect("a probe")).collect();
    drop(probes);
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "they say nothing");
    let late = breaker.admit(deadline()).expect("the places are free again");
    pass(0.2).await;
    drop(late);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn results_from_before_a_change_are_ignored() {
    let (breaker, _) = breaker(BreakerConfig::default());
    (0..20).for_each(|_| fail(&breaker));
    pass(1.3).await;
    let stale = breaker.admit(deadline()).expect("a probe");
    fail(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open);
    stale.settle(Ok(())).expect("it is passed on");
    breaker.probe_now();
    assert!(succeed(&breaker) && succeed(&breaker));
    assert_eq!(breaker.state(), BreakerState::HalfOpen, "the stale one is not the third");
    assert!(succeed(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn answers_of_the_server_are_no_failures() {
    let (breaker, _) = breaker(BreakerConfig::default());
    for kind in [ErrorKind::WrongType, ErrorKind::Permission, ErrorKind::OutOfMemory, ErrorKind::Script] {
        for _ in 0..40 {
            let permit = breaker.admit(deadline()).expect("it is closed");
            permit.settle::<()>(Err(Error::new(kind, Certainty::Failed, "no"))).expect_err("passed on");
        }
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_nothing_is_refused() {
    let breaker = Breaker::new(None, TIMEOUT, |turn| panic!("{turn:?}"));
    breaker.trip("for a test");
    (0..200).for_each(|_| fail(&breaker));
    assert!(succeed(&breaker));
}
