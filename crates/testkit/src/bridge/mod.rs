//! A server behind HTTP, as Upstash offers it.

mod backend;
mod json;
mod service;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::oneshot;

use self::backend::Backend;
use crate::RedisServer;

/// Speaks the REST protocol of Upstash in front of a private server.
///
/// It is proven by the official client `@upstash/redis`, in `tests/rest-conformance`. It runs on a thread of
/// its own, so that tests on any runtime, or on none, can talk to it; dropped, it ends.
///
/// ```no_run
/// use redstart_testkit::{RedisServer, RestBridge, RestFault};
///
/// let server = RedisServer::start();
/// let bridge = RestBridge::start(&server, "s3cret");
/// let url = bridge.url(); // what the service under test connects to, with the token
/// bridge.set(RestFault::Quota);
/// // … the service must say that it is refused …
/// bridge.set(RestFault::None);
/// ```
#[derive(Debug)]
pub struct RestBridge {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What happens to the requests from now on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum RestFault {
    /// Each is carried out and answered.
    #[default]
    None,
    /// None is carried out: the day's requests are used up.
    Quota,
    /// None is carried out: there are too many at once.
    TooMany,
    /// None is carried out: something before the server fails.
    Failing,
    /// Each is answered this much later.
    Slow(Duration),
    /// Each is carried out, then the connection is cut instead of an answer.
    Cut,
}

/// What the bridge is told while it runs, and what it tells.
#[derive(Debug)]
struct State {
    backend: Backend,
    token: Mutex<String>,
    fault: Mutex<RestFault>,
    requests: AtomicU64,
    commands: AtomicU64,
    /// Requests that echoed what an earlier answer had said.
    in_sync: AtomicU64,
}

impl RestBridge {
    /// Puts a server behind HTTP, for those who have this token.
    ///
    /// # Panics
    ///
    /// Panics when nothing can listen on this machine.
    #[must_use]
    pub fn start(server: &RedisServer, token: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State {
            backend: Backend::new(server),
            token: Mutex::new(token.to_owned()),
            fault: Mutex::default(),
            requests: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            in_sync: AtomicU64::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = service::serve(listener, &serving) => {}
                }
            });
        });
        Self { address, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Changes what happens to the requests.
    pub fn set(&self, fault: RestFault) {
        *self.state.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// From now on only this token is taken.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.state.token.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL, without the token.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address)
    }

    /// The URL as it is reached through another address, such as that of a proxy.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        format!("http://{address}")
    }

    /// How many requests came, whatever became of them.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many commands were carried out; several of one request count each.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.state.commands.load(Ordering::SeqCst)
    }

    /// How many requests echoed the sync token of an earlier answer.
    #[must_use]
    pub fn in_sync(&self) -> u64 {
        self.state.in_sync.load(Ordering::SeqCst)
    }
}

impl Drop for RestBridge {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _gone = self.stop.take().map(|stop| stop.send(()));
        drop(self.thread.take().map(JoinHandle::join));
    }
}
