//! Who waits for whose load.

/// How far it reaches that of all who miss an id at the same time one loads.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SingleFlight(Reach);

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Reach {
    #[default]
    Process,
    Fleet,
}

impl SingleFlight {
    /// Each process loads once: what a hundred thousand callers would ask the source for, a few
    /// processes do.
    #[must_use]
    pub const fn process() -> Self {
        Self(Reach::Process)
    }

    /// All processes together load once; the others wait and are woken when it is done.
    ///
    /// For loads that are dear. The one that loads says every second that it still does; when it crashes,
    /// another begins after 3 seconds. When it fails, the others let the load rest as it does, and get
    /// [`LoadError::Elsewhere`](crate::LoadError::Elsewhere). Whoever has waited for as long as a load may
    /// take loads all the same.
    #[must_use]
    pub const fn fleet() -> Self {
        Self(Reach::Fleet)
    }

    pub(crate) const fn is_fleet(self) -> bool {
        matches!(self.0, Reach::Fleet)
    }
}
