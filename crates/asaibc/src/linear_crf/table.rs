//! Lists of numbers, one a row, in one piece of memory.

/// Rows of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Row `i` is `items[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    items: Vec<u32>,
}

impl Default for Table {
    fn default() -> Self {
        Self { starts: vec![0], items: Vec::new() }
    }
}

impl Table {
    /// Adds a number to the row that is being filled.
    pub(super) fn push(&mut self, item: u32) {
        self.items.push(item);
    }

    /// Ends that row.
    pub(super) fn end_row(&mut self) {
        self.starts.push(self.items.len());
    }

    pub(super) fn row(&self, row: usize) -> &[u32] {
        &self.items[self.starts[row]..self.starts[row + 1]]
    }

    pub(super) fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// All numbers, row by row.
    pub(super) fn items(&self) -> &[u32] {
        &self.items
    }

    /// For each number below `numbers` the rows that have it, in their order.
    pub(super) fn inverted(&self, numbers: usize) -> Self {
        let mut starts = vec![0; numbers + 1];
        for &item in &self.items {
            starts[item as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut items = vec![0; self.items.len()];
        for row in 0..self.rows() {
            for &item in self.row(row) {
                items[next[item as usize]] = row as u32;
                next[item as usize] += 1;
            }
        }
        Self { starts, items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverting_lists_the_rows_of_each_number() {
        let mut table = Table::default();
        for row in [&[0, 3][..], &[], &[3, 1], &[3]] {
            for &item in row {
                table.push(item);
            }
            table.end_row();
        }
        let inverted = table.inverted(5);
        let rows: Vec<&[u32]> = (0..inverted.rows()).map(|i| inverted.row(i)).collect();
        assert_eq!(rows, [&[0][..], &[2], &[], &[0, 2, 3], &[]]);
        assert_eq!((table.rows(), table.items()), (4, &[0, 3, 3, 1, 3][..]));
    }
}
