//! Evidence that a Prometheus has recorded.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header::CONTENT_TYPE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{Criteria, Criterion, GateRow, Verdict};
use crate::{alerts::seconds, client, query::Promql};

const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_ANSWER: usize = 1024 * 1024;
/// Of ten moments one may be without an answer.
const LEAST_RECORDED: f64 = 0.9;

pub(super) async fn judge(criteria: &Criteria, base: &Uri, only: &str) -> Vec<GateRow> {
    let mut rows = Vec::new();
    for criterion in criteria {
        let (verdict, evidence) =
            row(criterion, base, only).await.unwrap_or_else(|why| (Verdict::NoEvidence, why));
        rows.push(GateRow {
            name: criterion.name.clone(),
            question: criterion.question.clone(),
            verdict,
            bound: criterion.shown(),
            evidence,
        });
    }
    rows
}

async fn row(criterion: &Criterion, base: &Uri, only: &str) -> Result<(Verdict, String), String> {
    let Criterion { query, unit, hold, window, is_floor, .. } = criterion;
    let expression = Promql { window: &seconds(*window), by: "", only }.write(query);
    // A moment each minute; for what must hold for minutes only, a moment each few seconds.
    let step = (*hold / 60).clamp(Duration::from_secs(1), Duration::from_secs(60)).as_secs();
    let range = format!("({expression})[{}:{step}s]", seconds(*hold));
    let fold = if *is_floor { "min" } else { "max" };
    let Some(worst) = ask(base, &format!("{fold}_over_time({range})")).await? else {
        return Ok((Verdict::NoEvidence, "it has recorded nothing of the kind".to_owned()));
    };
    let recorded = ask(base, &format!("count_over_time({range})")).await?.unwrap_or_default();
    let moments = hold.as_secs_f64() / Duration::from_secs(step).as_secs_f64();
    let is_enough = recorded >= (LEAST_RECORDED * moments).floor();
    let verdict = match (criterion.admits(worst), is_enough) {
        (false, _) => Verdict::NoGo,
        (true, false) => Verdict::TooShort,
        (true, true) => Verdict::Go,
    };
    let hold = humantime::format_duration(*hold);
    Ok((verdict, format!("at worst {} over {hold}, {recorded:.0} of {moments:.0} moments", unit.show(worst))))
}

/// The one number that a query answers; none where there is nothing.
async fn ask(base: &Uri, query: &str) -> Result<Option<f64>, String> {
    let body = format!("query={}", utf8_percent_encode(query, NON_ALPHANUMERIC));
    let address = format!("{}/api/v1/query", base.to_string().trim_end_matches('/'));
    let request = Request::post(address)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .map_err(|error| error.to_string())?;
    let reply =
        client::send(request, PATIENCE, LONGEST_ANSWER).await.map_err(|failure| failure.to_string())?;
    let answer: Value = serde_json::from_slice(&reply.body)
        .map_err(|_| format!("it answered {} and no JSON; is it a Prometheus?", reply.status.as_u16()))?;
    if answer["status"] != "success" {
        return Err(format!("it refused the question: {}", answer["error"].as_str().unwrap_or("no reason")));
    }
    let value = answer["data"]["result"][0]["value"][1].as_str();
    // No number where nothing was divided by nothing.
    Ok(value.and_then(|value| value.parse().ok()).filter(|value: &f64| !value.is_nan()))
}
