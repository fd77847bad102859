//! The command: its answers, files and exit codes.

use std::{fs, process::Stdio, time::Duration};

use redstart_testkit::{RedisServer, eventually};

use crate::support::{json, keys_of_loads, redstart, scenario, shown};

const SMALL: &str = r#"
keys = 50
zipf = 0
[[stage]]
rate = 200
for = "500ms"
[mix]
get = 6
set = 2
incr = 1
limit = 1
"#;

#[test]
fn thresholds_decide_the_exit_code() {
    let server = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMALL);
    let run =
        |bound: &str| json(&mut redstart(&["--url", &server.url(), "load", &file, "--threshold", bound]));

    let (code, document) = run("errors<1%");
    assert_eq!(
        (code, &document["passed"], &document["starts"]["planned"]),
        (0, &true.into(), &100.into()),
        "{document}"
    );
    assert_eq!(document["hitRate"], 1.0, "the keys that are read were filled");
    assert!(document["memory"]["server"]["before"].as_u64().unwrap() > 0);
    assert_eq!(document["steps"].as_array().unwrap().len(), 4);

    let (code, document) = run("max<0ms");
    assert_eq!((code, &document["thresholds"][0]["holds"]), (1, &false.into()));
    assert_eq!(keys_of_loads(&server), 0, "what a load has stored is removed");
}

#[test]
fn files_are_written_and_an_earlier_outcome_is_compared_with() {
    let server = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), SMALL);
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, html, hdr) = (at("out.json"), at("out.html"), at("out.hdr"));
    let url = server.url();
    let saved = ["--url", &url, "load", &file, "--out", &out, "--html", &html, "--hdr", &hdr];
    assert_eq!(json(&mut redstart(&saved)).0, 0);
    assert!(fs::read_to_string(&html).unwrap().contains("Load: small"));
    assert!(fs::read_to_string(&hdr).unwrap().contains("HIST"));

    let (code, document) = json(&mut redstart(&["--url", &url, "load", &file, "--baseline", &out]));
    let figures: Vec<_> =
        document["changes"].as_array().unwrap().iter().map(|change| &change["figure"]).collect();
    assert!(code == 0 && figures.iter().any(|figure| **figure == "p99"), "{figures:?}");

    fs::write(&out, "{}").unwrap();
    let output = redstart(&["--url", &url, "load", &file, "--baseline", &out]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(shown(&output).contains("name a file that `redstart load --out FILE` has written"));
}

#[test]
fn a_wrong_scenario_is_refused_with_everything_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(folder.path(), "keys = 0\n[mix]\ngte = 1\n");
    let output = redstart(&["load", &file]).output().unwrap();
    let said = shown(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for problem in ["there is no stage", "keys is 0", "mix.gte is no step"] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    let output = redstart(&["load", "pike"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        shown(&output).contains("neither a scenario (baseline, peak, sustained, spike, ramp) nor a file")
    );
    let output = redstart(&["load", "--threshold", "p99"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(shown(&output).contains("right would be p99<25ms"));
}

#[tokio::test]
async fn ctrl_c_leaves_nothing_behind() {
    let server = RedisServer::start();
    // In the middle of the load, and while the keys are filled.
    let loading = ["load", "--rate", "200", "--keys", "50"];
    let document = interrupted(&server, &loading, 60).await;
    assert_eq!(document["interrupted"], true);
    let document = interrupted(&server, &["load", "--keys", "1000000"], 500).await;
    assert_eq!(document["error"]["exitCode"], 130);
    let document = interrupted(&server, &["bench", "--only", "sweep", "--for", "1h"], 900).await;
    assert_eq!(document["error"]["exitCode"], 130);
}

/// Presses Ctrl-C as soon as so many keys are there; what is said then.
async fn interrupted(server: &RedisServer, arguments: &[&str], keys: usize) -> serde_json::Value {
    let child = redstart(&["--url", &server.url(), "--json"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually(Duration::from_secs(30), async || keys_of_loads(server) > keys).await;
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", shown(&output));
    assert_eq!(keys_of_loads(server), 0, "{arguments:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
