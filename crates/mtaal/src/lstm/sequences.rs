//! Sequences of different lengths, side by side without padding.

/// What is written of the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// The state at each step.
    Each,
    /// The last state of each sequence; 0 for a sequence without steps.
    Last,
}

/// Sequences of steps. A step is one row of the output; steps of a sequence follow each other.
///
/// A recurrence reads them in time-major order: the first step of all sequences, the longest sequence first, then the second
/// step of those that have one, and so on. The sequences that still run at a step are then the first ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequences {
    /// For each sequence its first step.
    pub(super) starts: Vec<usize>,
    /// For each sequence its number of steps.
    pub(super) lengths: Vec<usize>,
    /// Sequences from the longest to the shortest.
    pub(super) order: Vec<usize>,
    /// The row of the input that each step reads.
    pub(super) rows: Vec<u32>,
    /// How many sequences run at each step.
    pub(super) active: Vec<usize>,
    /// Where a step's rows begin in time-major order.
    pub(super) offsets: Vec<usize>,
}

impl Sequences {
    /// Sequences whose steps read these rows of the input.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S]) -> Self {
        let lengths: Vec<usize> = sequences.iter().map(|s| s.as_ref().len()).collect();
        let mut starts = Vec::with_capacity(lengths.len());
        let mut rows = Vec::with_capacity(lengths.iter().sum());
        for sequence in sequences {
            starts.push(rows.len());
            rows.extend_from_slice(sequence.as_ref());
        }
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
        let longest = order.first().map_or(0, |&at| lengths[at]);
        let active: Vec<usize> = (0..longest).map(|t| order.partition_point(|&at| lengths[at] > t)).collect();
        let mut offsets = Vec::with_capacity(longest);
        let mut before = 0;
        for &n in &active {
            offsets.push(before);
            before += n;
        }
        Self { starts, lengths, order, rows, active, offsets }
    }

    /// The same sequences, each step reading the row that is its own: what one layer gives the next.
    #[must_use]
    pub fn stacked(&self) -> Self {
        Self { rows: (0..self.rows.len() as u32).collect(), ..self.clone() }
    }

    /// The row of the input that each step reads, sequence by sequence.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The same sequences reading other rows, one for each step.
    ///
    /// # Panics
    /// On another number of rows.
    #[must_use]
    pub fn reading(&self, rows: Vec<u32>) -> Self {
        assert_eq!(rows.len(), self.rows.len(), "each step reads one row");
        Self { rows, ..self.clone() }
    }

    /// Number of sequences.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Steps of all sequences.
    pub fn steps(&self) -> usize {
        self.rows.len()
    }

    /// Rows of the time-major order without a step before them.
    pub(super) fn first_steps(&self) -> usize {
        self.active.first().copied().unwrap_or(0)
    }

    /// The step that a sequence is at after `t` others, read in this direction.
    pub(super) fn step(&self, sequence: usize, t: usize, backwards: bool) -> usize {
        let offset = if backwards { self.lengths[sequence] - 1 - t } else { t };
        self.starts[sequence] + offset
    }

    /// For each row of the time-major order: the row of the input that it read.
    pub(super) fn for_each_step(&self, backwards: bool, mut visit: impl FnMut(usize, usize)) {
        let mut at = 0;
        for (t, &n) in self.active.iter().enumerate() {
            for &sequence in &self.order[..n] {
                visit(at, self.rows[self.step(sequence, t, backwards)] as usize);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_sequences_come_first_and_run_longest() {
        let sequences = Sequences::new(&[vec![4_u32, 5], vec![], vec![7, 8, 9]]);
        assert_eq!((sequences.len(), sequences.steps()), (3, 5));
        assert_eq!((sequences.active.clone(), sequences.offsets.clone()), (vec![2, 2, 1], vec![0, 2, 4]));
        let mut seen = Vec::new();
        sequences.for_each_step(true, |at, row| seen.push((at, row)));
        assert_eq!(seen, [(0, 9), (1, 5), (2, 8), (3, 4), (4, 7)]);
        assert_eq!(sequences.stacked().rows, [0, 1, 2, 3, 4]);
        let other = sequences.reading(vec![4, 1, 7, 8, 1]);
        assert_eq!(other, Sequences::new(&[vec![4_u32, 1], vec![], vec![7, 8, 1]]));
    }
}
