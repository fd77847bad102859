//! One server process: started, watched over, signalled, ended.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use crate::{locate, watchdog::Watchdog};

const POLL: Duration = Duration::from_millis(2);

/// A running process, killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    is_frozen: bool,
    // After the child: dismissed only once that has ended.
    _watchdog: Watchdog,
}

impl Process {
    /// Starts the server program on the settings in `folder`, which the watchdog removes if nobody else does.
    pub(crate) fn start(folder: &Path, arguments: &[String]) -> Result<Self, String> {
        let child = Command::new(program())
            .arg(folder.join("redis.conf"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program().display()))?;
        let watchdog = Watchdog::over(child.id(), folder);
        Ok(Self { child, is_frozen: false, _watchdog: watchdog })
    }

    /// How the process ended by itself, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    pub(crate) fn freeze(&mut self) {
        self.signal("STOP");
        self.is_frozen = true;
        // The signal is on its way when `kill` returns; the test wants it to have arrived.
        let status = format!("/proc/{}/stat", self.id());
        while fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") T ")) {
            thread::sleep(POLL);
        }
    }

    pub(crate) fn thaw(&mut self) {
        self.signal("CONT");
        self.is_frozen = false;
    }

    pub(crate) const fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        // The shell's own `kill`: slim images have no program of that name.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.id())])
            .status()
            .expect("sh can be started");
        assert!(status.success(), "kill -{name} failed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program() -> &'static Path {
    static FOUND: OnceLock<locate::Installed> = OnceLock::new();
    let find = || {
        let here = env::current_dir().expect("the test runs in a folder");
        // A test runs in the folder of its package; the tools are in that of its workspace.
        let tools = here.ancestors().map(locate::tools).find(|tools| tools.is_dir()).unwrap_or_default();
        let servers = locate::servers(&tools).unwrap_or_else(|error| panic!("{error}"));
        let Some(preferred) = servers.into_iter().next() else {
            panic!(
                "no Redis or Valkey server is on the PATH: install one, or name one in {}",
                locate::VARIABLE
            );
        };
        preferred
    };
    &FOUND.get_or_init(find).path
}
