//! The impulses of a step that are not 0, and their product with a matrix: only the rows of these neurons are read, if there are at least
//! a word of rows.

use super::packed::{FACTOR, NARROW, Packed, end_of_wide, load, store};
use crate::Real;
use crate::simd::places::{WORD, Wide, bits_of_nonzero, list};
use crate::simd::{Loops, dispatch};

/// The neurons of each sample of a block that have an impulse in a step.
#[derive(Debug, Default)]
pub(crate) struct Impulses {
    /// One list after the other, ascending, and whatever lies behind the last.
    rows: Vec<u32>,
    /// Where the list of each sample ends in each word. `[sample, word]`
    ends: Vec<usize>,
}

/// Numbers of some samples, many of them 0: `rows` of each from `sample * stride` on.
#[derive(Clone, Copy)]
pub(crate) struct Sparse<'a, R> {
    pub(crate) numbers: &'a [R],
    pub(crate) stride: usize,
    pub(crate) rows: usize,
    pub(crate) samples: usize,
}

impl<R: Real> Sparse<'_, R> {
    #[inline(always)]
    fn sample(&self, sample: usize) -> &[R] {
        &self.numbers[sample * self.stride..][..self.rows]
    }
}

impl Impulses {
    /// Looks for the numbers that are not 0. Returns how many there are.
    pub(crate) fn find<R: Real>(&mut self, sparse: Sparse<'_, R>) -> usize {
        let most = sparse.samples * sparse.rows + WORD;
        if self.rows.len() < most {
            self.rows.resize(most, 0);
        }
        self.ends.clear();
        dispatch(Find { impulses: self, sparse });
        self.ends.last().copied().unwrap_or_default()
    }

    /// The product of the numbers that were looked through with a matrix. `out`: `[samples, columns]`
    pub(crate) fn product<R: Real>(&self, sparse: Sparse<'_, R>, packed: &Packed<R, FACTOR>, out: &mut [R]) {
        if sparse.rows < WORD {
            out.fill(R::ZERO);
            return packed.product(sparse.samples, sparse.numbers, sparse.stride, out);
        }
        dispatch(Product { impulses: self, sparse, packed, out });
    }

    /// The impulses of a sample in a word.
    #[inline(always)]
    fn list(&self, place: usize) -> &[u32] {
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[begin..self.ends[place]]
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        4 * self.rows.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

struct Find<'a, R> {
    impulses: &'a mut Impulses,
    sparse: Sparse<'a, R>,
}

impl<R: Real> Loops for Find<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let Impulses { rows, ends } = self.impulses;
        let (wide, rows, mut end) = (Wide::new::<BYTES>(), &mut rows[..], 0);
        for sample in 0..self.sparse.samples {
            let (words, rest) = self.sparse.sample(sample).as_chunks::<WORD>();
            let mut last = [R::ZERO; WORD];
            last[..rest.len()].copy_from_slice(rest);
            for (w, word) in words.iter().chain(if rest.is_empty() { None } else { Some(&last) }).enumerate() {
                let Some(places) = rows[end..].first_chunk_mut::<WORD>() else { return };
                end += list(wide, bits_of_nonzero(wide, word), |i| (w * WORD + i) as u32, places);
                ends.push(end);
            }
        }
    }
}

/// At least a word of rows.
struct Product<'a, R> {
    impulses: &'a Impulses,
    sparse: Sparse<'a, R>,
    packed: &'a Packed<R, FACTOR>,
    out: &'a mut [R],
}

impl<R: Real> Loops for Product<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(mut self) {
        let (end, columns) = (end_of_wide(self.packed.columns(), FACTOR), self.packed.columns());
        // As many columns at once as leave registers: their sums fill half of them.
        let mut start = 0;
        while start < end {
            start += match ((end - start) / FACTOR, BYTES, size_of::<R>()) {
                (4.., 64, 4) => self.columns::<2, FACTOR, FACTOR>(start, 0),
                (2.., 64, _) | (2.., 32, 4) => self.columns::<1, FACTOR, FACTOR>(start, 0),
                (_, 32.., _) => self.columns::<1, FACTOR, { FACTOR / 2 }>(start, 0),
                _ => {
                    for sub in (0..FACTOR).step_by(8) {
                        self.columns::<1, FACTOR, 4>(start, sub);
                    }
                    FACTOR
                }
            };
        }
        for start in (end..columns).step_by(NARROW) {
            self.columns::<1, NARROW, { NARROW / 2 }>(start, 0);
        }
    }
}

impl<R: Real> Product<'_, R> {
    /// All samples times two times `HALF` pieces of `N` columns, which follow each other in tiles, beginning at `sub`. Returns how many
    /// columns these are.
    #[inline(always)]
    fn columns<const HALF: usize, const WIDTH: usize, const N: usize>(&mut self, start: usize, sub: usize) -> usize {
        let width = 2 * HALF * N;
        if start + sub + width <= self.packed.columns() {
            self.columns_of::<HALF, WIDTH, N, true>(start, sub);
        } else {
            self.columns_of::<HALF, WIDTH, N, false>(start, sub);
        }
        width
    }

    /// The same, if these columns are all there or not. Every sum takes the rows in ascending order, as that of a dense product does.
    ///
    /// The sums are two arrays, which the compiler keeps in registers, as it does not one that is twice as long.
    #[inline(always)]
    fn columns_of<const HALF: usize, const WIDTH: usize, const N: usize, const FULL: bool>(
        &mut self,
        start: usize,
        sub: usize,
    ) {
        let (columns, rows) = (self.packed.columns(), self.sparse.rows);
        let tile = |k: usize| {
            let first = start + (sub + k * N) / WIDTH * WIDTH;
            &self.packed.tile(first, WIDTH).as_chunks::<WIDTH>().0[..rows]
        };
        let low_tiles: [&[[R; WIDTH]]; HALF] = std::array::from_fn(tile);
        let high_tiles: [&[[R; WIDTH]]; HALF] = std::array::from_fn(|k| tile(HALF + k));
        let column = |k: usize| if N == WIDTH { 0 } else { (sub + k * N) % WIDTH };
        let width = if FULL { 2 * HALF * N } else { columns.saturating_sub(start + sub) };
        if width == 0 {
            return;
        }
        let words = rows.div_ceil(WORD);
        for word in 0..words {
            // The last word ends with the last row: so all are whole, and with a remainder that changes nothing no place in them has to
            // be checked.
            let first = (word * WORD).min(rows - WORD);
            let low_rows = low_tiles.map(|tile| whole_word(tile, first));
            let high_rows = high_tiles.map(|tile| whole_word(tile, first));
            for sample in 0..self.sparse.samples {
                let list = self.impulses.list(sample * words + word);
                let numbers = whole_word(self.sparse.sample(sample), first);
                let out = &mut self.out[sample * columns..][..columns][start + sub..][..width];
                let mut low = [[R::ZERO; N]; HALF];
                let mut high = [[R::ZERO; N]; HALF];
                if word > 0 {
                    for k in 0..HALF {
                        low[k] = begin::<R, N, FULL>(out, k);
                        high[k] = begin::<R, N, FULL>(out, HALF + k);
                    }
                }
                for &row in list {
                    let row = (row as usize - first) % WORD;
                    let x = numbers[row];
                    for k in 0..HALF {
                        let Some(&a) = low_rows[k][row][column(k)..].first_chunk::<N>() else { return };
                        let Some(&b) = high_rows[k][row][column(HALF + k)..].first_chunk::<N>() else { return };
                        low[k] = std::array::from_fn(|j| x.mul_add(a[j], low[k][j]));
                        high[k] = std::array::from_fn(|j| x.mul_add(b[j], high[k][j]));
                    }
                }
                for k in 0..HALF {
                    keep::<R, N, FULL>(out, k, low[k]);
                    keep::<R, N, FULL>(out, HALF + k, high[k]);
                }
            }
        }
    }
}

/// A word of rows from one on.
#[inline(always)]
fn whole_word<T>(rows: &[T], first: usize) -> &[T; WORD] {
    &rows[first..].as_chunks::<WORD>().0[0]
}

/// The `k`-th piece of sums: of those that are not full, and of those behind them, what is there.
#[inline(always)]
fn begin<R: Real, const N: usize, const FULL: bool>(out: &[R], k: usize) -> [R; N] {
    match FULL {
        true => load(&out[k * N..][..N]),
        false => load(out.get(k * N..).unwrap_or_default()),
    }
}

/// Writes the `k`-th piece of sums, as far as there is one.
#[inline(always)]
fn keep<R: Real, const N: usize, const FULL: bool>(out: &mut [R], k: usize, sum: [R; N]) {
    match FULL {
        true => store(&mut out[k * N..][..N], N, sum),
        false => {
            let out = out.get_mut(k * N..).unwrap_or_default();
            store(out, out.len().min(N), sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::at_each_level;

    /// Rows and columns with and without remainders, all or no impulses, and samples that are part of a longer row.
    fn check<R: Real>() {
        for (rows, columns) in [(1, 1), (7, 10), (64, 64), (70, 83), (130, 256)] {
            let numbers = |n: usize, k: usize| (0..n).map(move |i| R::from_f64((i * k % 97) as f64 / 31.0 - 1.3));
            let matrix: Vec<R> = numbers(rows * columns, 11).collect();
            let mut packed = Packed::<R, FACTOR>::default();
            packed.fill(rows, columns, &matrix, |_, _, w| w);
            for (samples, every) in [(8, 3), (3, 1), (1, 7), (2, 1000)] {
                let stride = rows + 5;
                let mut sparse: Vec<R> = numbers(samples * stride, 7).collect();
                for (i, x) in sparse.iter_mut().enumerate().filter(|(i, _)| i % every != every / 2) {
                    *x = if i % 2 == 0 { R::ZERO } else { -R::ZERO };
                }
                let mut first: Option<Vec<R>> = None;
                at_each_level(|level| {
                    let mut impulses = Impulses::default();
                    let sparse = Sparse { numbers: &sparse, stride, rows, samples };
                    let found = impulses.find(sparse);
                    let mut out = vec![R::from_f64(9.0); samples * columns];
                    impulses.product(sparse, &packed, &mut out);
                    let mut dense = vec![R::ZERO; samples * columns];
                    packed.product(samples, sparse.numbers, stride, &mut dense);
                    assert_eq!(out, dense, "{level:?} {rows} {columns}");
                    let mut count = 0;
                    for (a, out) in sparse.numbers.chunks(stride).zip(out.chunks(columns)) {
                        count += a[..rows].iter().filter(|x| **x != R::ZERO).count();
                        for (c, out) in out.iter().enumerate() {
                            let terms = a[..rows].iter().zip(matrix[c..].iter().step_by(columns));
                            let exact: f64 = terms.map(|(a, w)| a.to_f64() * w.to_f64()).sum();
                            assert!((exact - out.to_f64()).abs() < 1e-4, "{level:?} {rows} {columns} {exact} {out}");
                        }
                    }
                    assert_eq!(found, count, "{level:?}");
                    assert_eq!(*first.get_or_insert(out.clone()), out, "{level:?} {rows} {columns}");
                });
            }
        }
    }

    #[test]
    fn the_product_is_that_of_all_numbers_and_the_same_at_each_level() {
        check::<f32>();
        check::<f64>();
    }
}
