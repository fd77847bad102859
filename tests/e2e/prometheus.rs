//! The example service under a real Prometheus, with our rules, our panels and our gate.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redstart_monitor::{Alert, AlertTable, alert_rules, dashboard};
use redstart_testkit::{RedisServer, locate};
use serde_json::Value;

use crate::{examples::build, service::Service};

/// How long a scrape may take to be seen, before the test fails.
const PATIENCE: u32 = 300;

/// A Prometheus; it is ended when this is dropped.
struct Prometheus {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that reads the service every second; none when there is no such program.
    fn start(service: &str) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        let rules = AlertTable::default().with(Alert::cache_hit_rate("product", 0.6));
        fs::write(folder.path().join("rules.yml"), alert_rules(&rules)).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: shop\n    static_configs: [{{targets: ['{service}']}}]\n"
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(program)
            .arg(format!("--web.listen-address={address}"))
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg("--log.level=error")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, address: format!("http://{address}"), _folder: folder })
    }

    fn get(&self, path: &str) -> Option<Value> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut answer = ureq::Agent::from(config).get(format!("{}{path}", self.address)).call().ok()?;
        serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
    }

    /// The answers to a query; panics when it makes no sense.
    fn query(&self, expression: &str) -> Vec<Value> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let Some(answer) = self.get(&format!("/api/v1/query?query={encoded}")) else { return Vec::new() };
        // Before it is ready it says so in plain words.
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Waits until a query has an answer.
    fn answers(&self, expression: &str) {
        for _ in 0..PATIENCE {
            if !self.query(expression).is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("no answer to {expression}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // By its own child handle, and waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program() -> Option<PathBuf> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> =
        [locate::tools(root).join("bin")].into_iter().chain(std::env::split_paths(&path)).collect();
    let found = folders.iter().map(|folder| folder.join("prometheus")).find(|program| program.is_file());
    if found.is_none() {
        println!("skipped: prometheus is not here; `cargo xtask setup promtool` brings it along");
    }
    found
}

/// The expressions of panels, those of folded rows apart.
fn expressions(panels: &Value, folded: bool) -> Vec<String> {
    let panels = panels.as_array().unwrap().iter();
    let rows = panels.flat_map(|panel| match panel["panels"].as_array() {
        Some(inner) if folded => inner.clone(),
        None if !folded => vec![panel.clone()],
        _ => Vec::new(),
    });
    let targets = rows.flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let plain = |target: Value| {
        let text = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
        text.replace("$job", "shop").replace("$instance", ".+")
    };
    targets.map(plain).collect()
}

#[test]
fn panels_answer_rules_are_well_and_the_gate_judges() {
    let server = RedisServer::start();
    let service = Service::start(&[("REDIS_URL", &server.url()), ("ADMIN_TOKEN", "gX7-4fQz1mWb0dKe8sRt")]);
    let Some(prometheus) = Prometheus::start(service.address()) else { return };
    let use_it = || {
        for id in 1..20 {
            assert_eq!(
                service.get(&format!("/api/v1/users/{id}")).header("x-trace-id").map(str::len),
                Some(32)
            );
        }
    };
    for _ in 0..PATIENCE {
        use_it();
        if !prometheus.query("count_over_time(redis_up{job=\"shop\"}[5m]) > 12").is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }

    let dashboard = dashboard(&AlertTable::default());
    let overview = expressions(&dashboard["panels"], false);
    assert!(overview.len() > 15, "{overview:?}");
    // A server without a bound on its memory uses no share of it; and what nobody did has no share either.
    let is_told = |expression: &&String| !expression.contains("redis_memory_max");
    for expression in overview.iter().filter(is_told) {
        prometheus.answers(expression);
    }
    let all = expressions(&dashboard["panels"], true);
    let answered = all.iter().filter(|expression| !prometheus.query(expression).is_empty()).count();
    assert!(answered * 2 > all.len(), "{answered} of {} panels have something to show", all.len());

    let rules = prometheus.get("/api/v1/rules").unwrap();
    for rule in rules["data"]["groups"][0]["rules"].as_array().unwrap() {
        // On a busy machine operations do take long; two minutes of that would fire.
        let may_wait = rule["name"] == "RedstartLatencyP99" && rule["state"] == "pending";
        assert!(rule["health"] == "ok" && (rule["state"] == "inactive" || may_wait), "{rule}");
    }

    let folder = tempfile::tempdir().unwrap();
    let (file, gate) = (folder.path().join("gate.toml"), build("gate"));
    let judge = |bound: &str| {
        let criteria = format!(
            "hold = \"10s\"\nwindow = \"30s\"\n\
             [[criterion]]\nname = \"up\"\nquestion = \"?\"\nask.least = \"redis_up\"\nat_least = 1\nunit = \"count\"\n\
             [[criterion]]\nname = \"errors\"\nquestion = \"?\"\nask.share = {{ of = 'http_server_request_duration_seconds_count{{http_response_status_code=~\"500|503\"}}', all = \"http_server_request_duration_seconds_count\" }}\nat_most = 0.005\n\
             [[criterion]]\nname = \"p95\"\nquestion = \"?\"\nask.quantile = {{ share = 0.95, of = \"http_server_request_duration_seconds\" }}\nat_most = {bound}\nunit = \"seconds\"\n"
        );
        fs::write(&file, criteria).unwrap();
        let mut command = Command::new(&gate);
        command.args(["--prometheus", &prometheus.address, "--job", "shop", "--criteria"]).arg(&file);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, table) = judge("5.0");
    assert!(code == Some(0) && table.contains("GO: all 3 criteria hold"), "{code:?} {table}");
    let (code, table) = judge("0.0");
    assert!(code == Some(1) && table.contains("NO-GO: 1 of 3 criteria don't hold"), "{code:?} {table}");
}
