//! Elementwise functions of losses and readouts.

use crate::Real;
use crate::simd::{Loops, dispatch};
use std::marker::PhantomData;

/// An elementwise function and its derivatives, on slices of equal length.
pub trait Map<R: Real>: Send + Sync {
    /// `out[i] = f(inputs[0][i], inputs[1][i], ...)`
    fn value(&self, inputs: &[&[R]], out: &mut [R]);
    /// `input_gradients[k][i] += df/dx_k * out_gradient[i]`
    fn gradient(&self, inputs: &[&[R]], out_gradient: &[R], input_gradients: &mut [&mut [R]]);
}

/// What generated code implements for an elementwise function: the methods of [`Map`] as `#[inline(always)]` loops, to be
/// inlined into the clones for each instruction set.
pub trait MapKernel: Send + Sync {
    /// See [`Map::value`].
    fn value<R: Real>(inputs: &[&[R]], out: &mut [R]);
    /// See [`Map::gradient`].
    fn gradient<R: Real>(inputs: &[&[R]], out_gradient: &[R], input_gradients: &mut [&mut [R]]);
}

/// A [`MapKernel`] as a [`Map`] (see [`crate::simd`]).
#[derive(Clone, Copy, Debug, Default)]
pub struct CompiledMap<K>(PhantomData<fn() -> K>);

impl<K> CompiledMap<K> {
    /// Wraps a kernel.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

struct Value<'a, 'b, K, R> {
    inputs: &'a [&'b [R]],
    out: &'a mut [R],
    kernel: PhantomData<K>,
}

impl<K: MapKernel, R: Real> Loops for Value<'_, '_, K, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        K::value(self.inputs, self.out);
    }
}

struct Gradient<'a, 'b, 'c, K, R> {
    inputs: &'a [&'b [R]],
    out_gradient: &'a [R],
    input_gradients: &'a mut [&'c mut [R]],
    kernel: PhantomData<K>,
}

impl<K: MapKernel, R: Real> Loops for Gradient<'_, '_, '_, K, R> {
    type Output = ();
    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        K::gradient(self.inputs, self.out_gradient, self.input_gradients);
    }
}

impl<K: MapKernel, R: Real> Map<R> for CompiledMap<K> {
    fn value(&self, inputs: &[&[R]], out: &mut [R]) {
        dispatch(Value { inputs, out, kernel: PhantomData::<K> });
    }

    fn gradient(&self, inputs: &[&[R]], out_gradient: &[R], input_gradients: &mut [&mut [R]]) {
        dispatch(Gradient { inputs, out_gradient, input_gradients, kernel: PhantomData::<K> });
    }
}
