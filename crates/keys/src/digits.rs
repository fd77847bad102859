/// Appends the decimal digits of a number.
///
/// Keys are built on the hot path. Each digit goes straight to its place: gathered in a buffer first, single
/// bytes would be read again as words before they are there, which takes longer than all the rest.
#[inline]
pub(crate) fn push_decimal(out: &mut String, number: u64) {
    if 10 <= number {
        push_decimal(out, number / 10);
    }
    out.push(char::from(b"0123456789"[usize::try_from(number % 10).unwrap_or(0)]));
}

#[cfg(test)]
mod tests;
