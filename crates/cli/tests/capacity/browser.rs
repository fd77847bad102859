//! The pages that the command writes, opened in a real browser whose network is off.

use std::path::Path;

use redstart_testkit::{Browser, RedisServer};

use crate::support::{json, redstart};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/capacity/page.mjs");

/// Charts are drawn, both themes and a phone show everything, nothing is asked of anybody, and everybody can
/// read it.
#[test]
fn every_page_opens_with_the_network_off() {
    let browser = match Browser::find(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))) {
        Ok(browser) => browser,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return;
        }
    };
    let server = RedisServer::start();
    let url = server.url();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (load, out, bench, report, keep) =
        (at("load.html"), at("load.json"), at("bench.html"), at("report.html"), at("last.json"));
    let run = |arguments: &[&str]| json(redstart(arguments).args(["--url", &url]));

    let small = ["load", "--rate", "200", "--for", "1s", "--keys", "50", "--threshold", "p99<1us"];
    run(&[&small[..], &["--out", &out]].concat());
    run(&[&small[..], &["--baseline", &out, "--html", &load]].concat());
    run(&["bench", "--for", "50ms", "--html", &bench, "--only", "sweep"]);
    for _ in 0..2 {
        run(&["report", "--for", "100ms", "--keep", &keep, "--html", &report]);
    }

    // How many charts each of them has.
    let pages = [(&load, 5), (&bench, 2), (&report, 3)];
    let pages = pages.map(|(path, charts)| format!("{charts}={path}")).join("\n");
    let output = browser.script(SCRIPT).env("PAGES", pages).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with("all is well\n"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
