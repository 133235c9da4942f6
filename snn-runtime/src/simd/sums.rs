//! Sums of arrays.

use super::{Loops, dispatch};
use crate::Real;

/// `to += from`, as far as both go.
pub(crate) fn add<R: Real>(to: &mut [R], from: &[R]) {
    dispatch(Add(to, from));
}

struct Add<'a, R>(&'a mut [R], &'a [R]);

impl<R: Real> Loops for Add<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        self.0.iter_mut().zip(self.1).for_each(|(to, &x)| *to += x);
    }
}
