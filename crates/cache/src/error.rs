//! What can go wrong when a value is loaded.

use std::{error::Error as StdError, fmt, sync::Arc};

/// A value could not be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader failed; all who waited for it share its error.
    Load(Arc<E>),
    /// The load that this caller waited for failed with an error of another type.
    Elsewhere(String),
}

impl<E> LoadError<E> {
    /// The loader's error, when it is of this type.
    #[must_use]
    pub fn loader(&self) -> Option<&E> {
        match self {
            Self::Load(error) => Some(error),
            Self::Elsewhere(_) => None,
        }
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
            Self::Elsewhere(text) => Self::Elsewhere(text.clone()),
        }
    }
}

impl<E> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(_) => f.write_str("the loader failed"),
            Self::Elsewhere(text) => write!(f, "the load that this one waited for failed: {text}"),
        }
    }
}

impl<E: StdError + 'static> StdError for LoadError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.loader().map(|error| error as &(dyn StdError + 'static))
    }
}
