/// Appends the decimal digits of a number.
///
/// Keys are built on the hot path. Each digit goes straight to its place: gathered in a buffer first, single
/// bytes would be read again as words before they are there, which takes longer than all the rest.
#[inline]
pub(crate) fn push_decimal(out: &mut String, number: u64) {
    if number < 10 {
        return out.push(digit(number));
    }
    if 100 <= number {
        push_decimal(out, number / 100);
    }
    out.push(digit(number / 10 % 10));
    out.push(digit(number % 10));
}

#[inline]
fn digit(number: u64) -> char {
    char::from(b"0123456789"[usize::try_from(number % 10).unwrap_or(0)])
}

#[cfg(test)]
mod tests;
