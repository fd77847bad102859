//! Another process, spoken to line by line.

use std::{
    cell::RefCell,
    env, fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::{Path, PathBuf},
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::Result;

/// A process under way; it ends when this is dropped.
pub(crate) struct Child {
    process: process::Child,
    pipes: RefCell<Pipes>,
}

struct Pipes {
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Child {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a process gave no pipes".into());
        };
        let pipes = RefCell::new(Pipes { questions, answers: BufReader::new(answers).lines() });
        Ok(Self { process, pipes })
    }

    /// Starts this program once more, with these arguments.
    pub(crate) fn of_this_program(arguments: &[&str]) -> Result<Self> {
        Self::start(Command::new(env::current_exe()?).args(arguments))
    }

    /// Starts a program of the folder `node`; installs its packages first where they are not.
    ///
    /// # Errors
    ///
    /// Fails where there is no node, and where the packages can't be had.
    pub(crate) fn of_node(program: &str, arguments: &[&str]) -> Result<Self> {
        Self::start(Command::new("node").arg(program).args(arguments).current_dir(install()?))
    }

    pub(crate) fn tell(&self, line: &str) -> Result {
        Ok(writeln!(self.pipes.borrow_mut().questions, "{line}")?)
    }

    pub(crate) fn hear(&self) -> Result<String> {
        Ok(self.pipes.borrow_mut().answers.next().ok_or("a process has ended")??)
    }

    /// Tells it a line and hears what it answers: numbers with a space between.
    pub(crate) fn ask_numbers(&self, line: &str) -> Result<Vec<u64>> {
        self.tell(line)?;
        let answer = self.hear()?;
        let numbers = answer.split(' ').map(str::parse).collect::<std::result::Result<_, _>>();
        numbers.map_err(|_| format!("numbers were expected of a process, not '{answer}'").into())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // By its own handle, and waited for.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The folder with the programs and their packages, beside this program.
fn install() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().ok_or("this program lies nowhere")?.join("redstart-bench-node");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    fs::create_dir_all(&folder)?;
    for file in
        ["package.json", "package-lock.json", "slices.mjs", "flexible.mjs", "redlock.mjs", "cache.mjs"]
    {
        fs::copy(sources.join(file), folder.join(file))?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--silent"];
    let installed = Command::new("npm").args(arguments).current_dir(&folder).status()?;
    if installed.success() { Ok(folder) } else { Err("npm could not install the packages of node".into()) }
}
