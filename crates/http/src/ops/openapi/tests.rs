use axum::{Router, body::Body};
use http::{Request, header::AUTHORIZATION};
use http_body_util::BodyExt as _;
use redstart_cache::Cache;
use redstart_connection::{Clock, Store, Timestamp};
use redstart_keys::{Category, Entity, Ttl};
use redstart_monitor::Monitor;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::{AdminToken, OpsState, admin_router, alerts_router, health_router};

const TOKEN: &str = "gX7-4fQz1mWb0dKe8sRt";
const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

/// What is wrong with a value by its schema: undescribed fields, missing ones, other types.
fn differences(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return differences(root, &root["components"]["schemas"][name], value, at);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let tried: Vec<_> = choices.iter().map(|schema| differences(root, schema, value, at)).collect();
            return if tried.iter().any(Vec::is_empty) { Vec::new() } else { tried.concat() };
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        // The fields of one part are unknown to the others.
        let of_part = |part| differences(root, part, value, at);
        return parts
            .iter()
            .flat_map(of_part)
            .filter(|text: &String| !text.contains("not described"))
            .collect();
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let fits = |wanted: &&str| *wanted == kind || (*wanted == "integer" && value.is_u64());
    if !types.is_empty() && !types.iter().any(fits) {
        return vec![format!("{at} is {value}, not {types:?}")];
    }
    match value {
        Value::Object(fields) => {
            let described = &schema["properties"];
            let is_open = !schema["additionalProperties"].is_null() || described.is_null();
            let of_field = |(name, value): (&String, &Value)| {
                let at = format!("{at}.{name}");
                match described.get(name) {
                    Some(schema) => differences(root, schema, value, &at),
                    None if is_open => Vec::new(),
                    None => vec![format!("{at} is not described")],
                }
            };
            let mut found: Vec<_> = fields.iter().flat_map(of_field).collect();
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            found.extend(
                required
                    .filter(|name| !fields.contains_key(*name))
                    .map(|name| format!("{at}.{name} is missing")),
            );
            found
        }
        Value::Array(elements) => {
            elements.iter().flat_map(|element| differences(root, &schema["items"], element, at)).collect()
        }
        _ => Vec::new(),
    }
}

async fn ask(app: &Router, method: &str, path: &str) -> Value {
    let request =
        Request::builder().method(method).uri(path).header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(response.status().is_success(), "{method} {path}: {}", response.status());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn the_answers_are_as_described() {
    let store = Store::memory_with(Clock::manual(Timestamp::from_micros(1_795_181_319_873_000)));
    let users = Cache::<u64, String>::new(&store, &USER);
    users.set(&7, &"Ada".to_owned()).await.unwrap();
    let limiter = redstart_ratelimit::Limiter::new(store.clone());
    let monitor = Monitor::new(store);
    // A broken rule, so that an issue is shown.
    let rule = redstart_monitor::Rule::new("mine", "a fact", "something is wrong", "Mend it.");
    monitor.add_rule(rule.warns_beyond(0.0, 1).measured_by(|_| Some(1.0)));
    let warmer = redstart_cache::Warmer::new(monitor.store());
    let state = OpsState::new(monitor).with_cache(&users).with_violations(limiter.violations());
    let state = state.with_warmer(&warmer);
    let alerts = redstart_monitor::AlertSettings::new(state.monitor()).start();
    let token = AdminToken::new(TOKEN).unwrap();
    let app = health_router(state.clone()).merge(alerts_router(alerts, token.clone()));
    let app = app.merge(admin_router(state, token));
    let root = ask(&app, "GET", "/openapi.json").await;
    let mut checked = 0;
    for (path, methods) in root["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let content = &described["responses"]["200"]["content"];
            let Some(json) = content.get("application/json") else { continue };
            let query = match method.as_str() {
                "delete" => "?pattern=user:*&dryRun=true",
                "put" => "?minutes=60&reason=maintenance",
                _ => "",
            };
            let uri = path.replace("{alert}", "memory") + query;
            let value = ask(&app, &method.to_uppercase(), &uri).await;
            let found = differences(&root, &json["schema"], &value, path);
            assert!(found.is_empty(), "{method} {path}: {found:#?}\n{value:#}");
            checked += 1;
        }
    }
    assert_eq!(checked, 19, "all endpoints but the metrics' text and the live stream");
}

#[tokio::test]
async fn judged_alerts_are_as_described() {
    let monitor = Monitor::new(Store::memory());
    let alerts = redstart_monitor::AlertSettings::new(&monitor).start();
    alerts.silence("memory", std::time::Duration::from_secs(60), "moving house").unwrap();
    let app = health_router(OpsState::new(monitor).with_alerts(&alerts));
    let root = ask(&app, "GET", "/openapi.json").await;
    let path = "/api/health/redis-alerts";
    let described = &root["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
    let value = ask(&app, "GET", path).await;
    assert_eq!(value["silences"][0]["reason"], "moving house");
    let found = differences(&root, &described["schema"], &value, path);
    assert!(found.is_empty(), "{found:#?}\n{value:#}");
}

#[test]
fn administration_asks_for_the_token() {
    let root = serde_json::to_value(openapi()).unwrap();
    assert_eq!(root["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    for (path, methods) in root["paths"].as_object().unwrap() {
        for described in methods.as_object().unwrap().values() {
            let is_secured = described["security"].is_array();
            assert_eq!(is_secured, path.starts_with("/api/admin"), "{path}");
        }
    }
}
