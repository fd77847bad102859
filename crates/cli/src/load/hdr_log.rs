//! The response times as a log of histograms, which the tools of HdrHistogram read.

use std::{io, time::UNIX_EPOCH};

use hdrhistogram::serialization::{V2DeflateSerializer, interval_log::IntervalLogWriterBuilder};

use super::engine::Loaded;

/// The times are kept in microseconds, and the tools expect the maximum of a line in milliseconds.
const MICROS_IN_MILLI: f64 = 1_000.0;

impl Loaded {
    /// Writes the response times of every second, in microseconds.
    ///
    /// # Errors
    ///
    /// Fails when they can't be written.
    pub fn write_hdr_log(&self, out: &mut impl io::Write) -> io::Result<()> {
        let begun = std::time::Duration::from_micros(self.begun.as_micros());
        let mut serializer = V2DeflateSerializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment(&format!(
                "redstart load {}: response times in microseconds",
                self.outcome.scenario.name
            ))
            .with_start_time(UNIX_EPOCH + begun)
            .with_base_time(UNIX_EPOCH + begun)
            .with_max_value_divisor(MICROS_IN_MILLI)
            .begin_log_with(out, &mut serializer)?;
        for interval in &self.intervals {
            log.write_histogram(&interval.response, interval.at, interval.lasted, None)
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::serialization::{
        Deserializer,
        interval_log::{IntervalLogIterator, LogEntry},
    };
    use redstart_connection::Timestamp;

    use super::*;
    use crate::load::{engine::Interval, outcome::Outcome, record::histogram};

    #[test]
    fn what_is_written_is_read_again() {
        let mut response = histogram();
        response.record_n(1_500, 3).unwrap();
        let interval = Interval { at: Duration::from_secs(2), lasted: Duration::from_secs(1), response };
        let begun = Timestamp::from_micros(1_795_181_319_000_000);
        let loaded = Loaded { outcome: Outcome::default(), intervals: vec![interval], begun };
        let mut written = Vec::new();
        loaded.write_hdr_log(&mut written).unwrap();

        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(&written) {
            if let LogEntry::Interval(line) = entry.unwrap() {
                let bytes = base64_decoded(line.encoded_histogram());
                let times = Deserializer::new().deserialize::<u64, _>(&mut &*bytes).unwrap();
                found.push((line.start_timestamp(), line.max(), times.len(), times.max()));
            }
        }
        let equivalent = histogram().highest_equivalent(1_500);
        assert_eq!(found, [(Duration::from_secs(2), equivalent as f64 / 1_000.0, 3, equivalent)]);
    }

    /// Standard base64, with nothing but the standard library.
    fn base64_decoded(text: &str) -> Vec<u8> {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
        for letter in text.bytes().filter(|letter| *letter != b'=') {
            let value = LETTERS.iter().position(|known| *known == letter).unwrap();
            buffer = buffer << 6 | u32::try_from(value).unwrap();
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap());
            }
        }
        bytes
    }
}
