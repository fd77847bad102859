//! What somebody may have meant by a name that is not known.

/// A name that differs by more letters is another word.
const SLIPS: usize = 2;

/// The known name that is nearest to `name`, if it may have been meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.filter_map(|known| Some((slips(name, known)?, known)));
    near.min_by_key(|(slips, _)| *slips).map(|(_, known)| known)
}

/// How many letters are missing, too many, others or swapped; none if that is more than a slip. Upper case is
/// no other letter.
fn slips(name: &str, known: &str) -> Option<usize> {
    let letters = |text: &str| text.chars().map(|letter| letter.to_ascii_lowercase()).collect::<Vec<_>>();
    if known.len() + 4 * SLIPS < name.len() {
        return None;
    }
    let (name, known) = (letters(name), letters(known));
    // How far the beginnings of both lie apart: the last two rows of the table of all beginnings.
    let mut before = Vec::new();
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (at, letter) in name.iter().enumerate() {
        let mut next = vec![at + 1];
        for (place, expected) in known.iter().enumerate() {
            let other = row[place] + usize::from(letter != expected);
            let mut least = other.min(row[place + 1] + 1).min(next[place] + 1);
            let is_swapped = 0 < at && 0 < place && *letter == known[place - 1] && name[at - 1] == *expected;
            if is_swapped {
                least = least.min(before[place - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    // Of a short name most letters must be right.
    row.last().copied().filter(|&slips| slips <= SLIPS && 2 * slips < known.len())
}

#[cfg(test)]
mod tests;
