//! A running instance of the example service.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;
use ureq::{Agent, http::Response};

use crate::examples::build;

/// An instance; it is ended when this is dropped.
pub(crate) struct Service {
    child: Child,
    log: Option<JoinHandle<String>>,
    address: String,
    agent: Agent,
}

/// What an instance answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    response: Response<String>,
}

impl Service {
    /// Starts an instance with these variables on a free port.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary());
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("REDIS_") || name.starts_with("RATE_"))
        {
            command.env_remove(name);
        }
        // What holds for everything would stand in the way of what a test is about.
        for name in ["PUBLIC", "AUTHENTICATED", "API", "DEFAULT"] {
            command.env(format!("RATE_LIMIT_{name}"), "1000000");
        }
        // Most tests are about what happens when a cache is empty.
        command.env("MARKETPLACE_WARM", "0");
        command.env("PORT", "0").env("RUST_LOG", "warn").envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let complaints = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let log = std::thread::spawn(move || {
            complaints.inspect(|line| eprintln!("{line}")).collect::<Vec<_>>().join("\n")
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.next().expect("the service says where it listens").unwrap();
        // The rest is read and dropped, so that the service never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let address = greeting.rsplit_once("http://").expect("an address").1.trim().to_owned();
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
        // A request that is refused before its body has come ends its connection; this client would use it again.
        let config = config.max_idle_connections(0);
        Self { child, log: Some(log), address, agent: config.build().into() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(self.agent.get(self.url(path)).call().unwrap())
    }

    pub(crate) fn get_with(&self, path: &str, header: (&str, &str)) -> Answer {
        Answer::of(self.agent.get(self.url(path)).header(header.0, header.1).call().unwrap())
    }

    pub(crate) fn get_as(&self, path: &str, token: &str) -> Answer {
        self.get_with(path, ("Authorization", &format!("Bearer {token}")))
    }

    pub(crate) fn delete(&self, path: &str, token: Option<&str>) -> Answer {
        let mut request = self.agent.delete(self.url(path));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        Answer::of(request.call().unwrap())
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.patch(self.url(path)).header("Content-Type", "application/json");
        Answer::of(request.send(body.to_string()).unwrap())
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.put(self.url(path)).header("Content-Type", "application/json");
        Answer::of(request.send(body.to_string()).unwrap())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.agent.post(self.url(path)).header("Content-Type", "application/json");
        Answer::of(request.send(body.to_string()).unwrap())
    }

    /// Posts with these fields.
    pub(crate) fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = self.agent.post(self.url(path)).header("Content-Type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request.send(body.to_string()).unwrap())
    }

    /// Puts with these fields.
    pub(crate) fn put_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = self.agent.put(self.url(path)).header("Content-Type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request.send(body.to_string()).unwrap())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Tells it to end, and waits until it has; answers what it complained of.
    pub(crate) fn end(mut self) -> String {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{ended}");
        self.log.take().unwrap().join().unwrap()
    }

    /// Ends it where it stands.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn post_as(&self, path: &str, body: &Value, token: &str) -> Answer {
        let request = self.agent.post(self.url(path)).header("Content-Type", "application/json");
        let request = request.header("Authorization", format!("Bearer {token}"));
        Answer::of(request.send(body.to_string()).unwrap())
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // By its own child handle, and waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Answer {
    fn of(response: Response<ureq::Body>) -> Self {
        let (parts, body) = response.into_parts();
        let mut text = String::new();
        body.into_reader().read_to_string(&mut text).unwrap();
        Self { status: parts.status.as_u16(), response: Response::from_parts(parts, text) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        self.response.body().clone()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.response.body())
            .unwrap_or_else(|error| panic!("{error}: {}", self.response.body()))
    }

    /// The code of the error envelope.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().expect("an error envelope").to_owned()
    }
}

/// Builds the example once per process.
fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("marketplace")).clone()
}
