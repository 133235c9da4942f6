//! The impulses of a step that are not 0, and their product with a matrix: only the rows of these neurons are read.

use super::collect::bits_of;
use super::packed::{FACTOR, NARROW, Packed, store, tiles};
use crate::Real;
use crate::simd::{Loops, dispatch};

/// A list has so many sums, each of every so-manieth impulse: one addition takes as long as several can be begun in.
const SUMS: usize = 4;
/// The neurons that are looked at together.
const WORD: usize = 64;
/// So many places are written without looking whether there are as many.
const TOGETHER: usize = 8;

/// The neurons of each sample of a block that have an impulse in a step.
#[derive(Debug, Default)]
pub(crate) struct Impulses {
    /// One list after the other, ascending, and whatever lies behind the last.
    rows: Vec<u32>,
    /// Where the list of each sample ends.
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
        let most = sparse.samples * sparse.rows + TOGETHER;
        if self.rows.len() < most {
            self.rows.resize(most, 0);
        }
        self.ends.clear();
        dispatch(Find { impulses: self, sparse });
        self.ends.last().copied().unwrap_or_default()
    }

    /// The product of the numbers that were looked through with a matrix. `out`: `[samples, columns]`
    pub(crate) fn product<R: Real>(&self, sparse: Sparse<'_, R>, packed: &Packed<R, FACTOR>, out: &mut [R]) {
        dispatch(Product { impulses: self, sparse, packed, out });
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
        let (rows, mut end) = (&mut rows[..], 0);
        for sample in 0..self.sparse.samples {
            let (words, rest) = self.sparse.sample(sample).as_chunks::<WORD>();
            let mut last = [R::ZERO; WORD];
            last[..rest.len()].copy_from_slice(rest);
            for (w, word) in words.iter().chain(if rest.is_empty() { None } else { Some(&last) }).enumerate() {
                let mut flags = [0; WORD];
                for (flag, &x) in flags.iter_mut().zip(word) {
                    *flag = u8::from(x != R::ZERO);
                }
                let mut bits = bits_of(&flags);
                let mut next = end;
                end += bits.count_ones() as usize;
                // What is written behind the last bit is written over, as in `SpikeTrain`.
                while bits != 0 {
                    for place in &mut rows[next..][..TOGETHER] {
                        *place = (w * WORD) as u32 + bits.trailing_zeros();
                        bits &= bits.wrapping_sub(1);
                    }
                    next += TOGETHER;
                }
            }
            ends.push(end);
        }
    }
}

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
        for (start, width) in tiles(self.packed.columns(), FACTOR) {
            // As many columns as leave registers for all sums: four of them for each.
            match (width == FACTOR, BYTES, BYTES / size_of::<R>()) {
                (true, 64, _) => self.columns::<FACTOR, FACTOR>(start, 0),
                (true, _, 8) => (0..FACTOR).step_by(16).for_each(|sub| self.columns::<FACTOR, 16>(start, sub)),
                (true, ..) => (0..FACTOR).step_by(8).for_each(|sub| self.columns::<FACTOR, 8>(start, sub)),
                _ => self.columns::<NARROW, NARROW>(start, 0),
            }
        }
    }
}

impl<R: Real> Product<'_, R> {
    /// All samples times `N` columns of a tile, beginning at `sub`.
    #[inline(always)]
    fn columns<const WIDTH: usize, const N: usize>(&mut self, start: usize, sub: usize) {
        let columns = self.packed.columns();
        let first = start + sub;
        let used = columns.saturating_sub(first);
        if used == 0 {
            return;
        }
        let (tile, _) = self.packed.tile(start, WIDTH).as_chunks::<WIDTH>();
        let mut begin = 0;
        for (sample, &end) in self.impulses.ends.iter().enumerate() {
            let numbers = &self.sparse.sample(sample)[..tile.len()];
            let (list, rest) = self.impulses.rows[begin..end].as_chunks::<SUMS>();
            begin = end;
            let mut sums = [[R::ZERO; N]; SUMS];
            for rows in list {
                for (sum, &row) in sums.iter_mut().zip(rows) {
                    let (x, row) = (numbers[row as usize], &tile[row as usize][sub..]);
                    let Some(&row) = row.first_chunk::<N>() else { return };
                    *sum = std::array::from_fn(|j| x.mul_add(row[j], sum[j]));
                }
            }
            // The last ones, filled up with nothing times row 0.
            let mut last = [(R::ZERO, 0); SUMS];
            for (last, &row) in last.iter_mut().zip(rest) {
                *last = (numbers[row as usize], row);
            }
            for (sum, &(x, row)) in sums.iter_mut().zip(&last) {
                let Some(&row) = tile[row as usize][sub..].first_chunk::<N>() else { return };
                *sum = std::array::from_fn(|j| x.mul_add(row[j], sum[j]));
            }
            let [mut sum, b, mut c, d] = sums;
            for j in 0..N {
                sum[j] += b[j];
                c[j] += d[j];
                sum[j] += c[j];
            }
            store(&mut self.out[sample * columns + first..], used, sum);
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
