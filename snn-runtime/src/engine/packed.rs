//! A weight matrix in the order in which the kernels read it, and the two kernels that multiply by it.
//!
//! Columns are cut into wide tiles. A remainder is one more of them, or narrow tiles of 16 columns if it is not more than half of one,
//! padded with zeros. A tile holds its part of all rows one after the other: so its rows use all sets of the first-level cache, and
//! loops over columns have no remainders. Wide are 64 columns where rows are added up, and 32 where matrices are multiplied: as many as
//! the sums of eight samples leave registers for, so that a product reads its tile line by line.
//! Every output has one accumulator and takes the rows in ascending order: a product with zeros and ones and the sum of
//! the rows that belong to the ones are the same bits, and neither depends on how outputs are grouped.

use super::BLOCK;
use crate::Real;
use crate::aligned::Aligned;
use crate::simd::{Loops, dispatch};
use crate::threads::PIECE;
use rayon::prelude::*;
use std::iter::Zip;
use std::ops::Range;
use std::slice::Iter;

/// The columns of a wide tile where rows are added up.
pub(crate) const TILE: usize = 64;
/// The columns of a wide tile of a matrix that is multiplied.
pub(crate) const FACTOR: usize = 32;
/// The columns of a tile in the remainder.
pub(crate) const NARROW: usize = 16;

/// A matrix `[rows, columns]` in tiles, of which the wide ones have `WIDE` columns.
#[derive(Debug, Default)]
pub(crate) struct Packed<R, const WIDE: usize> {
    rows: usize,
    columns: usize,
    data: Aligned<R>,
}

/// The tiles of so many columns, `wide` ones and narrow ones: (first column, width with padding).
#[inline(always)]
pub(crate) fn tiles(columns: usize, wide: usize) -> impl Iterator<Item = (usize, usize)> {
    let end = end_of_wide(columns, wide);
    let all_wide = (0..end).step_by(wide).map(move |c| (c, wide));
    all_wide.chain((end..columns).step_by(NARROW).map(|c| (c, NARROW)))
}

/// The end of the last wide tile.
pub(super) fn end_of_wide(columns: usize, wide: usize) -> usize {
    (columns + wide / 2 - 1) / wide * wide
}

/// The columns of all tiles, with padding.
fn padded(columns: usize, wide: usize) -> usize {
    end_of_wide(columns, wide).max(columns.next_multiple_of(NARROW))
}

impl<R: Real, const WIDE: usize> Packed<R, WIDE> {
    /// Takes a matrix in, row-major, keeping the memory: as `effective(row, column, number)`.
    pub(crate) fn fill(
        &mut self,
        rows: usize,
        columns: usize,
        matrix: &[R],
        effective: impl Fn(usize, usize, R) -> R + Sync,
    ) {
        self.fill_tiles(rows, columns, |start, width, tile| {
            let used = width.min(columns - start);
            for (row, line) in tile.chunks_exact_mut(width).enumerate() {
                let (line, padding) = line.split_at_mut(used);
                let numbers = &matrix[row * columns + start..][..used];
                for (j, (w, &number)) in line.iter_mut().zip(numbers).enumerate() {
                    *w = effective(row, start + j, number);
                }
                padding.fill(R::ZERO);
            }
        });
    }

    /// Takes the transpose of a matrix `[columns, rows]`, row-major, in: as `effective(row, column, number)`, row and column of that
    /// matrix.
    pub(crate) fn fill_transposed(
        &mut self,
        rows: usize,
        columns: usize,
        matrix: &[R],
        effective: impl Fn(usize, usize, R) -> R + Sync,
    ) {
        self.fill_tiles(rows, columns, |start, width, tile| {
            // Eight rows at a time: each source line is read in pieces of a cache line.
            for (piece, lines) in tile.chunks_mut(8 * width).enumerate() {
                for j in 0..width {
                    let places = lines[j..].iter_mut().step_by(width);
                    if start + j >= columns {
                        places.for_each(|w| *w = R::ZERO);
                        continue;
                    }
                    let numbers = &matrix[(start + j) * rows..][piece * 8..];
                    for (i, (w, &number)) in places.zip(numbers).enumerate() {
                        *w = effective(start + j, piece * 8 + i, number);
                    }
                }
            }
        });
    }

    /// Gives every tile its numbers: `fill(first column, width, tile)`. Large ones are dealt to the threads.
    fn fill_tiles(&mut self, rows: usize, columns: usize, fill: impl Fn(usize, usize, &mut [R]) + Sync) {
        (self.rows, self.columns) = (rows, columns);
        self.data.resize(rows * padded(columns, WIDE));
        let end = end_of_wide(columns, WIDE);
        let (wide, narrow) = self.data.split_at_mut(rows * end);
        let length = (rows * WIDE).max(1);
        let wide = wide.par_chunks_mut(length).with_min_len(PIECE.div_ceil(length)).enumerate();
        wide.for_each(|(tile, numbers)| fill(tile * WIDE, WIDE, numbers));
        let narrow = narrow.chunks_mut((rows * NARROW).max(1)).enumerate();
        narrow.for_each(|(tile, numbers)| fill(end + tile * NARROW, NARROW, numbers));
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.data.bytes()
    }

    /// The number of columns.
    #[inline(always)]
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The rows of a tile.
    #[inline(always)]
    pub(super) fn tile(&self, start: usize, width: usize) -> &[R] {
        &self.data[start * self.rows..(start + width) * self.rows]
    }

    /// `out[s] += a[s] . self` for each of `count` samples, where `a[s]` are the `rows` numbers from
    /// `s * a_stride` and `out[s]` the `columns` numbers from `s * columns`.
    pub(crate) fn product(&self, count: usize, a: &[R], a_stride: usize, out: &mut [R]) {
        products(&[Factor { packed: self, a, a_stride }], count, false, out);
    }
}

impl<R: Real> Packed<R, TILE> {
    /// Adds the rows of many lists, tile by tile: each to the `columns` numbers of `out` from its place on. The indices are counted
    /// from `first`. With a `start`, the sums begin with these `columns` numbers, and not with what is there.
    pub(crate) fn add_rows_at(&self, lists: &[(&[u32], usize)], first: usize, start: Option<&[R]>, out: &mut [R]) {
        self.add_rows_within(0..self.columns, lists, first, start, out);
    }

    /// The same for the sums of some columns, which begin where a wide tile does, and end where one does or with the last: `out`
    /// and `start` have numbers for these alone.
    pub(crate) fn add_rows_within(
        &self,
        columns: Range<usize>,
        lists: &[(&[u32], usize)],
        first: usize,
        start: Option<&[R]>,
        out: &mut [R],
    ) {
        dispatch(AddRows { packed: self, columns, lists, first, start, out });
    }
}

/// A factor of a product: see [`Packed::product`].
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a, R, const WIDE: usize> {
    pub(crate) packed: &'a Packed<R, WIDE>,
    pub(crate) a: &'a [R],
    pub(crate) a_stride: usize,
}

/// The numbers of four samples, one of each after the other.
type Four<'a, T> = Zip<Zip<Iter<'a, T>, Iter<'a, T>>, Zip<Iter<'a, T>, Iter<'a, T>>>;

impl<'a, R, const WIDE: usize> Factor<'a, R, WIDE> {
    /// The first `rows` numbers of four samples from `sample` on.
    #[inline(always)]
    fn four(&self, sample: usize, rows: usize) -> Four<'a, R> {
        let (a, stride) = (self.a, self.a_stride);
        let (first, second) = (&a[sample * stride..][..rows], &a[(sample + 1) * stride..][..rows]);
        let (third, fourth) = (&a[(sample + 2) * stride..][..rows], &a[(sample + 3) * stride..][..rows]);
        first.iter().zip(second).zip(third.iter().zip(fourth))
    }
}

/// The products of several matrices with the same number of columns, one after the other, while their sums stay in registers:
/// the bits are those of one [`Packed::product`] after the other. `fresh`: the sums begin with 0, and not with what is there.
pub(crate) fn products<R: Real, const WIDE: usize>(
    factors: &[Factor<'_, R, WIDE>],
    count: usize,
    fresh: bool,
    out: &mut [R],
) {
    if let Some(first) = factors.first() {
        dispatch(Product { factors, columns: first.packed.columns, count, fresh, out });
    }
}

/// Whether two sums of `WIDTH` numbers leave registers of `bytes` for the rows: then two lists of rows are added up at once, as
/// one addition takes as long as four can be begun in.
pub(crate) const fn is_paired<R>(width: usize, bytes: usize) -> bool {
    width * size_of::<R>() <= 4 * bytes
}

/// Adds rows to a sum; `place` gives the place of a row.
#[inline(always)]
pub(crate) fn sum_of<R: Real, I: Copy, const WIDTH: usize>(
    rows: &[[R; WIDTH]],
    list: &[I],
    place: impl Fn(I) -> usize,
    start: [R; WIDTH],
) -> [R; WIDTH] {
    let mut sum = start;
    for &index in list {
        let row = &rows[place(index)];
        sum = std::array::from_fn(|j| sum[j] + row[j]);
    }
    sum
}

/// As [`sum_of`] for two lists at once.
#[inline(always)]
pub(crate) fn sums_of<R: Real, I: Copy, const WIDTH: usize>(
    rows: &[[R; WIDTH]],
    lists: [&[I]; 2],
    place: impl Fn(I) -> usize + Copy,
    start: [[R; WIDTH]; 2],
) -> [[R; WIDTH]; 2] {
    let both = lists[0].len().min(lists[1].len());
    let [(a, more_a), (b, more_b)] = lists.map(|list| list.split_at(both));
    let [mut sum_a, mut sum_b] = start;
    for (&a, &b) in a.iter().zip(b) {
        let (row_a, row_b) = (&rows[place(a)], &rows[place(b)]);
        sum_a = std::array::from_fn(|j| sum_a[j] + row_a[j]);
        sum_b = std::array::from_fn(|j| sum_b[j] + row_b[j]);
    }
    [sum_of(rows, more_a, place, sum_a), sum_of(rows, more_b, place, sum_b)]
}

/// The numbers of a tile, which begin `out`: of one that is not full with whatever comes behind them, which [`store`] leaves.
#[inline(always)]
pub(super) fn load<R: Real, const WIDTH: usize>(out: &[R]) -> [R; WIDTH] {
    match out.first_chunk::<WIDTH>() {
        Some(out) => *out,
        None => load_last(out),
    }
}

/// Writes the first `used` numbers of a tile.
#[inline(always)]
pub(super) fn store<R: Real, const WIDTH: usize>(out: &mut [R], used: usize, sum: [R; WIDTH]) {
    match out.first_chunk_mut::<WIDTH>() {
        Some(out) if used >= WIDTH => *out = sum,
        _ => store_part(&mut out[..used], sum),
    }
}

/// [`load`] at the end of an array. By itself, as [`store_part`]: what is done to single numbers makes the compiler take sums apart
/// into pieces of several sizes.
#[inline(never)]
fn load_last<R: Real, const WIDTH: usize>(out: &[R]) -> [R; WIDTH] {
    let mut numbers = [R::ZERO; WIDTH];
    numbers[..out.len()].copy_from_slice(out);
    numbers
}

/// [`store`] of a tile that is not full.
#[inline(never)]
fn store_part<R: Real, const WIDTH: usize>(out: &mut [R], sum: [R; WIDTH]) {
    out.copy_from_slice(&sum[..out.len()]);
}

struct AddRows<'a, R> {
    packed: &'a Packed<R, TILE>,
    columns: Range<usize>,
    lists: &'a [(&'a [u32], usize)],
    first: usize,
    start: Option<&'a [R]>,
    out: &'a mut [R],
}

impl<R: Real> Loops for AddRows<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(mut self) {
        let (columns, all) = (self.columns.clone(), self.packed.columns);
        let mut rest = tiles(all, TILE).filter(move |(column, _)| columns.contains(column)).peekable();
        while let Some((column, width)) = rest.next() {
            // A list in two tiles is read once, and ends once; two wide ones of it fill as many registers as two lists in one. But the
            // rows of one wide tile that many lists name stay in the first-level cache, those of two do not.
            let next = rest.peek().map(|&(column, width)| (width, column + width <= all));
            let paired = const { is_paired::<R>(TILE, BYTES) };
            match (width, next) {
                (TILE, Some((TILE, true))) if paired && self.lists.len() <= BLOCK => {
                    self.two_tiles::<TILE, TILE, true>(column)
                }
                (TILE, Some((NARROW, true))) if paired => self.two_tiles::<TILE, NARROW, true>(column),
                (NARROW, Some((NARROW, true))) if paired => self.two_tiles::<NARROW, NARROW, true>(column),
                (NARROW, Some((NARROW, false))) if paired => self.two_tiles::<NARROW, NARROW, false>(column),
                _ => {
                    match (width, column + width <= all) {
                        (TILE, true) => self.tile::<TILE, BYTES, true>(column),
                        (TILE, false) => self.tile::<TILE, BYTES, false>(column),
                        (_, true) => self.tile::<NARROW, BYTES, true>(column),
                        (_, false) => self.tile::<NARROW, BYTES, false>(column),
                    }
                    continue;
                }
            }
            rest.next();
        }
    }
}

impl<R: Real> AddRows<'_, R> {
    /// Where a sum begins: with `start`, or with what is there.
    #[inline(always)]
    fn begin<const WIDTH: usize, const FULL: bool>(
        &self,
        start: Option<[R; WIDTH]>,
        column: usize,
        place: usize,
    ) -> [R; WIDTH] {
        let out = || &self.out[place + column - self.columns.start..];
        match start {
            Some(start) => start,
            None if FULL => load(&out()[..WIDTH]),
            None => load(out()),
        }
    }

    /// Keeps the sum of the tile that begins with `column`, in an array that begins at `place`.
    #[inline(always)]
    fn keep<const WIDTH: usize, const FULL: bool>(&mut self, column: usize, place: usize, sum: [R; WIDTH]) {
        let used = self.packed.columns - column;
        let out = &mut self.out[place + column - self.columns.start..];
        match FULL {
            true => store(&mut out[..WIDTH], WIDTH, sum),
            false => store(out, used, sum),
        }
    }

    /// Adds the rows of all lists to the columns of two tiles; the second is full or not.
    #[inline(always)]
    fn two_tiles<const A: usize, const B: usize, const FULL: bool>(&mut self, column: usize) {
        let (low, _) = self.packed.tile(column, A).as_chunks::<A>();
        let (high, _) = self.packed.tile(column + A, B).as_chunks::<B>();
        let high = &high[..low.len()];
        let first = self.first;
        let from = column - self.columns.start;
        let start_low = self.start.map(|start| load(&start[from..]));
        let start_high = self.start.map(|start| load(&start[from + A..]));
        for &(list, place) in self.lists {
            let mut a: [R; A] = self.begin::<A, true>(start_low, column, place);
            let mut b: [R; B] = self.begin::<B, FULL>(start_high, column + A, place);
            for &index in list {
                let index = index as usize - first;
                let (row, other) = (&low[index], &high[index]);
                a = std::array::from_fn(|j| a[j] + row[j]);
                b = std::array::from_fn(|j| b[j] + other[j]);
            }
            self.keep::<A, true>(column, place, a);
            self.keep::<B, FULL>(column + A, place, b);
        }
    }

    /// Adds the rows of all lists to the columns of one tile, which is full or not.
    #[inline(always)]
    fn tile<const WIDTH: usize, const BYTES: usize, const FULL: bool>(&mut self, column: usize) {
        let (rows, _) = self.packed.tile(column, WIDTH).as_chunks::<WIDTH>();
        let first = self.first;
        let row = |index: u32| index as usize - first;
        let start = self.start.map(|start| load(&start[column - self.columns.start..]));
        let mut rest = self.lists;
        if const { is_paired::<R>(WIDTH, BYTES) } {
            let (pairs, last) = rest.as_chunks::<2>();
            for &[(a, at_a), (b, at_b)] in pairs {
                let begin_a = self.begin::<WIDTH, FULL>(start, column, at_a);
                let begin_b = self.begin::<WIDTH, FULL>(start, column, at_b);
                let [sum_a, sum_b] = sums_of(rows, [a, b], row, [begin_a, begin_b]);
                self.keep::<WIDTH, FULL>(column, at_a, sum_a);
                self.keep::<WIDTH, FULL>(column, at_b, sum_b);
            }
            rest = last;
        }
        for &(list, place) in rest {
            let sum = sum_of(rows, list, row, self.begin::<WIDTH, FULL>(start, column, place));
            self.keep::<WIDTH, FULL>(column, place, sum);
        }
    }
}

struct Product<'a, R, const WIDE: usize> {
    factors: &'a [Factor<'a, R, WIDE>],
    columns: usize,
    count: usize,
    fresh: bool,
    out: &'a mut [R],
}

impl<R: Real, const WIDE: usize> Loops for Product<'_, R, WIDE> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(mut self) {
        let mut first = 0;
        while BYTES == 64 && first + 8 <= self.count {
            self.eight_samples(first);
            first += 8;
        }
        while first + 4 <= self.count {
            self.samples::<4, BYTES>(first);
            first += 4;
        }
        match self.count - first {
            1 => self.samples::<1, BYTES>(first),
            2 => self.samples::<2, BYTES>(first),
            3 => self.samples::<3, BYTES>(first),
            _ => {}
        }
    }
}

impl<R: Real, const WIDE: usize> Product<'_, R, WIDE> {
    /// Eight samples against all tiles, with the registers of AVX-512: two for each sample, or one (`f32`) of a narrow tile, where
    /// four samples would wait for each other's sums. Loops and not `for_each`: a closure that is not inlined has no wide registers.
    #[inline(always)]
    fn eight_samples(&mut self, first: usize) {
        for (start, width) in tiles(self.columns, WIDE) {
            match (width == WIDE, size_of::<R>()) {
                (true, 4) => {
                    for sub in (0..WIDE).step_by(32) {
                        self.eight::<WIDE, 32>(first, start, sub);
                    }
                }
                (true, _) => {
                    for sub in (0..WIDE).step_by(16) {
                        self.eight::<WIDE, 16>(first, start, sub);
                    }
                }
                (_, 4) => self.eight::<NARROW, NARROW>(first, start, 0),
                _ => {
                    self.block::<4, NARROW, NARROW>(first, start, 0);
                    self.block::<4, NARROW, NARROW>(first + 4, start, 0);
                }
            }
        }
    }

    /// Eight samples times `N` columns of a tile, beginning at `sub`.
    ///
    /// The sums are two arrays, which the compiler keeps in registers, as it does not one that is twice as long, nor two that are made
    /// by `from_fn`; and the numbers of the samples come from iterators, since it keeps the bounds of eight slices in memory and looks
    /// at them for each row.
    #[inline(always)]
    fn eight<const WIDTH: usize, const N: usize>(&mut self, sample: usize, start: usize, sub: usize) {
        match self.columns.saturating_sub(start + sub) {
            used if used >= N => self.eight_of::<WIDTH, N, true>(sample, start, sub),
            _ => self.eight_of::<WIDTH, N, false>(sample, start, sub),
        }
    }

    /// The same, of a tile that is full or not.
    #[inline(always)]
    fn eight_of<const WIDTH: usize, const N: usize, const FULL: bool>(
        &mut self,
        sample: usize,
        start: usize,
        sub: usize,
    ) {
        let (columns, first) = (self.columns, start + sub);
        let used = if FULL { N } else { columns.saturating_sub(first) };
        if used == 0 {
            return;
        }
        let out = &mut self.out[sample * columns..(sample + 8) * columns];
        // Of a full tile there are as many numbers.
        let place = |m: usize| m * columns + first..if FULL { m * columns + first + N } else { 8 * columns };
        let mut low = [[R::ZERO; N]; 4];
        let mut high = [[R::ZERO; N]; 4];
        if !self.fresh {
            for (m, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                *low = load(&out[place(m)]);
                *high = load(&out[place(m + 4)]);
            }
        }
        for factor in self.factors {
            let (tile, _) = factor.packed.tile(start, WIDTH).as_chunks::<WIDTH>();
            let (first, second) = (factor.four(sample, tile.len()), factor.four(sample + 4, tile.len()));
            for (row, (((&a, &b), (&c, &d)), ((&e, &f), (&g, &h)))) in tile.iter().zip(first.zip(second)) {
                let Some(&row) = row[sub..].first_chunk::<N>() else { return };
                for (sum, x) in low.iter_mut().zip([a, b, c, d]) {
                    *sum = std::array::from_fn(|j| x.mul_add(row[j], sum[j]));
                }
                for (sum, x) in high.iter_mut().zip([e, f, g, h]) {
                    *sum = std::array::from_fn(|j| x.mul_add(row[j], sum[j]));
                }
            }
        }
        for m in 0..4 {
            store(&mut out[place(m)], used, low[m]);
            store(&mut out[place(m + 4)], used, high[m]);
        }
    }

    /// `M` samples against all tiles. The sums of a block fill registers: of `f32`, 4 x 64 and 4 x 32 take 16 and 8 of the 32 of
    /// AVX-512, 4 x 16 take 8 of the 16 of AVX2, which covers the latency of the two multipliers.
    #[inline(always)]
    fn samples<const M: usize, const BYTES: usize>(&mut self, first: usize) {
        for (start, width) in tiles(self.columns, WIDE) {
            match (width == WIDE, BYTES / size_of::<R>()) {
                (true, 16) => self.block::<M, WIDE, WIDE>(first, start, 0),
                (true, 8) => {
                    for sub in (0..WIDE).step_by(16) {
                        self.block::<M, WIDE, 16>(first, start, sub);
                    }
                }
                (true, _) => {
                    for sub in (0..WIDE).step_by(8) {
                        self.block::<M, WIDE, 8>(first, start, sub);
                    }
                }
                _ => self.block::<M, NARROW, NARROW>(first, start, 0),
            }
        }
    }

    /// `M` samples times `N` columns of a tile, beginning at `sub`, all accumulators in registers.
    #[inline(always)]
    fn block<const M: usize, const WIDTH: usize, const N: usize>(&mut self, sample: usize, start: usize, sub: usize) {
        let columns = self.columns;
        let first = start + sub;
        let used = columns.saturating_sub(first);
        if used == 0 {
            return;
        }
        let out = &mut self.out[sample * columns..(sample + M) * columns];
        let mut sum = [[R::ZERO; N]; M];
        if !self.fresh {
            sum = std::array::from_fn(|m| load(&out[m * columns + first..]));
        }
        for factor in self.factors {
            let (tile, _) = factor.packed.tile(start, WIDTH).as_chunks::<WIDTH>();
            let a: [&[R]; M] = std::array::from_fn(|m| &factor.a[(sample + m) * factor.a_stride..][..tile.len()]);
            for (k, row) in tile.iter().enumerate() {
                let Some(&row) = row[sub..].first_chunk::<N>() else { return };
                for m in 0..M {
                    let x = a[m][k];
                    sum[m] = std::array::from_fn(|j| x.mul_add(row[j], sum[m][j]));
                }
            }
        }
        for (m, sum) in sum.into_iter().enumerate() {
            store(&mut out[m * columns + first..], used, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::at_each_level;

    /// Numbers between -1 and 1 without pattern.
    fn numbers<R: Real>(n: usize, seed: u64) -> Vec<R> {
        let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..n)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                R::from_f64((x >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
            })
            .collect()
    }

    fn naive<R: Real>(count: usize, rows: usize, columns: usize, a: &[R], w: &[R], out: &mut [R]) {
        for s in 0..count {
            for c in 0..columns {
                for k in 0..rows {
                    out[s * columns + c] = a[s * rows + k].mul_add(w[k * columns + c], out[s * columns + c]);
                }
            }
        }
    }

    fn check<R: Real, const WIDE: usize>() {
        for (rows, columns) in [(1, 1), (7, 10), (33, 64), (40, 83), (5, 24), (9, 113), (5, 130), (64, 256)] {
            let w: Vec<R> = numbers(rows * columns, 1);
            let mut packed = Packed::<R, WIDE>::default();
            packed.fill(rows, columns, &w, |_, _, w| w);
            let mut transposed = Packed::<R, WIDE>::default();
            transposed.fill_transposed(columns, rows, &w, |i, j, w| w + R::from_f64((i + 3 * j) as f64));
            let mut other = Packed::<R, WIDE>::default();
            let turned: Vec<R> = (0..rows * columns).map(|k| w[k % rows * columns + k / rows]).collect();
            other.fill(columns, rows, &turned, |i, j, w| w + R::from_f64((j + 3 * i) as f64));
            assert_eq!(transposed.data[..], other.data[..]);
            for count in 1..=8 {
                let a: Vec<R> = numbers(count * rows, 2);
                let start: Vec<R> = numbers(count * columns, 3);
                let mut expected = start.clone();
                naive(count, rows, columns, &a, &w, &mut expected);
                at_each_level(|level| {
                    let mut out = start.clone();
                    packed.product(count, &a, rows, &mut out);
                    assert_eq!(out, expected, "{level:?} {rows} {columns} {count}");
                    let (mut twice, factor) = (start.clone(), Factor { packed: &packed, a: &a, a_stride: rows });
                    products(&[factor, factor], count, false, &mut twice);
                    let (mut fresh, mut cleared) = (start.clone(), vec![R::ZERO; start.len()]);
                    products(&[factor], count, true, &mut fresh);
                    products(&[factor], count, false, &mut cleared);
                    assert_eq!(fresh, cleared, "{level:?} {rows} {columns} {count}");
                    packed.product(count, &a, rows, &mut out);
                    assert_eq!(out, twice, "{level:?} {rows} {columns} {count}");
                });
            }
        }
    }

    #[test]
    fn the_product_is_the_naive_one_bit_for_bit() {
        check::<f32, FACTOR>();
        check::<f64, FACTOR>();
        check::<f32, TILE>();
        check::<f64, TILE>();
    }

    #[test]
    fn adding_rows_is_the_product_with_ones_bit_for_bit() {
        for (rows, columns) in [(50, 10), (50, 20), (50, 32), (50, 64), (50, 80), (50, 120), (50, 200)] {
            let w: Vec<f32> = numbers(rows * columns, 5);
            let (mut packed, mut factor) = (Packed::<f32, TILE>::default(), Packed::<f32, FACTOR>::default());
            packed.fill(rows, columns, &w, |_, _, w| w);
            factor.fill(rows, columns, &w, |_, _, w| w);
            let a: Vec<f32> = numbers::<f32>(rows, 6).iter().map(|&x| if x > 0.3 { 1.0 } else { 0.0 }).collect();
            let indices: Vec<u32> = (0..rows as u32).filter(|&i| a[i as usize] == 1.0).collect();
            at_each_level(|level| {
                let mut dense = numbers(columns, 7);
                let mut sparse = dense.clone();
                let mut steps = dense.repeat(3);
                factor.product(1, &a, rows, &mut dense);
                packed.add_rows_at(&[(&indices[..], 0)], 0, None, &mut sparse);
                packed.add_rows_at(
                    &[(&indices[..], 0), (&indices[1..], columns), (&indices[..], 2 * columns)],
                    0,
                    None,
                    &mut steps,
                );
                assert_eq!(dense, sparse, "{level:?}");
                let mut fewer = steps[columns..2 * columns].to_vec();
                packed.add_rows_at(&[(&indices[..1], 0)], 0, None, &mut fewer);
                assert_eq!((&steps[..columns], &steps[2 * columns..]), (&dense[..], &dense[..]), "{level:?}");
                assert!(fewer.iter().zip(&dense).all(|(a, b)| (a - b).abs() < 1e-5), "{level:?}");
                let start: Vec<f32> = numbers(columns, 7);
                packed.add_rows_at(&[(&indices[..], 0), (&indices[..], columns)], 0, Some(&start), &mut steps);
                assert_eq!((&steps[..columns], &steps[columns..2 * columns]), (&dense[..], &dense[..]), "{level:?}");
                let many: Vec<(&[u32], usize)> = (0..=BLOCK).map(|k| (&indices[..], k * columns)).collect();
                let mut steps = vec![0.0; many.len() * columns];
                packed.add_rows_at(&many, 0, Some(&start), &mut steps);
                assert!(steps.chunks(columns).all(|sums| sums == dense), "{level:?}");
            });
        }
    }
}
