/// Matches a whole text against a glob, as the server's `stringmatchlen` does.
///
/// One difference is left to [`Pattern`](crate::Pattern): here a `*` takes an empty text.
pub(crate) fn matches(mut glob: &[u8], mut text: &[u8]) -> bool {
    // What follows the last star, and where in the text it was last tried. An earlier star
    // need not take more: what follows the last one would only start later still.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after @ ..] = glob {
            retry = Some((after, text));
            glob = after;
            continue;
        }
        if glob.is_empty() && (text.is_empty() || retry.is_some_and(|(after, _)| after.is_empty())) {
            return true;
        }
        let taken = text.split_first().and_then(|(&byte, rest)| Some((take(glob, byte)?, rest)));
        if let Some((glob_rest, text_rest)) = taken {
            (glob, text) = (glob_rest, text_rest);
            continue;
        }
        let Some((after, [_, later @ ..])) = retry else { return false };
        retry = Some((after, later));
        (glob, text) = (after, later);
    }
}

/// What remains of the glob if its first element, which is no star, takes the byte.
fn take(glob: &[u8], byte: u8) -> Option<&[u8]> {
    let (taken, rest) = match glob {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', rest @ ..] => class(rest, byte),
        // A backslash at the very end stands for itself.
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte, rest),
    };
    taken.then_some(rest)
}

/// Reads a class after its `[`: whether it takes the byte, and what follows the class.
///
/// As in the server, a class without `]` ends with the glob, and in `[a-]` the `]` is the
/// end of a range.
fn class(glob: &[u8], byte: u8) -> (bool, &[u8]) {
    let (negated, mut rest) = match glob {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, glob),
    };
    let mut found = false;
    loop {
        let (hit, after) = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', literal, after @ ..] => (*literal == byte, after),
            [start, b'-', end, after @ ..] => (within(byte, *start, *end), after),
            [literal, after @ ..] => (*literal == byte, after),
        };
        found |= hit;
        rest = after;
    }
    (found != negated, rest)
}

/// The server compares C's `char`, which has a sign on x86-64.
fn within(byte: u8, start: u8, end: u8) -> bool {
    let [byte, start, end] = [byte, start, end].map(u8::cast_signed);
    (start.min(end)..=start.max(end)).contains(&byte)
}

#[cfg(test)]
mod tests;
