//! Rows under each other.

use std::fmt;

/// Rows whose columns are as wide as what stands in them; the last one is as long as it is.
///
/// ```
/// use redstart_cli::Table;
///
/// let mut table = Table::new();
/// table.row(["memory", "12 MiB"]);
/// table.row(["clients", "3"]);
/// assert_eq!(table.to_string(), "memory   12 MiB\nclients  3");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row; cells may hold ANSI colours, which take no room.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let wide = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(wide).collect();
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, wide) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', wide - width(cell) + 2));
            }
            let end = if number + 1 < self.rows.len() { "\n" } else { "" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

/// How much room a cell takes on a terminal.
fn width(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn colours_take_no_room() {
        let mut table = Table::new();
        table.row(["\x1b[31mred\x1b[0m", "1"]).row(["green", "2"]);
        assert_eq!(table.to_string(), "\x1b[31mred\x1b[0m    1\ngreen  2");
    }

    #[test]
    fn rows_may_differ_in_length() {
        let mut table = Table::new();
        table.row(["a"]).row(["bb", "c"]);
        assert_eq!(table.to_string(), "a\nbb  c");
    }
}
