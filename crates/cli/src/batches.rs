//! How many keys travel at once.

/// So many bytes are to travel at once.
const BYTES: usize = 2 << 20;
const MOST: usize = 500;
const FIRST: usize = 50;

/// Sizes of batches that hold about 2 MiB, whatever the size of the values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batches {
    size: usize,
}

impl Default for Batches {
    fn default() -> Self {
        Self { size: FIRST }
    }
}

impl Batches {
    /// How many keys the next batch has.
    pub(crate) const fn size(self) -> usize {
        self.size
    }

    /// So many keys were so many bytes; a batch grows to twice its size at most.
    pub(crate) fn learn(&mut self, keys: usize, bytes: usize) {
        let each = bytes.checked_div(keys).unwrap_or(0).max(1);
        self.size = (BYTES / each).clamp(1, MOST).min(self.size * 2);
    }

    /// How many of these fit into one batch, given the length of each.
    pub(crate) fn fit(lengths: impl Iterator<Item = usize>) -> usize {
        let mut sum = 0;
        let fitting = lengths.take(MOST).take_while(|length| {
            sum += length;
            sum <= BYTES
        });
        fitting.count().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_big_values_are_small() {
        let mut batches = Batches::default();
        (0..10).for_each(|_| batches.learn(100, 10_000));
        assert_eq!(batches.size(), MOST);
        batches.learn(500, 500 << 20);
        assert_eq!(batches.size(), 2);
        batches.learn(2, 200 << 20);
        assert_eq!(batches.size(), 1);
        (0..3).for_each(|_| batches.learn(1, 10));
        assert_eq!(batches.size(), 8, "it grows step by step");
    }

    #[test]
    fn one_that_is_too_big_travels_alone() {
        assert_eq!(Batches::fit([5 << 20, 1].into_iter()), 1);
        assert_eq!(Batches::fit([1 << 20, 1 << 20, 1].into_iter()), 2);
        assert_eq!(Batches::fit(std::iter::repeat_n(1, 5_000)), MOST);
    }
}
