/// The decimal digits of a number, on the stack: keys are built on the hot path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    bytes: [u8; 20],
    start: usize,
}

impl Digits {
    pub(crate) fn of(mut number: u64) -> Self {
        let mut bytes = [b'0'; 20];
        let mut start = bytes.len();
        // 2^64 has 20 digits, so the loop ends before the buffer does.
        for (at, byte) in bytes.iter_mut().enumerate().rev() {
            *byte = b"0123456789"[usize::try_from(number % 10).unwrap_or(0)];
            number /= 10;
            start = at;
            if number == 0 {
                break;
            }
        }
        Self { bytes, start }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Digits are always UTF-8.
        str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
