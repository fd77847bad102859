//! The page for operators, in a real browser.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use redstart_testkit::{RedisServer, fresh_prefix, locate};

use crate::service::Service;

const ADMIN: &str = "an-administrators-token-for-tests";

/// What drives a browser: Node, Chromium, and the packages that `cargo xtask setup --all` installs.
struct Driver {
    node: PathBuf,
    chromium: PathBuf,
    packages: PathBuf,
}

impl Driver {
    /// Finds it; otherwise what is missing.
    fn find() -> Result<Self, &'static str> {
        let program = |names: &[&str]| {
            let folders = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&folders)
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
                .find(|path| path.is_file())
        };
        let packages = locate::tools(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).join("browser");
        Ok(Self {
            node: program(&["node"]).ok_or("node is not here")?,
            chromium: program(&["chromium", "chromium-browser", "google-chrome"])
                .ok_or("chromium is not here")?,
            packages: Some(packages)
                .filter(|folder| folder.join("node_modules/playwright-core").is_dir())
                .ok_or("playwright-core is not here: `cargo xtask setup --all`")?,
        })
    }
}

/// The script drives the browser, and says by a line when it wants the server to go and to come back.
#[test]
fn page_shows_forgets_refuses_and_recovers() {
    let driver = match Driver::find() {
        Ok(driver) => driver,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return;
        }
    };
    let mut server = RedisServer::start();
    let (url, prefix) = (server.url(), fresh_prefix());
    let variables = [("REDIS_URL", &*url), ("REDIS_KEY_PREFIX", &*prefix), ("ADMIN_TOKEN", ADMIN)];
    let service = Service::start(&variables);
    let mut script = Command::new(&driver.node)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/dashboard.mjs"))
        .env("SERVICE", format!("http://{}", service.address()))
        .env("TOKEN", ADMIN)
        .env("PREFIX", &prefix)
        .env("CHROMIUM", &driver.chromium)
        .env("PACKAGES", &driver.packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = script.stdin.take().unwrap();
    let lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    for line in lines.map_while(Result::ok) {
        match line.as_str() {
            "kill the server" => server.kill(),
            "start the server" => server.restart(),
            _ => {
                println!("{line}");
                said.push(line);
                continue;
            }
        }
        writeln!(answers, "done").unwrap();
    }
    let status = script.wait().unwrap();
    assert!(status.success(), "the script ended with {status}");
    assert_eq!(said.last().map(String::as_str), Some("all is well"));
}
