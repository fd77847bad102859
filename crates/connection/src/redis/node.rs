//! One server: its lanes, its exclusive connections, and the way to it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use redis::{PushInfo, Value};
use tokio::sync::{mpsc::UnboundedSender, watch};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::{Breaker, Turn},
    capabilities::Capabilities,
    common::Common,
    dial::Dialled,
    exclusive::Exclusive,
    lane::{Lane, Live, State},
    sentinel::Sentinels,
};
use crate::{Certainty, Error, ErrorKind, Event, Result, config::Address, names, standby::Away};

/// One server, or the one that is the master at the moment.
pub(crate) struct Node {
    pub(crate) common: Arc<Common>,
    pub(crate) lanes: Box<[Arc<Lane>]>,
    pub(crate) exclusive: Exclusive,
    pub(crate) breaker: Breaker,
    pub(crate) away: Arc<Away>,
    /// Ends what runs for this node alone.
    pub(crate) retired: CancellationToken,
    pub(super) changed: watch::Sender<u64>,
    target: Target,
    part: Part,
    next: AtomicUsize,
}

/// Where a node is.
#[derive(Clone)]
pub(crate) enum Target {
    At(Address),
    /// Wherever the sentinels say.
    Master(Arc<Sentinels>),
}

/// What is expected of the server at the other end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// It takes writes.
    Master,
    /// It is asked for reads alone.
    Replica,
}

impl Node {
    pub(crate) fn new(common: &Arc<Common>, target: Target, part: Part) -> Arc<Self> {
        let away = Arc::new(Away::new(target.to_string(), common.standby, common.announcer.clone()));
        let retired = common.tasks.child_token();
        Arc::new(Self {
            lanes: (0..common.lanes.max(1)).map(|index| Arc::new(Lane::new(index))).collect(),
            exclusive: Exclusive::new(common, target.clone(), retired.clone()),
            breaker: Self::breaker(common, target.to_string(), Arc::clone(&away)),
            away,
            retired,
            changed: watch::Sender::new(0),
            common: Arc::clone(common),
            target,
            part,
            next: AtomicUsize::new(0),
        })
    }

    /// A breaker that tells of its turns as those of `server`.
    pub(super) fn breaker(common: &Arc<Common>, server: String, away: Arc<Away>) -> Breaker {
        let told = Arc::clone(common);
        Breaker::new(common.breaker.clone(), common.command_timeout, move |turn| {
            let server = server.clone();
            metrics::counter!(names::BREAKER_TURNS, "to" => turn.name()).increment(1);
            let has_opened = matches!(turn, Turn::Opened(_));
            told.announcer.announce(match turn {
                Turn::Opened(cause) => Event::BreakerOpened { server, cause },
                Turn::HalfOpened => Event::BreakerHalfOpened { server },
                Turn::Closed => Event::BreakerClosed { server },
            });
            if has_opened {
                away.enter();
                told.tell_opened();
            }
        })
    }

    /// Where the server is at this moment.
    pub(crate) async fn present_address(&self) -> Result<Address> {
        match &self.target {
            Target::At(address) => Ok(address.clone()),
            Target::Master(sentinels) => sentinels.master().await,
        }
    }

    /// Opens a connection and makes sure that the right one is at its end.
    pub(crate) async fn connect(&self) -> Result<Live> {
        let Dialled { connection, identity } = self.target.dial(&self.common).await?;
        let live = Live::new(connection, identity);
        let greeting = tokio::time::timeout(self.common.dialer.handshake_timeout(), self.greet(&live));
        greeting
            .await
            .map_err(|_| Error::unavailable(format!("{self} accepted the connection and fell silent")))??;
        Ok(live)
    }

    async fn greet(&self, live: &Live) -> Result<()> {
        let mut greeting = redis::Pipeline::with_capacity(5);
        greeting.cmd("CLIENT").arg("SETNAME").arg("redstart");
        // A server that still loads its data tells its role all the same, but does not answer this.
        greeting.cmd("PING");
        greeting.cmd("ROLE");
        // One by one: servers too old for us, which must be told so, take no two sections.
        greeting.cmd("INFO").arg("server");
        greeting.cmd("INFO").arg("memory");
        if self.part == Part::Replica {
            greeting.cmd("READONLY");
        }
        let mut answers = live.ask(&greeting, greeting.len()).await?.into_iter();
        // Whether the server lets itself be named does not matter.
        let _named = answers.next();
        self.check_service(answers.next().unwrap_or(Value::Nil))?;
        self.check_role(&answers.next().unwrap_or(Value::Nil))?;
        let capabilities = Capabilities::read(answers.next().as_ref(), answers.next().as_ref());
        capabilities.check()?;
        self.common.learn(&self.to_string(), capabilities);
        Ok(())
    }

    /// Refuses a server that is not ready yet, or not for us.
    fn check_service(&self, pong: Value) -> Result<()> {
        let Value::ServerError(error) = pong else { return Ok(()) };
        let (kind, what) = match error.code() {
            "LOADING" => (ErrorKind::Loading, "is loading its data"),
            "MASTERDOWN" => (ErrorKind::Loading, "has no link to its master"),
            "NOAUTH" => (ErrorKind::Auth, "wants a password"),
            // Where the question is forbidden the first call will tell.
            _ => return Ok(()),
        };
        Err(Error::new(kind, Certainty::NotSent, format!("{self} {what}")))
    }

    fn check_role(&self, role: &Value) -> Result<()> {
        match role {
            Value::Array(parts) if self.part == Part::Master && is_replica(parts) => {
                Err(Error::new(ErrorKind::ReadOnly, Certainty::NotSent, format!("{self} is a replica")))
            }
            // Where the question is forbidden the first write will tell.
            _ => Ok(()),
        }
    }

    /// Opens a connection whose pushed messages go to `news`.
    pub(crate) async fn dial_for_news(&self, news: UnboundedSender<PushInfo>) -> Result<Dialled> {
        let dialer = &self.common.dialer;
        match &self.target {
            Target::At(address) => dialer.dial_for_news(address, news).await,
            Target::Master(sentinels) => dialer.dial_for_news(&sentinels.master().await?, news).await,
        }
    }

    /// Has the sentinels tell when the master changes, where there are any.
    pub(crate) fn follow_master(self: &Arc<Self>) {
        if let Target::Master(sentinels) = &self.target {
            sentinels.follow(self);
        }
    }

    /// The next lane in turn.
    pub(super) fn turn(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len()
    }

    /// Tells the callers that wait for a lane to look again.
    pub(crate) fn lanes_changed(&self) {
        self.changed.send_modify(|generation| *generation += 1);
        self.common.nodes_changed.notify_one();
    }

    pub(crate) fn connected(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.is_live()).count()
    }

    /// Why no lane is up; none while one is, or may soon be.
    pub(crate) fn down(&self) -> Option<Arc<Error>> {
        let mut cause = None;
        for lane in &self.lanes {
            match lane.state() {
                State::Down(error) if !lane.is_live() => cause = Some(error),
                _ => return None,
            }
        }
        cause
    }

    /// Replaces every connection, for this reason.
    pub(crate) fn replace_all(&self, reason: &'static str) {
        self.exclusive.renew();
        self.lanes.iter().filter_map(|lane| lane.live()).for_each(|live| live.condemn(reason));
    }

    /// Ends everything that runs for this node.
    pub(crate) fn retire(&self) {
        self.retired.cancel();
    }

    pub(crate) fn address(&self) -> Option<&Address> {
        match &self.target {
            Target::At(address) => Some(address),
            Target::Master(_) => None,
        }
    }
}

impl Target {
    pub(crate) async fn dial(&self, common: &Common) -> Result<Dialled> {
        match self {
            Self::At(address) => common.dialer.dial(address).await,
            Self::Master(sentinels) => common.dialer.dial(&sentinels.master().await?).await,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => address.fmt(f),
            Self::Master(sentinels) => write!(f, "the master {}", sentinels.name()),
        }
    }
}

fn is_replica(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(role)) if role == b"slave")
}
