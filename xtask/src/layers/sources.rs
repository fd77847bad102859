//! The files below a folder, as text.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    /// Whether the file belongs to what users get: below `src`, and no test.
    pub(crate) fn is_product(&self) -> bool {
        let part = |name: &str| self.path.iter().any(|part| part == name);
        part("src") && !part("tests") && !part("tests.rs")
    }
}

/// Reads the Rust files below `folder`, with paths relative to `root`.
pub(crate) fn read(root: &Path, folder: &str) -> io::Result<Vec<Source>> {
    read_ending(root, folder, "rs")
}

/// Reads the files below `folder` whose names end so.
pub(crate) fn read_ending(root: &Path, folder: &str, ending: &str) -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let text = fs::read_to_string(&path)?;
                sources.push(Source { path: path.strip_prefix(root).unwrap_or(&path).to_owned(), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}
