//! Files that are written whole or not at all.

use std::{fs, path::Path};

use serde::Serialize;

use crate::Failure;

/// Writes a file as a whole: what was there before stays until then.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let done = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    done.map_err(|error| Failure::usage(format!("{} can't be written: {error}", path.display())))
}

/// Writes a document as JSON.
pub(crate) fn write_json(path: &Path, document: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_vec_pretty(document)
        .map_err(|error| Failure::found(format!("{} can't be written as JSON: {error}", path.display())))?;
    write(path, &json)
}
