//! A real browser for tests of pages: Node, Chromium, and the packages that drive it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::locate;

/// What drives a browser: Node, Chromium, and the packages that `cargo xtask setup --all` installs.
#[derive(Clone, Debug)]
pub struct Browser {
    node: PathBuf,
    chromium: PathBuf,
    packages: PathBuf,
}

impl Browser {
    /// Finds it; otherwise what is missing. `workspace` is the folder of the workspace.
    ///
    /// # Errors
    ///
    /// Fails when something is not installed here.
    pub fn find(workspace: &Path) -> Result<Self, &'static str> {
        let program = |names: &[&str]| {
            let folders = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&folders)
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
                .find(|path| path.is_file())
        };
        let packages = locate::tools(workspace).join("browser");
        Ok(Self {
            node: program(&["node"]).ok_or("node is not here")?,
            chromium: program(&["chromium", "chromium-browser", "google-chrome"])
                .ok_or("chromium is not here")?,
            packages: Some(packages)
                .filter(|folder| folder.join("node_modules/playwright-core").is_dir())
                .ok_or("playwright-core is not here: `cargo xtask setup --all`")?,
        })
    }

    /// A script that drives it: `CHROMIUM` and `PACKAGES` tell it where they are.
    #[must_use]
    pub fn script(&self, path: &str) -> Command {
        let mut script = Command::new(&self.node);
        script.arg(path).env("CHROMIUM", &self.chromium).env("PACKAGES", &self.packages);
        script
    }
}
