//! How the copies of several shards become one again.

use rayon::prelude::*;

use super::kernel::{Block, LANES};
use super::matrices::Matrices;

/// Rows that one thread merges at a time.
const ROWS: usize = 256;

/// A row moves by at most this many times the mean of its moves.
///
/// A shard brings its weights the share `1 - x` of the way to where they go, `0 < x < 1`, and for common directions all shards
/// go the same way. After moving by `m` times the mean, `1 - m (1 - x)` of the way is left: with `m` up to 2 that is
/// less than what was there, whatever `x` is; with 4 (the sum of four moves) training diverged on real text.
const MOST: f32 = 2.0;

/// Moves `base` by what the copies have learnt, and makes the copies equal to it.
///
/// Rows that one or two copies moved take the sum of the moves, as if the copies had trained one after the other: rare words
/// learn all there is to learn. Rows that more copies moved take twice the mean.
pub(super) fn merge(base: &mut Matrices, copies: &mut [Matrices], blocks: usize) {
    let (inputs, outputs): (Vec<_>, Vec<_>) =
        copies.iter_mut().map(|c| (&mut c.input, &mut c.output)).unzip();
    merge_matrix(&mut base.input, inputs, blocks);
    merge_matrix(&mut base.output, outputs, blocks);
}

fn merge_matrix(base: &mut [Block], copies: Vec<&mut Vec<Block>>, blocks: usize) {
    let rows = ROWS * blocks;
    let mut pieces: Vec<_> = copies.into_iter().map(|copy| copy.chunks_mut(rows)).collect();
    let jobs: Vec<(&mut [Block], Vec<&mut [Block]>)> = base
        .chunks_mut(rows)
        .map(|piece| (piece, pieces.iter_mut().filter_map(Iterator::next).collect()))
        .collect();
    jobs.into_par_iter().for_each(|(base, mut copies)| merge_rows(base, &mut copies, blocks));
}

fn merge_rows(base: &mut [Block], copies: &mut [&mut [Block]], blocks: usize) {
    for (row, start) in base.chunks_exact_mut(blocks).zip((0..).step_by(blocks)) {
        let here = start..start + blocks;
        let moved = copies.iter().filter(|copy| copy[here.clone()] != *row).count();
        if moved == 0 {
            continue;
        }
        let share = (MOST / moved as f32).min(1.0);
        for (block, at) in row.iter_mut().zip(here.clone()) {
            let from = *block;
            for l in 0..LANES {
                // In the order of the shards: the sum is the same whoever adds.
                let moves: f32 = copies.iter().map(|copy| copy[at].0[l] - from.0[l]).sum();
                block.0[l] = from.0[l] + share * moves;
            }
        }
        for copy in &mut *copies {
            copy[here.clone()].copy_from_slice(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_moves_are_added_up_and_many_are_averaged() {
        let rows = |values: [f32; 3]| values.map(|x| Block([x; LANES])).to_vec();
        let matrices = |values| Matrices { input: rows(values), output: rows([0.0; 3]) };
        let mut base = matrices([1.0, 1.0, 1.0]);
        // Row 0 is moved by one copy, row 1 by two, row 2 by all four.
        let mut copies = [
            matrices([1.5, 1.25, 2.0]),
            matrices([1.0, 1.5, 3.0]),
            matrices([1.0, 1.0, 2.0]),
            matrices([1.0, 1.0, 3.0]),
        ];
        merge(&mut base, &mut copies, 1);
        assert_eq!(base.input, rows([1.5, 1.75, 4.0]));
        assert!(copies.iter().all(|copy| copy.input == base.input && copy.output == base.output));
    }
}
