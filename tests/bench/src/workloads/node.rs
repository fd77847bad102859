//! Peers on Node, each in a process of its own.

use std::{
    cell::RefCell,
    env, fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::{
    Result,
    item::ITEMS,
    load::{Count, Slice},
};

/// The peer under way; it ends when this is dropped.
pub(super) struct NodePeer {
    child: Child,
    tasks: usize,
    pipes: RefCell<Pipes>,
}

struct Pipes {
    slices: ChildStdin,
    counts: Lines<BufReader<ChildStdout>>,
}

impl NodePeer {
    /// Starts `program` on this server, with so many callers and one argument of its own; installs the packages
    /// first where they are not.
    ///
    /// # Errors
    ///
    /// Fails where there is no node, and where the packages can't be had.
    pub(super) fn start(program: &str, url: &str, tasks: usize, argument: u64) -> Result<Self> {
        let folder = install()?;
        let mut child = Command::new("node")
            .arg(program)
            .args([url, &tasks.to_string(), &ITEMS.to_string(), &argument.to_string()])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(slices), Some(counts)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("node gave no pipes".into());
        };
        let pipes = RefCell::new(Pipes { slices, counts: BufReader::new(counts).lines() });
        Ok(Self { child, tasks, pipes })
    }

    /// Runs one slice.
    pub(super) fn run(&self, slice: Slice) -> Result<Count> {
        let mut pipes = self.pipes.borrow_mut();
        writeln!(pipes.slices, "{} {}", slice.warm_up.as_millis(), slice.measured.as_millis())?;
        let line = pipes.counts.next().ok_or("node has ended")??;
        let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let [calls, elapsed, all_calls, whole, failed] = numbers[..] else {
            return Err(format!("five numbers were expected of node, not '{line}'").into());
        };
        let (elapsed, whole) = (Duration::from_micros(elapsed), Duration::from_micros(whole));
        Ok(Count { callers: self.tasks, calls, elapsed, all_calls, whole, failed })
    }
}

impl Drop for NodePeer {
    fn drop(&mut self) {
        // By its own handle, and waited for.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The folder with the programs and their packages, beside this program.
fn install() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let folder = program.parent().ok_or("this program lies nowhere")?.join("redstart-bench-node");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json", "slices.mjs", "flexible.mjs", "redlock.mjs"] {
        fs::copy(sources.join(file), folder.join(file))?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--silent"];
    let installed = Command::new("npm").args(arguments).current_dir(&folder).status()?;
    if installed.success() { Ok(folder) } else { Err("npm could not install the peers".into()) }
}
