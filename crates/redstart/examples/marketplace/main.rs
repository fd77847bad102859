//! A marketplace: the main job of the toolkit, as a service would write it.
//!
//! `cargo run --example marketplace` needs nothing; with `REDIS_URL=redis://127.0.0.1:6379` it runs on
//! Redis.

mod alerting;
mod answer;
mod app;
mod caches;
mod database;
mod flows;
mod keys;
mod limits;
mod outbox;
mod passwords;
mod policies;
mod reference;
mod request;
mod routes;
mod settings;
mod signing;
mod state;
#[cfg(test)]
mod tests;
mod tokens;
mod warming;

use std::{
    env,
    error::Error,
    future,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use redstart::{
    Monitor, Store,
    http::OpsState,
    monitor::{CensusPlan, Exposition},
};
use tokio::{net::TcpListener, select, signal, time};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{app::App, database::Database, settings::Settings};

/// How long requests may take to end after the signal, and as long again what is left in the store.
const GRACE: Duration = Duration::from_secs(10);

/// How often the file of the limits is looked at.
const LIMITS_ARE_READ: Duration = Duration::from_secs(1);

/// How often the keys are counted, for the health.
const CENSUS_EVERY: Duration = Duration::from_secs(300);

const USAGE: &str = "usage: marketplace [--print-catalogue | --print-metrics | --print-environment | --print-health\n                    | --print-alerts | --print-alert-rules | --print-dashboard]";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let page = match arguments.as_slice() {
        [] => return start().await,
        [flag] => reference::page(flag),
        _ => None,
    };
    let Some(page) = page else { return refuse(USAGE) };
    say(&page);
    ExitCode::SUCCESS
}

async fn start() -> ExitCode {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let mut settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(problems) => {
            return refuse(&format!("the environment is not right:\n  {}", problems.join("\n  ")));
        }
    };
    match serve(&mut settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error.to_string()),
    }
}

/// Serves until a signal comes, and then ends in good order.
async fn serve(settings: &mut Settings) -> Result<(), Box<dyn Error>> {
    let store = Store::lazy(&settings.store)?;
    let coordination = settings.store.coordination().map(Store::lazy).transpose()?;
    let monitor = Monitor::new(store.clone());
    // Before anything else: what happens earlier is not measured.
    let exposition = Exposition::install(&monitor)?;
    let alerts = alerting::start(settings, &monitor, &exposition);
    let file = settings.database(&store);
    let place = file.as_ref().map_or_else(|| "memory".to_owned(), |file| file.display().to_string());
    let database = Database::open(file).await.map_err(|error| causes(&error))?;
    let listener = TcpListener::bind(settings.address).await;
    let listener =
        listener.map_err(|error| format!("{}: {error}; PORT changes the port", settings.address))?;
    let second = coordination.as_ref().unwrap_or(&store);
    say(&greeting(listener.local_addr()?, &store, second, &place));

    let app = Arc::new(App::new(settings, store.clone(), second, database));
    if let Some(file) = &settings.limits {
        app.policies.load(file).map_err(|error| causes(&error))?;
        app.policies.follow(&store, file.clone(), LIMITS_ARE_READ);
    }
    let is_warm = Arc::new(AtomicBool::new(false));
    warming::begin(&app, settings.warm, settings.warm_wait, Arc::clone(&is_warm));
    let mut ops = OpsState::new(monitor.clone()).with_violations(app.limiter.violations());
    if let Some(second) = &coordination {
        let of_locks = Monitor::new(second.clone());
        let recorded = exposition.clone();
        of_locks.read_recorded(move || recorded.recorded());
        ops = ops.with_coordination(of_locks);
    }
    let ops =
        app.caches.shown_in(ops).with_exposition(exposition).ready_when_warm(&is_warm).with_alerts(&alerts);
    let ops = ops.with_warmer(&warming::now(&app, settings.warm));
    if !monitor.take_census_every(CENSUS_EVERY, CensusPlan::new()) {
        tracing::warn!("the keys are not counted");
    }
    let service = routes::router(&app, &ops, alerts, settings.admin_token.clone());
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let closing = closed(Arc::clone(&app));
    let end = async move {
        closing.await;
        // The streams of the page would keep the service from its end.
        ops.end_live();
    };
    let serving = axum::serve(listener, service).with_graceful_shutdown(end);
    select! {
        served = serving.into_future() => served?,
        () = overdue() => tracing::warn!("some requests did not end in time"),
    }
    let mut is_clean = store.shutdown(GRACE).await.is_clean();
    if let Some(second) = coordination {
        is_clean &= second.shutdown(GRACE).await.is_clean();
    }
    tracing::info!(is_clean, "ended");
    Ok(())
}

/// Waits until the service is to end, and tells those who would wait for ever.
async fn closed(app: Arc<App>) {
    told_to_end().await;
    app.closing.send_replace(true);
}

/// Waits for ctrl-c, or for the signal of whoever runs services.
async fn told_to_end() {
    #[cfg(unix)]
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = future::pending::<Option<()>>();
    select! {
        _ = signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

/// Waits until the time to end is over.
async fn overdue() {
    told_to_end().await;
    time::sleep(GRACE).await;
}

fn greeting(address: SocketAddr, store: &Store, second: &Store, database: &str) -> String {
    let mut place = store.describe().to_owned();
    if second.describe() != place {
        place = format!("{place}, limits and locks on {}", second.describe());
    }
    format!(
        "marketplace listens on http://{address}
  store     {place}
  database  {database}

Try:
  curl -i http://{address}/api/v1/users/1
  curl -i -X PATCH http://{address}/api/v1/users/1 -d '{{\"name\":\"Grace Hopper\"}}'
  for n in $(seq 61); do curl -s -o /dev/null -w '%{{http_code}} ' 'http://{address}/api/v1/search?q=lamp'; done
  curl -i 'http://{address}/api/v1/users/a:b%7Bc%7D'
  curl -N http://{address}/api/v1/products/prices/events &
  curl -X PUT http://{address}/api/v1/products/1/price -d '{{\"price\":19.9}}'
  curl -i -X DELETE 'http://{address}/api/admin/redis/cache?pattern=*&dryRun=true'
  open http://{address}/admin/
"
    )
}

fn say(text: &str) {
    // Whoever reads may go away before the end, which is no reason to panic.
    let _written = writeln!(io::stdout(), "{text}");
}

fn refuse(reason: &str) -> ExitCode {
    eprintln!("marketplace: {reason}");
    ExitCode::FAILURE
}

/// An error with everything that led to it.
fn causes(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", causes(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}
