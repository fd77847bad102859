//! Room for the name of a key, which each thread uses again for the next one.

use std::cell::Cell;

use redstart_keys::Key;

thread_local! {
    /// Subjects are of limited length, and so is what a thread keeps here.
    static ROOM: Cell<String> = const { Cell::new(String::new()) };
}

/// Takes this thread's room; it is new if there is none, as on a thread that is about to end.
#[inline]
pub(crate) fn take() -> String {
    ROOM.try_with(Cell::take).unwrap_or_default()
}

/// Leaves the room of a key that is of no more use to the next one of this thread.
#[inline]
pub(crate) fn leave(key: Key) {
    let room = key.into_room();
    // A thread that is about to end has no use for it.
    let _gone = ROOM.try_with(|mine| mine.set(room));
}
