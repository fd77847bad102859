use std::{sync::Arc, thread};

use metrics::CounterFn;

use super::*;

#[derive(Default)]
struct Heard(AtomicU64);

impl CounterFn for Heard {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

#[test]
fn striped_tally_loses_nothing_and_tells_the_metric_all() {
    let heard = Arc::new(Heard::default());
    let tally = Arc::new(StripedTally::new(Counter::from_arc(Arc::clone(&heard))));
    let adders: Vec<_> = (0..20)
        .map(|_| {
            let tally = Arc::clone(&tally);
            thread::spawn(move || (0..1_001).for_each(|_| tally.add()))
        })
        .collect();
    adders.into_iter().for_each(|adder| adder.join().unwrap());
    assert_eq!(tally.count(), 20_020);
    // Of each stripe that is used at most the last 63 are not told.
    let before = heard.0.load(Ordering::Relaxed);
    assert!((20_020 - 63 * STRIPES as u64..=20_020).contains(&before), "{before}");
    tally.tell();
    tally.tell();
    assert_eq!(heard.0.load(Ordering::Relaxed), 20_020);
}
