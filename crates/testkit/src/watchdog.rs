//! Makes sure that a server never outlives the process that started it.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A small shell that kills one process when this process ends in whatever way, also by SIGKILL.
///
/// It reads from a pipe that only this process can write to: a line dismisses it, the end of the pipe means
/// that this process is gone. It is in a process group of its own, so that Ctrl-C doesn't end it first.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Watches over the process `pid`, and over a folder that is removed after it.
    pub(crate) fn over(pid: u32, folder: &Path) -> Self {
        let shell = Command::new("sh")
            .args(["-c", r#"read -r _ && exit 0; kill -9 "$1"; rm -rf "$2""#, "watchdog"])
            .arg(pid.to_string())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        Self { shell }
    }
}

impl Drop for Watchdog {
    /// Dismisses it: the process it watched over has been ended, and its number may soon be another's.
    fn drop(&mut self) {
        if let Some(stdin) = &mut self.shell.stdin {
            // A shell that is gone already needs no dismissal.
            drop(stdin.write_all(b"\n"));
        }
        drop(self.shell.wait());
    }
}
