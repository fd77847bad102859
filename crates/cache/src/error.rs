//! What can go wrong when a value is loaded.

use std::{any::Any, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// A value could not be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader failed; all who waited for it share its error, and so do those who ask while loads of
    /// this id rest.
    Load(Arc<E>),
    /// The load that this caller waited for failed, in another process or with an error of another type.
    Elsewhere(String),
    /// The load took longer than this and was dropped.
    TimedOut(Duration),
}

/// An error for callers whose loaders may fail with another type.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Load { error: Arc<dyn Any + Send + Sync>, text: String },
    Elsewhere(String),
    TimedOut(Duration),
}

impl<E> LoadError<E> {
    /// The loader's error, when it is of this type.
    #[must_use]
    pub fn loader(&self) -> Option<&E> {
        match self {
            Self::Load(error) => Some(error),
            Self::Elsewhere(_) | Self::TimedOut(_) => None,
        }
    }
}

impl<E: Send + Sync + 'static> LoadError<E> {
    /// What a process hears of a failure in another one.
    pub(crate) fn resting() -> Self {
        Self::Elsewhere("it failed in another process a moment ago, and rests".to_owned())
    }

    /// The error without its type.
    pub(crate) fn erased(&self) -> Failure {
        match self {
            Self::Load(error) => {
                let text = format!("a load that fails with {}", std::any::type_name::<E>());
                Failure::Load { error: Arc::clone(error) as Arc<dyn Any + Send + Sync>, text }
            }
            Self::Elsewhere(text) => Failure::Elsewhere(text.clone()),
            Self::TimedOut(after) => Failure::TimedOut(*after),
        }
    }

    /// The error with the type that this caller's loader fails with.
    pub(crate) fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Load { error, text } => match Arc::clone(error).downcast::<E>() {
                Ok(error) => Self::Load(error),
                Err(_) => Self::Elsewhere(text.clone()),
            },
            Failure::Elsewhere(text) => Self::Elsewhere(text.clone()),
            Failure::TimedOut(after) => Self::TimedOut(*after),
        }
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
            Self::Elsewhere(text) => Self::Elsewhere(text.clone()),
            Self::TimedOut(after) => Self::TimedOut(*after),
        }
    }
}

impl<E> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(_) => f.write_str("the loader failed"),
            Self::Elsewhere(text) => write!(f, "the load that this one waited for failed: {text}"),
            Self::TimedOut(after) => write!(f, "the load was given up after {after:?}"),
        }
    }
}

impl<E: StdError + 'static> StdError for LoadError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.loader().map(|error| error as &(dyn StdError + 'static))
    }
}
