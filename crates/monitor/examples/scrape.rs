//! What it costs to read `/metrics` with ten thousand series, and to judge the alerts from it.
//!
//! `cargo run --release -p redstart-monitor --features prometheus --example scrape`

use std::{
    error::Error,
    io::{self, Write as _},
    time::Duration,
};

use redstart_connection::{Clock, Store, names};
use redstart_monitor::{AlertSettings, Exposition, Monitor};

/// Each is a histogram with fifteen buckets and three lines more.
const OPERATIONS: usize = 560;
const ROUNDS: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let monitor = Monitor::new(Store::memory());
    let exposition = Exposition::install(&monitor)?;
    let clock = Clock::system();
    let mut output = io::stdout().lock();

    let record = |nth: usize| {
        let labels = [(names::label::OPERATION, format!("made.up-{nth}")), ("outcome", "hit".to_owned())];
        metrics::histogram!(names::OPERATION_SECONDS, &labels).record(Duration::from_micros(400));
    };
    (0..OPERATIONS).for_each(record);
    let started = clock.instant();
    (0..OPERATIONS * 100).for_each(|nth| record(nth % OPERATIONS));
    let each = started.elapsed() / u32::try_from(OPERATIONS * 100)?;
    writeln!(output, "a measurement whose labels are looked up: {each:?}")?;

    let page = exposition.render().await;
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    writeln!(output, "{series} series, {} bytes", page.len())?;
    let mut renders = Vec::new();
    for _ in 0..ROUNDS {
        let started = clock.instant();
        drop(exposition.render().await);
        renders.push(started.elapsed());
    }
    renders.sort();
    writeln!(
        output,
        "a page: median {:?}, slowest {:?} of {ROUNDS}",
        renders[ROUNDS / 2],
        renders[ROUNDS - 1]
    )?;

    let alerts = AlertSettings::new(&monitor).with_exposition(&exposition).start();
    let mut judgements = Vec::new();
    for _ in 0..ROUNDS {
        let started = clock.instant();
        alerts.judge().await;
        judgements.push(started.elapsed());
    }
    judgements.sort();
    let (median, slowest) = (judgements[ROUNDS / 2], judgements[ROUNDS - 1]);
    writeln!(output, "all alerts judged, page included: median {median:?}, slowest {slowest:?}")?;
    Ok(())
}
