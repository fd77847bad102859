//! Warming: what will be asked for is loaded at the start, and before each hour.

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use redstart::{
    TextId, Ttl,
    cache::{Ids, WarmRun, Warmer, Warming},
};
use tokio::{select, time};

use crate::{
    app::App,
    database::{DatabaseError, RecordId, State},
    routes,
};

/// How long before an hour what it is expected to use is loaded.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// Warms the caches now and before each hour, and says when the service may be asked.
///
/// That is when the first warming is done, or after `patience`: a slow database must not keep the service
/// from its work, and the warming goes on meanwhile.
pub(crate) fn begin(app: &Arc<App>, products: u32, patience: Duration, is_warm: Arc<AtomicBool>) {
    if products == 0 {
        is_warm.store(true, Ordering::Release);
        return;
    }
    let run = now(app, products).start();
    let tasks = app.store.tasks();
    tasks.spawn("marketplace.bar", draw(run.clone()));
    let first = run.clone();
    tasks.spawn("marketplace.readiness", async move {
        select! {
            _ = first.report() => {}
            () = time::sleep(patience) => tracing::info!("the service is ready before its caches are warm"),
        }
        is_warm.store(true, Ordering::Release);
    });
    app.warming.get_or_init(|| run);
    let hourly = of_products(app, wanted(app, When::InAnHour, products));
    if !hourly.every("marketplace", Ttl::hours(1)).ahead(AHEAD).start() {
        tracing::warn!("no hour is warmed ahead");
    }
}

/// What is warmed at the start, and when an administrator says so.
pub(crate) fn now(app: &App, products: u32) -> Warmer {
    let products = of_products(app, wanted(app, When::Now, products));
    products.cache(of_postcodes(app)).within(Duration::from_secs(60))
}

/// When it is that something is wanted.
#[derive(Clone, Copy)]
enum When {
    Now,
    InAnHour,
}

/// The products that are wanted most; at the very first start those that the shop window shows.
///
/// Use is recorded where products are read, and their parts are wanted with them.
fn wanted(app: &App, when: When, most: u32) -> Ids<RecordId> {
    let (products, database) = (app.caches.products.clone(), app.database.clone());
    let used = Ids::found(move || {
        let products = products.clone();
        async move {
            let used = match when {
                When::Now => products.popular(most).await?,
                When::InAnHour => products.expected(most).await?,
            };
            Ok::<_, redstart::Error>(used.into_iter().map(|used| used.id).collect())
        }
    });
    let shown = Ids::found(move || {
        let database = database.clone();
        async move { database.first_products(most).await }
    });
    match when {
        When::Now => used.or(shown),
        When::InAnHour => used,
    }
}

/// A product is warm when its three parts are.
fn of_products(app: &App, ids: Ids<RecordId>) -> Warmer {
    let (caches, database) = (&app.caches, &app.database);
    let [records, counts, prices] = [database.clone(), database.clone(), database.clone()];
    let records = move |ids| {
        let database = records.clone();
        async move { database.products(ids).await }
    };
    let counts = move |ids| {
        let database = counts.clone();
        async move { database.inventories(ids).await }
    };
    let prices = move |ids| {
        let database = prices.clone();
        async move { database.prices(ids).await }
    };
    Warmer::new(&app.store)
        .concurrency(2)
        .cache(Warming::new(&caches.products, ids.clone(), records).priority(1))
        .cache(Warming::new(&caches.inventories, ids.clone(), counts))
        .cache(Warming::new(&caches.prices, ids, prices))
}

/// The postcodes that answer for their states.
fn of_postcodes(app: &App) -> Warming {
    let database = app.database.clone();
    let load = move |codes| {
        let database = database.clone();
        async move {
            let found = database.postcodes(codes).await?;
            let tagged = found.into_iter().map(|(code, postcode)| (code, routes::tagged(postcode)));
            Ok::<Vec<_>, DatabaseError>(tagged.collect())
        }
    };
    let codes: Vec<TextId> = State::ALL.into_iter().filter_map(State::representative).collect();
    Warming::new(&app.caches.postcodes, Ids::these(codes), load)
}

/// Draws the progress where somebody looks: not into a pipe, and not in CI.
async fn draw(mut run: WarmRun) {
    if !io::stderr().is_terminal() || env::var_os("CI").is_some() {
        return;
    }
    // Without colours, whatever NO_COLOR says.
    let Ok(style) = ProgressStyle::with_template("  warming  [{bar:30}] {pos} of {len}, {msg}") else {
        return;
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    while let Some(progress) = run.changed().await {
        bar.set_length(progress.total.planned);
        bar.set_position(progress.total.attempted);
        bar.set_message(
            progress.eta.map_or_else(String::new, |eta| format!("{:.1} s left", eta.as_secs_f64())),
        );
    }
    bar.finish_and_clear();
}
