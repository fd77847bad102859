//! The machine's clock, carried on for a moment by the processor's counter.
//!
//! To ask the operating system for the time takes as long as a fifth of a step on the embedded store. So each
//! thread asks it at most every [`SPAN`], and counts on from there. That bounds whatever may be wrong with the
//! counter: at another rate than it had, it leads astray by a part of [`SPAN`]; and where it stood
//! still while the machine was suspended, or the clock has been set, that is seen [`SPAN`] later.

use std::{cell::Cell, sync::OnceLock, thread, time::Duration};

use quanta::Clock;

use super::{machine_instant, system_nanos};

/// For how long a thread counts on by itself.
const SPAN: Duration = Duration::from_micros(100);
/// To ask the clock and the counter at the same moment takes less than this, unless the thread was interrupted.
const MOMENT: Duration = Duration::from_micros(2);
/// The counter is calibrated for a thread that has asked for the time so often; most processes never do.
const OFTEN: u32 = 10_000;

/// The processor's counter; none where there is none, or it is no quicker than the clock.
static COUNTER: OnceLock<Option<Counter>> = OnceLock::new();

thread_local! {
    static LAST: Cell<Anchor> = const { Cell::new(Anchor::Asked(0)) };
}

/// The counter, and how it relates to time.
#[derive(Debug)]
struct Counter {
    clock: Clock,
    /// [`SPAN`] and [`MOMENT`] in ticks.
    span: u64,
    moment: u64,
}

/// What a thread knows of the time.
#[derive(Clone, Copy)]
enum Anchor {
    /// How often it has asked for it without a counter.
    Asked(u32),
    /// What the clock said in nanoseconds when the counter stood at `ticks`, and what was told last.
    At { ticks: u64, nanos: u64, told: u64 },
}

/// Nanoseconds since the Unix epoch.
///
/// On one thread it never goes back by less than [`SPAN`]; by more, when the machine's clock is set back.
#[inline]
pub(super) fn nanos() -> u64 {
    LAST.with(|last| match COUNTER.get() {
        Some(Some(counter)) => counter.carry_on(last),
        _ => asked(last),
    })
}

/// Asks the clock; has the counter calibrated when that has happened often.
#[cold]
fn asked(last: &Cell<Anchor>) -> u64 {
    if let Anchor::Asked(times) = last.get() {
        last.set(Anchor::Asked(times.saturating_add(1)));
        if times == OFTEN && COUNTER.get().is_none() {
            calibrate();
        }
    }
    system_nanos()
}

/// Calibrates the counter, which keeps a processor busy for some 10 and at most 200 milliseconds, once in the
/// life of a process.
///
/// Not one of the store's tasks: it belongs to no store, and needs no end.
fn calibrate() {
    let calibrating = || COUNTER.get_or_init(Counter::calibrated);
    // Without another thread the clock is asked as before.
    let begun = thread::Builder::new().name("redstart-clock".to_owned()).spawn(move || {
        calibrating();
    });
    if let Err(error) = begun {
        tracing::debug!(%error, "the processor's counter is not calibrated");
    }
}

impl Counter {
    fn calibrated() -> Option<Self> {
        const ROUNDS: u32 = 1_000;
        let clock = Clock::new();
        let timed = |read: &dyn Fn() -> u64| {
            let started = machine_instant();
            for _ in 0..ROUNDS {
                std::hint::black_box(read());
            }
            started.elapsed()
        };
        let (by_clock, by_counter) = (timed(&system_nanos), timed(&|| clock.raw()));
        let nanos_of_many_ticks = clock.delta_as_nanos(0, 1 << 32);
        let ticks = |time: Duration| {
            let ticks = (time.as_nanos() << 32) / u128::from(nanos_of_many_ticks.max(1));
            u64::try_from(ticks).unwrap_or(0)
        };
        let is_quicker = 2 * by_counter < by_clock;
        is_quicker.then(|| Self { span: ticks(SPAN), moment: ticks(MOMENT), clock })
    }

    #[inline]
    fn nanos(&self, ticks: u64) -> u64 {
        self.clock.delta_as_nanos(0, ticks)
    }

    #[inline]
    fn carry_on(&self, last: &Cell<Anchor>) -> u64 {
        if let Anchor::At { ticks, nanos, told } = last.get() {
            // One that has gone back has passed by nearly all there is.
            let passed = self.clock.raw().wrapping_sub(ticks);
            if passed < self.span {
                let now = nanos.saturating_add(self.nanos(passed)).max(told);
                last.set(Anchor::At { ticks, nanos, told: now });
                return now;
            }
        }
        self.ask(last)
    }

    /// Asks the clock, and the counter before and after it.
    fn ask(&self, last: &Cell<Anchor>) -> u64 {
        let ticks = self.clock.raw();
        let nanos = system_nanos();
        let took = self.clock.raw().wrapping_sub(ticks);
        let now = match last.get() {
            // A little ahead of the clock, since the counter is not quite as exact.
            Anchor::At { told, .. } if nanos < told && told - nanos < self.nanos(self.span) => told,
            _ => nanos,
        };
        // Where the thread was interrupted in between, nobody knows when the clock was asked.
        if took < self.moment {
            last.set(Anchor::At { ticks, nanos, told: now });
        }
        now
    }
}

#[cfg(test)]
mod tests;
