//! Where things are, and how programs are started there.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Result, console, locate};

/// The checkout that this xtask was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn here() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: package.parent().unwrap_or(package).to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What `setup` installs lies here; `bin` in it comes before every other program.
    pub(crate) fn tools(&self) -> PathBuf {
        locate::tools(&self.root)
    }

    pub(crate) fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        // A path that can't be joined is one that no program could be found on anyway.
        if let Ok(path) = env::join_paths(self.path()) {
            command.env("PATH", path);
        }
        command
    }

    /// Finds a program in `tools` or on the path.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        self.path().map(|folder| folder.join(program)).find(|path| path.is_file())
    }

    fn path(&self) -> impl Iterator<Item = PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).collect::<Vec<_>>();
        [self.tools().join("bin")].into_iter().chain(folders)
    }
}

/// What every [`Command`] of an xtask is run with.
pub(crate) trait Run {
    /// Runs to the end with the output in sight.
    fn run(&mut self) -> Result;

    /// Runs to the end with the output in sight, and hands over every line of it.
    fn watch(&mut self, line: impl FnMut(&str)) -> Result;

    /// Runs to the end and returns what was written to the standard output.
    fn read(&mut self) -> Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> Result {
        console::command(&shown(self));
        let status = self.status().map_err(|error| format!("{}: {error}", shown(self)))?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(self)).into()) }
    }

    fn watch(&mut self, mut line: impl FnMut(&str)) -> Result {
        console::command(&shown(self));
        // One pipe for both, or their lines would get out of order.
        let (reader, writer) = io::pipe()?;
        self.stdout(writer.try_clone()?).stderr(writer);
        let mut child = self.spawn().map_err(|error| format!("{}: {error}", shown(self)))?;
        // The command's own ends would keep the pipe open.
        self.stdout(Stdio::null()).stderr(Stdio::null());
        for text in BufReader::new(reader).split(b'\n') {
            let text = String::from_utf8_lossy(&text?).into_owned();
            console::note(&text);
            line(&text);
        }
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(self)).into()) }
    }

    fn read(&mut self) -> Result<String> {
        let output = self.output().map_err(|error| format!("{}: {error}", shown(self)))?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {}\n{}", shown(self), output.status, errors.trim_end()).into())
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
