use super::*;

/// None on a machine without a counter that is quicker than its clock.
fn counter() -> Option<Counter> {
    Counter::calibrated()
}

fn span() -> u64 {
    u64::try_from(SPAN.as_nanos()).unwrap()
}

#[test]
fn what_is_told_lies_near_the_clock() {
    let Some(counter) = counter() else { return };
    let last = Cell::new(Anchor::Asked(0));
    for _ in 0..200_000 {
        let before = system_nanos();
        let told = counter.carry_on(&last);
        let after = system_nanos();
        assert!(before.saturating_sub(span()) <= told && told <= after + span(), "{before} {told} {after}");
    }
}

#[test]
fn a_thread_never_sees_it_go_back() {
    let Some(counter) = counter() else { return };
    let last = Cell::new(Anchor::Asked(0));
    let mut told = 0;
    for _ in 0..1_000_000 {
        let now = counter.carry_on(&last);
        assert!(told <= now, "{told} before {now}");
        told = now;
    }
}

#[test]
fn the_clock_is_asked_again_after_a_span() {
    let Some(counter) = counter() else { return };
    // What the clock is believed to have said, an age ago.
    let believed = |ticks: u64| Cell::new(Anchor::At { ticks, nanos: 1_000, told: 1_000 });
    // Unless the thread is interrupted, which it is not each time.
    let mut nearby = (0..1_000).map(|_| counter.carry_on(&believed(counter.clock.raw())));
    assert!(nearby.any(|told| told < 1_000 + span()));
    let now = counter.clock.raw();
    for elsewhere in [now - counter.span, now - 1_000 * counter.span, now + 1_000 * counter.span, u64::MAX] {
        let last = believed(elsewhere);
        let before = system_nanos();
        assert!(before <= counter.carry_on(&last));
        assert!(before <= counter.carry_on(&last), "the new anchor holds");
    }
}

#[test]
fn clock_that_is_set_back_is_followed_and_a_slip_is_not() {
    let Some(counter) = counter() else { return };
    let stale = counter.clock.raw() - counter.span;
    let ahead = |by: u64| {
        let told = system_nanos() + by;
        let last = Cell::new(Anchor::At { ticks: stale, nanos: told, told });
        (told, counter.carry_on(&last))
    };
    let (told, now) = ahead(1_000_000_000_000);
    assert!(now < told);
    // It may be over before it is looked at, but it never goes back.
    let (told, now) = ahead(span() / 2);
    assert!(told <= now);
}

#[test]
fn threads_that_seldom_ask_are_told_what_the_clock_says() {
    let last = Cell::new(Anchor::Asked(0));
    for _ in 0..100 {
        let before = system_nanos();
        let told = asked(&last);
        assert!(before <= told && told <= system_nanos());
    }
    assert!(matches!(last.get(), Anchor::Asked(100)));
}
