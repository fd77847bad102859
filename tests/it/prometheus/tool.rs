//! The real promtool: found, or got from this system's packages.

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use redstart_testkit::locate;

/// The tool.
pub(super) struct Tool(PathBuf);

/// The tool; without it, says so.
pub(super) fn promtool() -> Option<&'static Tool> {
    static TOOL: OnceLock<Option<Tool>> = OnceLock::new();
    let tool = TOOL.get_or_init(|| find().or_else(get).map(Tool)).as_ref();
    if tool.is_none() {
        println!("skipped: promtool is not here and can't be had: see `cargo xtask setup promtool`");
    }
    tool
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [locate::tools(workspace()).join("bin")].into_iter().chain(env::split_paths(&path));
    folders.map(|folder| folder.join("promtool")).find(|program| program.is_file())
}

/// Tests run side by side, each in a process of its own: one of them gets it, the others wait for that one.
fn get() -> Option<PathBuf> {
    let lock = locate::tools(workspace()).with_extension("lock");
    std::fs::create_dir_all(lock.parent()?).ok()?;
    let lock = std::fs::File::create(lock).ok()?;
    lock.lock().ok()?;
    if let Some(program) = find() {
        return Some(program);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let setup = ["run", "--quiet", "--package", "xtask", "--", "setup", "promtool"];
    let status = Command::new(cargo).args(setup).current_dir(workspace()).stdin(Stdio::null()).status();
    status.ok().filter(std::process::ExitStatus::success).and_then(|_| find())
}

impl Tool {
    /// Runs it to its end; answers what it said, as an error when it was not content.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        self.read(arguments, "")
    }

    /// The same, with something to read.
    pub(super) fn read(&self, arguments: &[&str], text: &str) -> Result<String, String> {
        let mut command = Command::new(&self.0);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }
}
