//! What may travel in one command.

use std::{collections::HashMap, hash::Hash};

/// Indices of what shares a slot, in the order of their first; all together where there are no slots.
pub(super) fn by_slot(slots: impl Iterator<Item = Option<u16>>) -> Vec<Vec<usize>> {
    by(slots)
}

/// Indices of what is alike, in the order of their first.
pub(super) fn by<T: Copy + Eq + Hash>(marks: impl Iterator<Item = T>) -> Vec<Vec<usize>> {
    let mut known = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    // Where there are no slots all marks are alike, and none but the first is hashed.
    let mut last = None;
    for (index, mark) in marks.enumerate() {
        let group = match last {
            Some((same, group)) if same == mark => group,
            _ => *known.entry(mark).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            }),
        };
        last = Some((mark, group));
        groups[group].push(index);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::by_slot;

    #[test]
    fn groups_keep_their_order() {
        assert_eq!(by_slot([None, None, None].into_iter()), [vec![0, 1, 2]]);
        assert_eq!(by_slot([Some(7), Some(3), Some(7), Some(1)].into_iter()), [vec![0, 2], vec![1], vec![3]]);
        assert_eq!(by_slot([Some(7), Some(7), Some(3), Some(7)].into_iter()), [vec![0, 1, 3], vec![2]]);
        assert!(by_slot(std::iter::empty()).is_empty());
    }
}
